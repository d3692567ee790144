/**
 * `nixsig handoff TARGET`: from the developers' signatures to the packager's, for all sources of a
 * derivation.
 */
import { existsSync } from 'node:fs'
import type { Signer } from '../../crypto/signers/signer.ts'
import { FileError } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { shownUrl } from '../../http/shown-url.ts'
import { type CheckProgress, checkAll, type KeysToTry, keysToTry } from '../../packaging/handoff/check-all.ts'
import type { CheckedSource } from '../../packaging/handoff/checked-source.ts'
import { newKeys, rememberKeys } from '../../packaging/handoff/new-keys.ts'
import { signDerivation, signSource } from '../../packaging/handoff/sign.ts'
import { type Source, signedWith, sourcesOf } from '../../packaging/handoff/sources.ts'
import { derivationsOf } from '../../packaging/handoff/targets.ts'
import { keyWord } from '../../packaging/key-names.ts'
import type { Key } from '../../policy/policy.ts'
import { counted } from '../../primitives/counted.ts'
import { printable } from '../../primitives/printable.ts'
import { readDerivation } from '../../verifier/stored-derivation.ts'
import { command, type Invocation, OUT_OPTION } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { sayTable, tableJson } from '../handoff-table.ts'
import { keysOfArgument } from '../key-argument.ts'
import { readPolicy } from '../policy-argument.ts'
import { barLine } from '../progress-bar.ts'
import { sayAttested } from '../say-attested.ts'
import { namedRevisions, namedSignatures } from '../signature-arguments.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import type { Terminal } from '../terminal.ts'
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
  readonly verbose: boolean
  readonly yes: boolean
  readonly 'dry-run': boolean
  readonly json: boolean
}

export const handoff = command({
  arguments: {
    targets: {
      count: 'any number',
      text: 'Derivations (.drv), or files as nix-build takes them; default.nix if there are none',
    },
  },
  options: {
    attr: { kind: 'values', value: 'NAME', short: 'A', text: 'Attribute of the expression' },
    recursive: { kind: 'flag', text: 'All sources of the whole build graph' },
    signature: {
      kind: 'values',
      value: 'SOURCE=PLACE',
      text: 'File or URL of the signature of a source',
    },
    checksums: {
      kind: 'values',
      value: 'SOURCE=PLACE',
      text: 'File or URL of the list of checksums that this signature is over',
    },
    git: {
      kind: 'values',
      value: 'SOURCE=REPOSITORY#TAG',
      text: 'The signature of a source is on this git tag, or on a commit',
    },
    'developer-key': {
      kind: 'values',
      value: 'KEY',
      text: "A developer's key, or a file of keys, in addition to those in the policy",
    },
    ...SIGNER_OPTIONS,
    out: OUT_OPTION,
    reviewed: {
      kind: 'value',
      value: 'REASON',
      text: 'Why you attest sources without a good signature of their developer',
    },
    verbose: { kind: 'flag', text: 'List the addresses at which a signature was looked for' },
    yes: { kind: 'flag', text: 'For scripts that give it: nothing is asked in any case' },
    'dry-run': { kind: 'flag', text: 'Check, and sign nothing' },
    json: { kind: 'flag', text: 'Print the table as JSON' },
  },
  examples: [
    ['handoff hello.nix --key bob.secret --out published', ''],
    ['handoff -A hello --developer-key upstream.asc --key bob.secret', 'needs no policy'],
    ['handoff hello.nix --dry-run', 'shows what is signed, and by whom'],
  ],
  reads: ['policy'],
  ownPolicy: 'first',
  run: handOff,
})

async function handOff(options: Options, invocation: Invocation<'policy'>): Promise<Status> {
  if (options['dry-run']) return handOffBy(undefined, options, invocation)
  return withSigner(options, signer => handOffBy(signer, options, invocation))
}

async function handOffBy(
  signer: Signer | undefined,
  options: Options,
  invocation: Invocation<'policy'>,
): Promise<Status> {
  // Whoever reads JSON wants nothing else there.
  const { print, note } = invocation.terminal
  const terminal = { ...invocation.terminal, print: options.json ? note : print }
  const reviewed = options.reviewed?.trim()
  if (reviewed === '') throw new UsageError('--reviewed "why": say in a few words why you attest them')
  const derivations = (await derivationsOf(options.targets, options.attr)).map(readDerivation)
  const sources = sourcesOf(derivations, options)
  const keys = keysOf(options, invocation)
  const checked = await check(sources, options, { keys, terminal })
  if (options.json) print(tableJson(checked))
  else sayTable(terminal, checked, { asked: options.verbose })
  const unseen = orNote(terminal, () => newKeys(checked, keys.listed)) ?? []
  sayNewKeys(terminal, unseen)

  const bare = checked.filter(({ state }) => state === 'unsigned' || state === 'doubtful')
  const asked = checked.filter(({ state }) => state !== 'signature')
  const left = asked.filter(each => each.state !== 'signed' && !(reviewed && bare.includes(each)))
  if (bare.length > 0 && !options.json) {
    terminal.print(`${bare.length} of ${asked.length} sources have no good signature of their developer`)
  }
  const status = mostSevere(left.map(each => each.status))
  if (signer === undefined) return status
  if (checked.some(({ state }) => state === 'bad' || state === 'missing')) {
    terminal.note('nothing was signed: fix the bad or missing sources first')
    return status
  }
  const signing = { signer, out: options.out, now: Math.floor(Date.now() / 1000) }
  if (unseen.length > 0) orNote(terminal, () => rememberKeys(unseen))
  for (const source of checked) {
    const attested = await signSource(signing, source, reviewed)
    if (attested !== undefined) sayAttested(terminal, attested)
  }
  if (left.length > 0) {
    terminal.note(
      `no derivation was signed: ${left.length} of its sources are not attested (--reviewed "why" attests them)`,
    )
    return status
  }
  const { recursive: graph } = options
  const signed = graph ? derivations : signedWith(derivations, sources)
  for (const derivation of signed) sayAttested(terminal, await signDerivation(signing, derivation, { graph }))
  return status
}

const NEW_KEYS = 10

/** Says of keys that signed and were never seen here before that they are new. */
function sayNewKeys(terminal: Terminal, keys: readonly Key[]): void {
  for (const key of keys.slice(0, NEW_KEYS)) {
    terminal.note(
      `${keyWord(key)} signed something here for the first time: make sure that it is the developer's`,
    )
  }
  if (keys.length > NEW_KEYS) terminal.note(`and ${counted(keys.length - NEW_KEYS, 'more new key')}`)
}

/** What is only remembered for the next time never stops a hand-off. */
function orNote<T>(terminal: Terminal, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    terminal.note(error.message)
    return undefined
  }
}

async function check(
  sources: readonly Source[],
  options: Options,
  { keys, terminal }: { readonly keys: KeysToTry; readonly terminal: Terminal },
): Promise<readonly CheckedSource[]> {
  const signatures = namedSignatures(options.signature, options.checksums)
  const revisions = namedRevisions(options.git)
  const scratch = makeScratch('handoff')
  try {
    const progress = (each: CheckProgress) =>
      terminal.progress(progressLine(each, process.stderr.columns ?? 80))
    return await checkAll(sources, { signatures, revisions, keys, out: options.out, scratch, progress })
  } finally {
    removeScratch(scratch)
  }
}

const MIB = 1024 * 1024

/** How far it is, in one line that fits. */
function progressLine({ done, total, doing }: CheckProgress, columns: number): string {
  const what =
    'url' in doing
      ? `${(doing.bytes / MIB).toFixed(1)} MiB of ${shownUrl(doing.url)}`
      : `checking ${printable(doing.source.path.name)}`
  return barLine({ done, total, doing: what, columns })
}

/** Keys that are named need no policy beside them; what a policy revokes stays revoked. */
function keysOf({ 'developer-key': keys }: Options, { places: { policy } }: Invocation<'policy'>): KeysToTry {
  const named = keys.flatMap(keysOfArgument)
  const isNeeded = named.length === 0 || existsSync(policy)
  return keysToTry(isNeeded ? readPolicy(policy, true) : undefined, named, Math.floor(Date.now() / 1000))
}
