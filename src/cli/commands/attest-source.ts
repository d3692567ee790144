import type { Signer } from '../../crypto/signers/signer.ts'
import { printable } from '../../primitives/printable.ts'
import { openStore, type Store } from '../../store/store-client.ts'
import { sourceContents } from '../attest/contents.ts'
import { fetchedFile } from '../attest/fetched-file.ts'
import { gitArgument } from '../attest/git-revision.ts'
import type { AttestOptions } from '../attest/options.ts'
import { withAttestOptions } from '../attest/options.ts'
import { attestWord, type SourceWord } from '../attest/source-word.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { realPathOf } from '../file-argument.ts'
import { withSigner } from '../signer-argument.ts'
import type { Status } from '../status.ts'
import { findStorePath } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends AttestOptions {
  readonly signature: string | undefined
  readonly checksums: string | undefined
  readonly git: string | undefined
  readonly 'developer-key': readonly string[] | undefined
  readonly as: string
  readonly purl: string | undefined
  readonly 'unsigned-upstream': string | undefined
  readonly name: string | undefined
}

/** `nixsig attest source PATH…`: a developer's, a packager's or a reviewer's word about sources. */
export const attestSource: AddCommand = yargs =>
  yargs.command(
    'source <paths..>',
    "Stand for sources: as a packager, after the developer's own signature was checked",
    command =>
      withAttestOptions(command, 'Store paths of sources, or with --name a file as it was downloaded')
        .option('signature', {
          type: 'string',
          requiresArg: true,
          describe: "The developer's detached signature: checked, and kept for others to check",
        })
        .option('checksums', {
          type: 'string',
          requiresArg: true,
          describe: 'The list of checksums that this signature is over, and that names the file',
        })
        .option('git', {
          type: 'string',
          requiresArg: true,
          describe:
            "REPOSITORY#TAG, a directory or URL: the developer's signature is on this tag, or on a commit",
        })
        .option('developer-key', {
          type: 'string',
          array: true,
          requiresArg: true,
          describe: "Key to check it with, in place of the policy's; may be repeated",
        })
        .option('as', {
          choices: ['packager', 'developer', 'reviewer'],
          default: 'packager',
          describe: 'Your role',
        })
        .option('purl', {
          type: 'string',
          requiresArg: true,
          describe: 'For a developer: the release, as pkg:generic/NAME@VERSION',
        })
        .option('unsigned-upstream', {
          type: 'string',
          requiresArg: true,
          describe: 'For a packager without a signature to check: why you stand for it all the same',
        })
        .option('name', {
          type: 'string',
          requiresArg: true,
          describe: 'Name in the store of a file that fetchurl will fetch with a sha256',
        })
        .example('$0 attest source ./x.tar.gz --name x.tar.gz --signature x.tar.gz.asc --key bob.secret', '')
        .example('$0 attest source ./result --as reviewer --key carol.secret', ''),
    runs(attestSources),
  )

async function attestSources(options: Options, invocation: Invocation): Promise<Status> {
  const word = readWord(options)
  if (options.paths.length > 1 && (options.name !== undefined || word.signature !== undefined)) {
    throw new UsageError('--name and --signature are about one file: attest one at a time')
  }
  return withSigner(options, signer => attestPaths({ word, signer }, options, invocation))
}

async function attestPaths(
  said: { readonly word: SourceWord; readonly signer: Signer },
  options: Options,
  invocation: Invocation,
): Promise<Status> {
  let store: Promise<Store> | undefined
  const inStore = async (path: string) => {
    store ??= openStore()
    return sourceContents(await store, path)
  }
  try {
    for (const argument of options.paths) {
      invocation.terminal.progress(`reading ${printable(argument)}`)
      const measure = measureOf(argument, options.name, inStore)
      await attestWord({ ...said, measure, out: options.out }, invocation)
    }
    return 0
  } finally {
    // A store that could not be opened has been complained about already.
    await store?.then(open => open.close()).catch(() => undefined)
  }
}

/** What the options say that is to be signed. Throws UsageError where they say too little, or two things at once. */
function readWord(options: Options): SourceWord {
  const { as, purl } = options
  if (options.git !== undefined && options.signature !== undefined) {
    throw new UsageError('--git and --signature are two ways to one thing: give one')
  }
  if (options.checksums !== undefined && options.signature === undefined) {
    throw new UsageError('--checksums is the list that a --signature is over, and there is none')
  }
  const signature = signatureOf(options)
  const reason = options['unsigned-upstream']?.trim()
  const keys = options['developer-key']
  if (as !== 'packager' && (signature !== undefined || reason !== undefined)) {
    throw new UsageError(`--signature, --git and --unsigned-upstream are for packagers, not for a ${as}`)
  }
  if (keys !== undefined && signature === undefined) {
    throw new UsageError('--developer-key is for a --signature or --git, and there is none')
  }
  if (purl !== undefined && as !== 'developer') throw new UsageError('--purl is for --as developer')
  if (as === 'reviewer') return { as }
  if (as === 'developer') {
    if (purl === undefined) throw new UsageError('which release? (--purl pkg:generic/NAME@VERSION)')
    return { as, purl }
  }
  if (reason === '' || (signature === undefined) === (reason === undefined)) {
    throw new UsageError(
      'a packager checks the developer\'s --signature first; for what upstream does not sign, --unsigned-upstream "why"',
    )
  }
  return { as: 'packager', signature, keys, reason }
}

function signatureOf({ git, signature, checksums }: Options) {
  if (git !== undefined) return gitArgument(git)
  return signature === undefined ? undefined : { signature, checksums }
}

function measureOf(
  argument: string,
  name: string | undefined,
  inStore: (path: string) => ReturnType<typeof sourceContents>,
) {
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
