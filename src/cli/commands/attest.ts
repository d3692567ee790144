/**
 * `nixsig attest derivation|output`: what a person or a machine says about a store path, signed.
 */
import { attestDerivation, derivationToAttest } from '../../packaging/attest/attest-derivation.ts'
import { attestOutput } from '../../packaging/attest/attest-output.ts'
import { openStore } from '../../store/store-client.ts'
import { command, type Invocation, JSON_LINES_OPTION, OUT_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { sayAttested, sayAttestedJson } from '../say-attested.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { storePathOf } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

interface AttestOptions extends SignerOptions {
  readonly paths: readonly string[]
  readonly out: string
  readonly json: boolean
}

interface DerivationOptions extends AttestOptions {
  readonly graph: boolean
  readonly as: 'packager' | 'reviewer'
}

/** A packager's or a reviewer's word about derivations. */
export const attestDerivationCommand = command({
  arguments: {
    paths: { count: 'one or more', text: 'Store paths of .drv files (nix-instantiate prints them)' },
  },
  options: {
    ...SIGNER_OPTIONS,
    out: OUT_OPTION,
    graph: { kind: 'flag', text: 'Attest their whole build graphs as well' },
    as: {
      kind: 'value',
      value: 'ROLE',
      choices: ['packager', 'reviewer'],
      fallback: 'packager',
      text: 'Your role',
    },
    json: JSON_LINES_OPTION,
  },
  examples: [
    [
      'attest derivation $(nix-instantiate) --graph --key alice-1.secret',
      'The package in default.nix, with everything that it is built from',
    ],
  ],
  run: attestDerivations,
})

async function attestDerivations(options: DerivationOptions, { terminal }: Invocation): Promise<Status> {
  const { graph, out } = options
  if (graph && options.as === 'reviewer')
    throw new UsageError('a reviewer reads one derivation: --graph is for packagers')
  const as = graph ? 'packager of the graph' : options.as
  const say = options.json ? sayAttestedJson : sayAttested
  const now = Math.floor(Date.now() / 1000)
  const derivations = options.paths.map(storePathOf).map(derivationToAttest)
  await withSigner(options, async signer => {
    for (const derivation of derivations)
      say(terminal, await attestDerivation(derivation, { as, now }, { signer, out }))
  })
  return 0
}

/** A builder's word about what this machine built. */
export const attestOutputCommand = command({
  arguments: {
    paths: { count: 'one or more', text: 'Store paths that this machine built, or links to them' },
  },
  options: { ...SIGNER_OPTIONS, out: OUT_OPTION, json: JSON_LINES_OPTION },
  examples: [
    ['attest output ./result --key builder-1.secret', 'Say as a builder what came out of the build here'],
  ],
  reads: ['state'],
  run: attestOutputs,
})

async function attestOutputs(
  options: AttestOptions,
  { places, terminal }: Invocation<'state'>,
): Promise<Status> {
  const paths = options.paths.map(storePathOf)
  const say = options.json ? sayAttestedJson : sayAttested
  return withSigner<Status>(options, async signer => {
    const store = await openStore()
    try {
      const attesting = { signer, store, state: places.state, out: options.out }
      for (const path of paths) {
        terminal.progress(`reading ${path}`)
        say(terminal, await attestOutput(path, attesting))
      }
      return 0
    } finally {
      store.close()
    }
  })
}
