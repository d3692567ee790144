import { realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../files/programs.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { parseDetachedSignatures } from '../../formats/openpgp/signature.ts'
import { printable } from '../../primitives/printable.ts'
import type { OpenedFile } from '../detached/opened-file.ts'
import { type FoundCertificate, findCertificate } from './certificate.ts'
import { conclude, isForPolicy, type OpenPgpResult } from './conclude.ts'
import { claimsToBeBy } from './parts.ts'
import { ALL_RUNS_LIMIT, mayRun } from './runs.ts'
import { bindingsOf } from './self-signatures.ts'
import { findObjection, isUsableForSqv, type SignedForm, type Suspect, suspectOf } from './standing.ts'
import { ask, type Tool, type ToolResult } from './tools.ts'

export type { OpenPgpResult } from './conclude.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/** Limit on the signatures in one file that name one certificate: each takes a run of a program. */
const RUN_LIMIT = 16

/** A detached OpenPGP signature to verify. */
export interface OpenPgpQuestion {
  readonly file: OpenedFile
  /** The contents of the signature file, armoured or binary. */
  readonly signature: Uint8Array
  /**
   * The path of a file that contains the certificate, possibly among others; armoured or binary, at
   * most 4 MiB.
   */
  readonly certificate: string
  /** The fingerprint of the primary key: upper-case hex, 40 or 64 digits. */
  readonly fingerprint: string
  /** What the signature must be over; by default the bytes of the file. */
  readonly form?: SignedForm
  /** The tools to ask, in order; by default those that are installed. */
  readonly tools?: readonly Tool[]
}

/** The result of one signature, and its index in the file, from 0. */
export type IndexedResult = OpenPgpResult & { readonly index?: number }

/**
 * Verifies detached OpenPGP signatures over a file with the certificate of this fingerprint, as of
 * today. Returns a result for each signature in the file that names one of its keys, with its
 * index; or one result that says why there is none. src/crypto/detached/severity.ts combines
 * several.
 *
 * The arithmetic is checked by gpgv, or by sqv if gpgv is missing or cannot decide. Both get only
 * this certificate and must report its fingerprint. Beyond that, a signature is refused if its key
 * was revoked or had expired when it signed, or if it proves too little
 * (src/crypto/openpgp/standing.ts). One by a key that expired since has a result of its own, and
 * only if a tool verified it. Both tools give the same result, except for what sqv does not look
 * at: certificates whose self-signatures use SHA-1 or are newer than the signature, as GnuPG leaves
 * them when a key is renewed (here: undecided), and signatures by a key that was invalid when it
 * signed (here: `expired-key` or `revoked-key`, even if the file was changed as well).
 *
 * Throws FormatError if the signature file is malformed, and FileError or FormatError if the
 * certificate file cannot be read. Writes to a private directory under /tmp, which it removes.
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
  if (!mayRun(own.length)) {
    const detail = `more than ${ALL_RUNS_LIMIT} signatures by listed keys in one file`
    return [{ kind: 'unreadable', detail }]
  }
  const certificate = found.verified()
  const tools = question.tools ?? findTools()
  const directory = makeScratch('openpgp', '/tmp')
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
    removeScratch(directory)
  }
}

/** The installed verification tools, the preferred one first. */
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
 * Files that a policy names are often symbolic links. That only the owner can write to the target's
 * directories was checked when the policy was loaded.
 */
function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    throw new FileError(`cannot read ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

/** RFC 9580 added the algorithms from this number on, as it did version 6. */
const FIRST_NEW_ALGORITHM = 25

/** Takes the answer of the first tool that decides. */
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
  const answer = await askInTurn(suspect, askTool, tools)
  if (answer.kind !== 'undecided') return conclude(answer, suspect, objection)
  if (objection !== undefined && !isForPolicy(objection)) return objection
  return { kind: 'unreadable', detail: answer.detail }
}

/** The answer of the first tool that decides; without one, why none did. */
export async function askInTurn(
  suspect: Suspect,
  askTool: (tool: Tool) => Promise<ToolResult>,
  tools: readonly Tool[],
): Promise<ToolResult> {
  const undecided: string[] = []
  for (const tool of tools) {
    const unfit = whyUnfit(tool, suspect)
    const answer: ToolResult =
      unfit === undefined ? await askTool(tool) : { kind: 'undecided', detail: unfit }
    if (answer.kind === 'undecided') undecided.push(answer.detail)
    else if (isTooOld(tool, suspect, answer))
      undecided.push(`${answer.detail}, perhaps because it does not know the algorithm`)
    else return answer
  }
  const reasons = undecided.length === 0 ? 'neither gpgv nor sqv is installed' : undecided.join('; ')
  const needs = isNew(suspect) ? 'keys and signatures of RFC 9580 need sqv 1.5 or later: ' : ''
  return { kind: 'undecided', detail: needs + reasons }
}

/**
 * Why a tool should not be asked: it would call a signature bad because it does not know the
 * algorithm or version.
 */
function whyUnfit(tool: Tool, suspect: Suspect): string | undefined {
  if (tool.name === 'gpgv') {
    return suspect.certificate.primary.version === 6 ? 'gpgv: it does not know version 6' : undefined
  }
  if (isUsableForSqv(suspect)) return undefined
  return 'sqv: it needs signatures in the certificate that are not by SHA-1 and not younger than this one, and say that the key may sign; gpgv does not'
}

/** sqv before 1.5 finds no binding for a key of an algorithm that it does not know. */
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
