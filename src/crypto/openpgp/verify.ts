import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../files/programs.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { parseDetachedSignatures } from '../../formats/openpgp/signature.ts'
import { printable } from '../../primitives/printable.ts'
import type { OpenedFile } from '../detached/opened-file.ts'
import { type FoundCertificate, findCertificate } from './certificate.ts'
import { conclude, isForPolicy, type OpenPgpResult } from './conclude.ts'
import { claimsToBeBy } from './parts.ts'
import { bindingsOf } from './self-signatures.ts'
import { findObjection, isUsableForSqv, type SignedForm, type Suspect, suspectOf } from './standing.ts'
import { ask, type Tool, type ToolResult } from './tools.ts'

export type { OpenPgpResult } from './conclude.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/** Signatures in one file that name one certificate: for each a program is run. */
const RUN_LIMIT = 16

export interface OpenPgpQuestion {
  readonly file: OpenedFile
  /** The contents of the signature file, armoured or binary. */
  readonly signature: Uint8Array
  /** Path of a file with the certificate in it, perhaps among others; armoured or binary, at most 4 MiB. */
  readonly certificate: string
  /** Of the primary key: upper-case hex, 40 or 64 digits. */
  readonly fingerprint: string
  /** What the signature has to be over; by default the bytes of the file. */
  readonly form?: SignedForm
  /** The tools to ask, in order; by default those that this system has. */
  readonly tools?: readonly Tool[]
}

/** The result of one signature, and which of those in the file that is, from 0. */
export type IndexedResult = OpenPgpResult & { readonly index?: number }

/**
 * Whether a detached OpenPGP signature over a file is by the certificate with this fingerprint, and good today: a
 * result for each signature in the file that names one of its keys, with its place among all; or one that says why
 * there is not any. What several come to is for severity.ts of src/crypto/detached.
 *
 * The arithmetic is gpgv's, or sqv's where gpgv is missing or cannot decide; both are told of this one certificate
 * only, and must name its fingerprint. Beyond that a signature is refused if its key was revoked or was past its end
 * when it signed, or if it proves too little (src/crypto/openpgp/standing.ts); one by a key that ended since is told
 * apart, and only where a tool verified it. With either tool the result is the same, but for what sqv
 * alone does not look at: certificates whose own signatures are by SHA-1 or younger than the signature, as GnuPG leaves
 * them when a key is renewed (here: undecided), and signatures by a key that was dead when it signed (here:
 * `expired-key` or `revoked-key` though the file was changed as well).
 *
 * Throws FormatError if the signature file is malformed, and FileError or FormatError if the certificate file cannot be
 * read. Writes to a private directory under /tmp, which it removes.
 */
export async function verifyOpenPgp(question: OpenPgpQuestion): Promise<readonly IndexedResult[]> {
  const signatures = parseDetachedSignatures(question.signature)
  const found = readCertificate(question)
  if (found === undefined) {
    const detail = `no certificate ${question.fingerprint} in ${printable(question.certificate)}`
    return [{ kind: 'unreadable', detail }]
  }
  const own = signatures
    .map((signature, index) => ({ signature, index }))
    .filter(({ signature }) => found.keys.some(key => claimsToBeBy(signature, key)))
  if (own.length === 0) {
    const detail = signatures[0]?.issuers[0] ?? 'a signature that names no key'
    return [{ kind: 'unknown-signer', detail, index: 0 }]
  }
  if (own.length > RUN_LIMIT) {
    const detail = `more than ${RUN_LIMIT} signatures by ${question.fingerprint} in one file`
    return [{ kind: 'unreadable', detail }]
  }
  const certificate = found.verified()
  const tools = question.tools ?? findTools()
  const directory = mkdtempSync('/tmp/nixsig-openpgp-')
  try {
    const keyring = join(directory, 'keyring.pgp')
    writeFileSync(keyring, certificate.bytes)
    const results: IndexedResult[] = []
    for (const { signature, index } of own) {
      const packet = join(directory, `signature-${index}.pgp`)
      writeFileSync(packet, signature.bytes)
      const suspect = suspectOf(signature, certificate, question.form ?? 'bytes')
      const files = { data: question.file, signature: packet, keyring, directory }
      results.push({ ...(await judge(suspect, tool => ask(tool, files), tools)), index })
    }
    const named = results.filter(({ kind }) => kind !== 'unknown-signer')
    return named.length > 0 ? named : results.slice(0, 1)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The verification tools of this system, the preferred one first. */
export function findTools(): readonly Tool[] {
  return (['gpgv', 'sqv'] as const).flatMap(name => {
    const program = findProgram(name)
    return program === undefined ? [] : [{ name, program }]
  })
}

function readCertificate(question: OpenPgpQuestion): FoundCertificate | undefined {
  const bytes = readRegularFile(realPath(question.certificate), CERTIFICATE_LIMIT)
  return bytes && findCertificate(bytes, question.fingerprint)
}

/**
 * Files that a policy names are often links; that they lead where only their owner writes was seen when it was
 * loaded.
 */
function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    throw new FileError(`cannot read ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

/** RFC 9580 brought these algorithms, as it did version 6. */
const FIRST_NEW_ALGORITHM = 25

/** The first tool that decides is believed. */
async function judge(
  suspect: Suspect,
  askTool: (tool: Tool) => Promise<ToolResult>,
  tools: readonly Tool[],
): Promise<OpenPgpResult> {
  const { certificate } = suspect
  const objection = findObjection(suspect, Math.floor(Date.now() / 1000))
  if (objection?.kind !== 'revoked-key' && bindingsOf(certificate, certificate.primary).length === 0) {
    const detail =
      'nothing in the certificate is signed by its own key, so it is only a part of one, or of an unknown algorithm'
    return { kind: 'unreadable', detail }
  }
  const undecided: string[] = []
  for (const tool of tools) {
    const unfit = whyUnfit(tool, suspect)
    const answer: ToolResult =
      unfit === undefined ? await askTool(tool) : { kind: 'undecided', detail: unfit }
    if (answer.kind === 'undecided') undecided.push(answer.detail)
    else if (isTooOld(tool, suspect, answer))
      undecided.push(`${answer.detail}, perhaps for want of the algorithm`)
    else return conclude(answer, suspect, objection)
  }
  if (objection !== undefined && !isForPolicy(objection)) return objection
  const reasons = undecided.length === 0 ? 'neither gpgv nor sqv is installed' : undecided.join('; ')
  const needs = isNew(suspect) ? 'keys and signatures as of RFC 9580 take sqv 1.5 or later: ' : ''
  return { kind: 'unreadable', detail: needs + reasons }
}

/** Why there is no point in asking a tool: it would take what it does not know for a bad signature. */
function whyUnfit(tool: Tool, suspect: Suspect): string | undefined {
  if (tool.name === 'gpgv') {
    return suspect.certificate.primary.version === 6 ? 'gpgv: it does not know version 6' : undefined
  }
  if (isUsableForSqv(suspect)) return undefined
  return 'sqv: it needs signatures in the certificate that are not by SHA-1 and not younger than this one, and say that the key may sign; gpgv does not'
}

/** sqv before 1.5 finds nothing that binds a key of an algorithm that it does not know. */
function isTooOld(tool: Tool, suspect: Suspect, answer: Exclude<ToolResult, { kind: 'undecided' }>): boolean {
  return tool.name === 'sqv' && isNew(suspect) && answer.kind === 'bad-signature' && answer.because === 'key'
}

function isNew({ signature, certificate }: Suspect): boolean {
  return (
    signature.version === 6 ||
    certificate.primary.version === 6 ||
    signature.publicKeyAlgorithm >= FIRST_NEW_ALGORITHM
  )
}
