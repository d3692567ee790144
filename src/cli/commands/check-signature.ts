import { basename } from 'node:path'
import { type DetachedResult, SIGNED_LIST_LIMIT, verifyDetached } from '../../crypto/detached/verify.ts'
import { isStorePath, parseStorePath } from '../../formats/nix/store-path.ts'
import type { ExitCode } from '../../policy/exit-code.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { readList } from '../attest/checked-signature.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { detachedStatus, detachedWords } from '../detached-words.ts'
import { readArgumentFile, realPathOf } from '../file-argument.ts'
import { keysOfArgument } from '../key-argument.ts'
import { looksLikeNixSignature, verifyNixSignature } from '../nix-signature.ts'
import { SIGSTORE_ARGUMENT } from '../sigstore-argument.ts'
import type { Status } from '../status.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly file: string
  readonly signature: string
  readonly checksums: string | undefined
  readonly key: readonly string[]
}

/** `nixsig check-signature FILE SIGNATURE --key KEY…`: a developer's detached signature, without any policy. */
export const checkSignature: AddCommand = yargs =>
  yargs.command(
    'check-signature <file> <signature>',
    "Check a developer's signature with the keys that you name: OpenPGP, minisign, signify, SSH, Sigstore, Nix",
    command =>
      command
        .positional('file', { type: 'string', demandOption: true, describe: 'What was signed' })
        .positional('signature', {
          type: 'string',
          demandOption: true,
          describe:
            'Its signature, whose kind is told by its contents; or a signed list of checksums that names it',
        })
        .option('checksums', {
          type: 'string',
          requiresArg: true,
          describe: 'The list of checksums that the signature is over, and that names the file',
        })
        .option('key', {
          type: 'string',
          array: true,
          demandOption: true,
          requiresArg: true,
          describe: `A key as a policy writes it, a file of keys, or ${SIGSTORE_ARGUMENT}; may be repeated`,
        })
        .example('$0 check-signature x.tar.gz x.tar.gz.asc --key alice.asc', '')
        .example('$0 check-signature x.tar.gz x.tar.gz.minisig --key minisign:RWQ…', '')
        .example('$0 check-signature x.tar.gz SHA256SUMS.asc --checksums SHA256SUMS --key alice.asc', '')
        .example(
          '$0 check-signature x.tar.gz x.sigstore.json --key sigstore:a@b.org,https://c.org,root.json',
          '',
        ),
    runs(check),
  )

async function check(options: Options, { terminal }: Invocation): Promise<Status> {
  const keys = options.key.flatMap(keysOfArgument)
  const file = realPathOf(options.file)
  const signature = readArgumentFile(options.signature, SIGNED_LIST_LIMIT).bytes
  const list = readList(options.checksums)
  try {
    const results = looksLikeNixSignature(signature)
      ? await verifyNixSignature(options.file, signature, keys)
      : await verifyDetached({ file, signature, keys, fileNames: namesOf(options.file, file), ...list })
    sayResults(terminal, options.file, results)
    return detachedStatus(results)
  } catch (error) {
    // A signature that cannot be read proves nothing, either way.
    if (!(error instanceof FormatError)) throw error
    terminal.print(`${terminal.doubtful('undecided')} ${printable(options.file)}: ${error.message}`)
    return 20
  }
}

/** How a list may call the file: as it is called, as what it leads to is, and without the hash of a store path. */
function namesOf(argument: string, file: string): readonly string[] {
  const stored = isStorePath(file) ? [parseStorePath(file).name] : []
  return [...new Set([basename(argument), basename(file), ...stored])]
}

function sayResults(terminal: Terminal, file: string, results: readonly DetachedResult[]): void {
  const lines = results.map(detachedWords)
  if (lines.length === 0) lines.push('none of these keys makes signatures of this kind')
  const head = headFor(terminal, detachedStatus(results))
  terminal.print([`${head} ${printable(file)}`, ...lines.map(line => `  ${line}`)].join('\n'))
}

function headFor(terminal: Terminal, status: ExitCode): string {
  if (status === 0) return terminal.good('good')
  return status === 20 ? terminal.doubtful('undecided') : terminal.bad('refused')
}
