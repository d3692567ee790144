import type { Signer } from '../../crypto/signers/signer.ts'
import { readDerivation } from '../../verifier/stored-derivation.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { checkAll } from '../handoff/check-all.ts'
import { signDerivation, signSource } from '../handoff/sign.ts'
import { signedWith, sourcesOf } from '../handoff/sources.ts'
import { sayTable, tableJson } from '../handoff/table.ts'
import { derivationsOf } from '../handoff/targets.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { mostSevere, type Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends SignerOptions {
  readonly targets: readonly string[]
  readonly attr: readonly string[]
  readonly recursive: boolean
  readonly signature: readonly string[]
  readonly checksums: readonly string[]
  readonly git: readonly string[]
  readonly 'developer-key': readonly string[]
  readonly out: string
  readonly reviewed: string | undefined
  readonly yes: boolean
  readonly 'dry-run': boolean
  readonly json: boolean
}

/** `nixsig handoff TARGET`: from the developers' signatures to the packager's, for all sources of a derivation. */
export const handoff: AddCommand = yargs =>
  yargs.command(
    'handoff [targets..]',
    "As a packager: find and check the developers' signatures of all sources, then sign them and the derivation",
    command =>
      command
        .positional('targets', {
          type: 'string',
          array: true,
          default: [] as string[],
          describe: 'Derivations (.drv), or files as nix-build takes them',
        })
        .options(CHOICES)
        .options(WORDS)
        .example('$0 handoff hello.nix --key bob.secret --out published', '')
        .example('$0 handoff -A hello --developer-key upstream.asc --key bob.secret', '')
        .example('$0 handoff hello.nix --dry-run', 'shows what is signed, and by whom'),
    runs(handOff, ['signature', 'checksums', 'git']),
  )

const many = { type: 'string', array: true, default: [] as string[], requiresArg: true } as const

/** What is looked at. */
const CHOICES = {
  attr: { ...many, alias: 'A', describe: 'Attribute of the expression; may be repeated' },
  recursive: { type: 'boolean', default: false, describe: 'All sources of the whole build graph' },
  signature: { ...many, describe: 'SOURCE=FILE or URL: where the signature of a source is; may be repeated' },
  checksums: { ...many, describe: 'SOURCE=FILE or URL: the list of checksums that it is over' },
  git: { ...many, describe: 'SOURCE=REPOSITORY#TAG: the signature is on this git tag, or on a commit' },
  'developer-key': { ...many, describe: "A key beside those of the policy's list; may be repeated" },
} as const

/** What is said of it. */
const WORDS = {
  ...SIGNER_OPTIONS,
  out: {
    type: 'string',
    default: 'attestations',
    requiresArg: true,
    describe: 'Directory of attestations to add to',
  },
  reviewed: {
    type: 'string',
    requiresArg: true,
    describe: 'Why you stand for sources that no signature of their developer covers',
  },
  yes: { type: 'boolean', default: false, describe: 'Ask nothing, and take no key that is new' },
  'dry-run': { type: 'boolean', default: false, describe: 'Check, and sign nothing' },
  json: { type: 'boolean', default: false, describe: 'The table as JSON' },
} as const

async function handOff(options: Options, invocation: Invocation): Promise<Status> {
  if (options['dry-run']) return handOffBy(undefined, options, invocation)
  return withSigner(options, signer => handOffBy(signer, options, invocation))
}

async function handOffBy(
  signer: Signer | undefined,
  options: Options,
  invocation: Invocation,
): Promise<Status> {
  // Whoever reads JSON wants nothing else there.
  const { print, note } = invocation.terminal
  const terminal = { ...invocation.terminal, print: options.json ? note : print }
  const reviewed = options.reviewed?.trim()
  if (reviewed === '') throw new UsageError('--reviewed "why": say in a few words why you stand for them')
  const derivations = (await derivationsOf(options.targets, options.attr)).map(readDerivation)
  const sources = sourcesOf(derivations, options)
  const checked = await checkAll(sources, { ...options, developerKeys: options['developer-key'] }, invocation)
  if (options.json) print(tableJson(checked))
  else sayTable(terminal, checked)

  const bare = checked.filter(({ state }) => state === 'unsigned' || state === 'doubtful')
  const asked = checked.filter(({ state }) => state !== 'signature')
  const left = asked.filter(each => each.state !== 'signed' && !(reviewed && bare.includes(each)))
  if (bare.length > 0 && !options.json) {
    terminal.print(`${bare.length} of ${asked.length} sources have no good signature of their developer`)
  }
  const status = mostSevere(left.map(each => each.status))
  if (signer === undefined) return status
  if (checked.some(({ state }) => state === 'bad' || state === 'missing')) {
    terminal.note('nothing was signed: what is bad or missing comes first')
    return status
  }
  const signing = { signer, out: options.out, now: Math.floor(Date.now() / 1000), terminal }
  for (const source of checked) await signSource(signing, source, reviewed)
  if (left.length > 0) {
    terminal.note(
      `no derivation was signed: of ${left.length} sources nobody says anything (--reviewed "why")`,
    )
    return status
  }
  const { recursive: graph } = options
  const signed = graph ? derivations : signedWith(derivations, sources)
  for (const derivation of signed) await signDerivation(signing, derivation, { graph })
  return status
}
