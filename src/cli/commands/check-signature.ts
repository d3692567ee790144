import { basename } from 'node:path'
import { type DetachedResult, SIGNED_LIST_LIMIT, verifyDetached } from '../../crypto/detached/verify.ts'
import { readNamedFile, realPathOf } from '../../files/named-file.ts'
import { isStorePath, parseStorePath } from '../../formats/nix/store-path.ts'
import { readList } from '../../packaging/attest/checked-signature.ts'
import { detachedLines, detachedStatus } from '../../packaging/detached-words.ts'
import { looksLikeNixSignature, verifyNixSignature } from '../../packaging/nix-signature.ts'
import type { ExitCode } from '../../policy/exit-code.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { keysOfArgument, SIGSTORE_ARGUMENT } from '../key-argument.ts'
import { findStorePath } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'
import { jsonLine } from '../verdict-json.ts'

interface Options {
  readonly file: string
  readonly signature: string
  readonly checksums: string | undefined
  readonly key: readonly string[]
  readonly json: boolean
}

/**
 * `nixsig check-signature FILE SIGNATURE --key KEY…`: a developer's detached signature, without any
 * policy.
 */
export const checkSignature = command({
  arguments: {
    file: { count: 'one', text: 'The signed file' },
    signature: {
      count: 'one',
      text: 'Its signature, of whatever kind; or a signed list of checksums that names the file',
    },
  },
  options: {
    checksums: {
      kind: 'value',
      value: 'FILE',
      text: 'The list of checksums that the signature is over, and that names the file',
    },
    key: {
      kind: 'values',
      value: 'KEY',
      required: true,
      text: `A key as a policy writes it, a file of keys, or ${SIGSTORE_ARGUMENT}`,
    },
    json: JSON_OPTION,
  },
  examples: [
    [
      'check-signature x.tar.gz x.tar.gz.asc --key alice.asc',
      'An OpenPGP signature, with the certificate of whom you expect',
    ],
    [
      'check-signature x.tar.gz x.tar.gz.minisig --key minisign:RWQ…',
      "A signature of minisign, with the key from the project's page",
    ],
    [
      'check-signature x.tar.gz SHA256SUMS.asc --checksums SHA256SUMS --key alice.asc',
      'A list of checksums that is signed in place of the file',
    ],
    [
      'check-signature x.tar.gz x.sigstore.json --key sigstore:a@b.org,https://c.org,root.json',
      'A bundle of Sigstore, by whom an identity provider calls a@b.org',
    ],
  ],
  run: check,
})

async function check(options: Options, { terminal }: Invocation): Promise<Status> {
  const keys = options.key.flatMap(keysOfArgument)
  const file = realPathOf(options.file)
  const signature = readNamedFile(options.signature, SIGNED_LIST_LIMIT).bytes
  const list = readList(options.checksums)
  try {
    const results = looksLikeNixSignature(signature)
      ? await verifyNixSignature({ storePath: findStorePath(options.file), file }, signature, keys)
      : await verifyDetached({ file, signature, keys, fileNames: namesOf(options.file, file), ...list })
    if (options.json) terminal.print(resultsJson(options.file, results))
    else sayResults(terminal, options.file, results)
    return detachedStatus(results)
  } catch (error) {
    // A signature that cannot be read proves nothing, either way.
    if (!(error instanceof FormatError)) throw error
    if (options.json) {
      const problem = { file: options.file, outcome: 'undecided', status: 20, keys: [] }
      terminal.print(jsonLine({ ...problem, message: error.message }))
    } else terminal.print(`${terminal.doubtful('undecided')} ${printable(options.file)}: ${error.message}`)
    return 20
  }
}

/**
 * How a list may call the file: as it is called, as what it leads to is, and without the hash of a
 * store path.
 */
function namesOf(argument: string, file: string): readonly string[] {
  const stored = isStorePath(file) ? [parseStorePath(file).name] : []
  return [...new Set([basename(argument), basename(file), ...stored])]
}

function sayResults(terminal: Terminal, file: string, results: readonly DetachedResult[]): void {
  const lines = [...detachedLines(results)]
  if (lines.length === 0) lines.push('none of these keys makes signatures of this kind')
  const head = headFor(terminal, detachedStatus(results))
  terminal.print([`${head} ${printable(file)}`, ...lines.map(line => `  ${line}`)].join('\n'))
}

function resultsJson(file: string, results: readonly DetachedResult[]): string {
  const status = detachedStatus(results)
  const outcome = status === 0 ? 'good' : status === 20 ? 'undecided' : 'refused'
  const keys = results.map(({ key, outcome: its, detail, signedAt }) => ({
    label: key.label,
    identity: key.identity,
    outcome: its,
    message: detail,
    ...(signedAt === undefined ? {} : { signedAt }),
  }))
  return jsonLine({ file, outcome, status, keys })
}

function headFor(terminal: Terminal, status: ExitCode): string {
  if (status === 0) return terminal.good('good')
  return status === 20 ? terminal.doubtful('undecided') : terminal.bad('refused')
}
