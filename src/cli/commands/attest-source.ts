import { jsonLine } from '../../explain/verdict-json.ts'
import { realPathOf } from '../../files/named-file.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { attestSource, type SourceWord } from '../../packaging/attest/attest-source.ts'
import { keysInForce, type Measure } from '../../packaging/attest/checked-signature.ts'
import { fetchedFile } from '../../packaging/attest/fetched-file.ts'
import { sourceContents } from '../../packaging/contents.ts'
import { policyFor } from '../../policy/lists/policy-for.ts'
import type { Key } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { openStore, type Store } from '../../store/store-client.ts'
import { command, type Invocation, JSON_LINES_OPTION, OUT_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { keysOfArgument } from '../key-argument.ts'
import { readPolicy } from '../policy-argument.ts'
import { sayAttested } from '../say-attested.ts'
import { gitArgument } from '../signature-arguments.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { findStorePath } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends SignerOptions {
  readonly paths: readonly string[]
  readonly out: string
  readonly signature: string | undefined
  readonly checksums: string | undefined
  readonly git: string | undefined
  readonly 'developer-key': readonly string[]
  readonly as: 'packager' | 'developer' | 'reviewer'
  readonly purl: string | undefined
  readonly 'unsigned-upstream': string | undefined
  readonly name: string | undefined
  readonly json: boolean
}

/** `nixsig attest source PATH…`: a developer's, a packager's or a reviewer's word about sources. */
export const attestSourceCommand = command({
  arguments: {
    paths: {
      count: 'one or more',
      text: 'Store paths of sources, or with --name a file as it was downloaded',
    },
  },
  options: {
    ...SIGNER_OPTIONS,
    out: OUT_OPTION,
    signature: {
      kind: 'value',
      value: 'FILE',
      text: "The developer's detached signature: checked, and kept for others to check",
    },
    checksums: {
      kind: 'value',
      value: 'FILE',
      text: 'The list of checksums that this signature is over, and that names the file',
    },
    git: {
      kind: 'value',
      value: 'REPOSITORY#TAG',
      text: "The developer's signature is on this tag, or on a commit, in a repository (directory or URL)",
    },
    'developer-key': {
      kind: 'values',
      value: 'KEY',
      text: "Key to check the signature with, in place of the policy's",
    },
    as: {
      kind: 'value',
      value: 'ROLE',
      choices: ['packager', 'developer', 'reviewer'],
      fallback: 'packager',
      text: 'Your role',
    },
    purl: {
      kind: 'value',
      value: 'PURL',
      text: 'For a developer: the release, as pkg:generic/NAME@VERSION',
    },
    'unsigned-upstream': {
      kind: 'value',
      value: 'REASON',
      text: 'For a packager without a signature to check: why you attest the source all the same',
    },
    name: {
      kind: 'value',
      value: 'NAME',
      text: 'Name in the store of a file that fetchurl will fetch with a sha256',
    },
    json: JSON_LINES_OPTION,
  },
  examples: [
    [
      'attest source ./x.tar.gz --name x.tar.gz --signature x.tar.gz.asc --key bob.secret',
      "As a packager: check the developer's signature on a download, then sign",
    ],
    [
      'attest source ./result --as reviewer --key carol.secret',
      'As a reviewer who has read what ./result leads to',
    ],
  ],
  reads: ['policy'],
  ownPolicy: 'first',
  run: attestSources,
})

async function attestSources(options: Options, invocation: Invocation<'policy'>): Promise<Status> {
  const word = readWord(options, invocation)
  if (options.paths.length > 1 && (options.name !== undefined || 'signature' in word)) {
    throw new UsageError('--name and --signature are about one file: attest one at a time')
  }
  const { terminal } = invocation
  let store: Promise<Store> | undefined
  const inStore = async (path: string) => {
    store ??= openStore()
    return sourceContents(await store, path)
  }
  return withSigner<Status>(options, async signer => {
    try {
      for (const argument of options.paths) {
        terminal.progress(`reading ${printable(argument)}`)
        const measure = measureOf(argument, options.name, inStore)
        const now = Math.floor(Date.now() / 1000)
        const attested = await attestSource(word, { signer, measure, out: options.out, now })
        if (options.json) {
          const { path, says, file, isNew, developers } = attested
          terminal.print(jsonLine({ path, says, file, isNew, developers }))
          continue
        }
        for (const developer of attested.developers) terminal.print(`developer's signature: ${developer}`)
        sayAttested(terminal, attested)
      }
      return 0
    } finally {
      // A store that could not be opened has been complained about already.
      await store?.then(open => open.close()).catch(() => undefined)
    }
  })
}

/**
 * What the options say that is to be signed. Throws UsageError where they say too little, or two
 * things at once.
 */
function readWord(options: Options, { places }: Invocation<'policy'>): SourceWord {
  assertFitting(options)
  const { as, purl } = options
  if (as === 'reviewer') return { as }
  if (as === 'developer') {
    if (purl === undefined) throw new UsageError('which release? (--purl pkg:generic/NAME@VERSION)')
    return { as, purl }
  }
  const signature = signatureOf(options)
  const reason = options['unsigned-upstream']?.trim()
  if (signature !== undefined && reason === undefined) {
    return { as, signature, keys: keysFor(options, places.policy) }
  }
  if (signature === undefined && reason !== undefined && reason !== '') return { as, reason }
  throw new UsageError(
    'a packager checks the developer\'s --signature first; for what upstream does not sign, --unsigned-upstream "why"',
  )
}

/** Throws UsageError for options that do not go together. */
function assertFitting(options: Options): void {
  const { as, git, signature, checksums, purl } = options
  if (git !== undefined && signature !== undefined) {
    throw new UsageError('--git and --signature are two ways to check one source: give one')
  }
  if (checksums !== undefined && signature === undefined) {
    throw new UsageError('--checksums is the list that a --signature is over: give that as well')
  }
  const isSigned = signature !== undefined || git !== undefined
  if (as !== 'packager' && (isSigned || options['unsigned-upstream'] !== undefined)) {
    throw new UsageError(`--signature, --git and --unsigned-upstream are for packagers, not for a ${as}`)
  }
  if (options['developer-key'].length > 0 && !isSigned) {
    throw new UsageError('--developer-key is for checking a --signature or --git: give one of these')
  }
  if (purl !== undefined && as !== 'developer') throw new UsageError('--purl is for --as developer')
}

function signatureOf({ git, signature, checksums }: Options) {
  if (git !== undefined) return gitArgument(git)
  return signature === undefined ? undefined : { signature, checksums }
}

/**
 * The keys that were named or, if none was, those of the policy that are in force, with those of
 * whom entries without addresses name for a source of this name.
 */
function keysFor(
  { 'developer-key': named, paths: [path = ''], name }: Options,
  file: string,
): readonly Key[] {
  if (named.length > 0) return named.flatMap(keysOfArgument)
  const policy = readPolicy(file, true)
  const stored = name === undefined ? findStorePath(path) : undefined
  const called = stored === undefined ? name : parseStorePath(stored).name
  const about = called === undefined ? policy : policyFor(policy, { name: called, kind: 'fetched-source' })
  return keysInForce(about, Math.floor(Date.now() / 1000))
}

function measureOf(
  argument: string,
  name: string | undefined,
  inStore: (path: string) => ReturnType<Measure>,
): Measure {
  const path = findStorePath(argument)
  if (path !== undefined) {
    if (name !== undefined)
      throw new UsageError(`${path} has a name already: --name is for files outside the store`)
    return () => inStore(path)
  }
  const file = realPathOf(argument)
  if (name !== undefined) return () => fetchedFile(file, name)
  const shown = printable(argument)
  throw new UsageError(
    `${shown} is not in the store: add --name with the name that fetchurl gives it, or put it there first (nix-store --add-fixed sha256 ${shown})`,
  )
}
