/**
 * `nixsig reproduce PATH…`: builds again what is in the store, and signs what came out the same.
 */
import { attestReproduced, type Reproduced } from '../../packaging/reproduce/attest-reproduced.ts'
import { rebuild } from '../../packaging/reproduce/rebuild.ts'
import { type Rebuild, rebuildsOf, registered, type Target } from '../../packaging/reproduce/targets.ts'
import { sentence } from '../../policy/wording.ts'
import { printable } from '../../primitives/printable.ts'
import { openStore, type Store } from '../../store/store-client.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import { verifyPath } from '../../verifier/verify.ts'
import { command, EVERYWHERE, type Invocation, OUT_OPTION, type PlaceName } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { openReadersInquiry } from '../readable-inquiry.ts'
import { sayAttested } from '../say-attested.ts'
import { sayDiffering } from '../say-differing.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends SignerOptions {
  readonly paths: readonly string[]
  readonly out: string
  readonly timeout: string
  readonly 'diff-timeout': string
  readonly 'no-diffoscope': boolean
}

/** Says as a builder what this machine built again and got the same. */
export const reproduce = command({
  arguments: {
    paths: {
      count: 'one or more',
      text: 'Outputs in the store, links to them, or derivations: x.drv for all of its outputs, x.drv^out,dev for these',
    },
  },
  options: {
    ...SIGNER_OPTIONS,
    out: OUT_OPTION,
    timeout: {
      kind: 'value',
      value: 'SECONDS',
      fallback: '86400',
      text: 'How long Nix may take for each derivation',
    },
    'diff-timeout': {
      kind: 'value',
      value: 'SECONDS',
      fallback: '300',
      text: 'How long diffoscope may take for each output that differs',
    },
    'no-diffoscope': { kind: 'flag', text: 'Do not run diffoscope on what differs' },
  },
  examples: [
    ['reproduce ./result --key builder-1.secret', 'Build ./result again, and sign that it came out the same'],
  ],
  epilogue: `Status 0: all came out the same and is signed. 13: something differs. 20: something was not built.
What differs stays beside the output, with .check at the end of its name, until garbage is collected.`,
  reads: EVERYWHERE,
  ownPolicy: 'without-another',
  run: reproduceAll,
})

/** What building again needs. */
interface Reproducing extends Options {
  readonly inquiry: Inquiry
  readonly store: Store
  readonly terminal: Terminal
}

async function reproduceAll(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  millisecondsIn(options, 'timeout')
  millisecondsIn(options, 'diff-timeout')
  const targets = options.paths.map(targetOf)
  return withSigner<Status>(options, async signer => {
    const reading = openReadersInquiry(places, terminal.note)
    const { inquiry } = reading
    // Its connection keeps the outputs from being collected while they are built again.
    const store = await openStore()
    try {
      const rebuilds = await rebuildsOf(targets, { store, state: reading.places.state })
      const statuses: (0 | 13 | 20)[] = []
      for (const one of rebuilds) {
        const { status, same } = await buildAgain(one, { ...options, inquiry, store, terminal })
        statuses.push(status)
        for (const reproduced of same) {
          const now = Math.floor(Date.now() / 1000)
          const attesting = { signer, inquiry, out: options.out, now }
          sayAttested(terminal, await attestReproduced(reproduced, attesting))
        }
      }
      return mostSevere(statuses)
    } finally {
      store.close()
      reading.close()
    }
  })
}

/** Builds one derivation again; returns those of the outputs asked for that may be signed. */
async function buildAgain(
  one: Rebuild,
  reproducing: Reproducing,
): Promise<{ readonly status: 0 | 13 | 20; readonly same: readonly Reproduced[] }> {
  const { inquiry, store, terminal } = reproducing
  const drv = printable(one.derivation.path.path)
  for (const { path } of one.all) await store.addTempRoot(path.path)
  const same: Reproduced[] = []
  for (const output of one.asked) {
    same.push({ output, before: await registered(store, output.path.path) })
    const verdict = await verifyPath(inquiry, output.path.path, 'registered')
    if (verdict.outcome !== 'trusted') terminal.note(`not trusted as it is: ${sentence(verdict)}`)
  }
  terminal.progress(`building ${drv} again`)
  const rebuilt = await rebuild(one, millisecondsIn(reproducing, 'timeout'))
  if (rebuilt.kind === 'same') return { status: 0, same }
  if (rebuilt.kind === 'failed') {
    const lines = rebuilt.reason.split('\n').map(line => `  ${line}`)
    terminal.print(`${terminal.doubtful('undecided')} ${drv}: it was not built again; nothing is signed:`)
    terminal.print([...lines, '  next: mend what stopped the build, and call again'].join('\n'))
    return { status: 20, same: [] }
  }
  const limit = millisecondsIn(reproducing, 'diff-timeout')
  const diffTimeout = reproducing['no-diffoscope'] ? undefined : limit
  for (const differing of rebuilt.outputs) await sayDiffering(terminal, differing, diffTimeout)
  return { status: 13, same: [] }
}

function targetOf(argument: string): Target {
  const [, drv, names] = /^(.*\.drv)\^(.*)$/s.exec(argument) ?? []
  if (drv === undefined || names === undefined) return { path: storePathOf(argument) }
  const path = storePathOf(drv)
  if (names === '*') return { path }
  const outputs = names.split(',')
  if (outputs.every(name => /^[\w+.?=-]{1,211}$/.test(name))) return { path, outputs }
  throw new UsageError(
    `${printable(argument)} does not end in names of outputs; next: write .drv^out, .drv^out,dev or .drv^*`,
  )
}

function millisecondsIn(options: Options, name: 'timeout' | 'diff-timeout'): number {
  return millisecondsOf(`--${name}`, options[name])
}
