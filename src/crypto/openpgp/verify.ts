import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../files/programs.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { type OpenPgpSignature, parseDetachedSignatures } from '../../formats/openpgp-signature.ts'
import { printable } from '../../primitives/printable.ts'
import type { OpenedFile } from '../detached/opened-file.ts'
import { type Certificate, claimsToBeBy, findCertificate, type NamedKey } from './certificate.ts'
import { findObjection, isBoundForSqv, type Objection } from './standing.ts'
import { type Answer, ask, type Tool } from './tools.ts'

const CERTIFICATE_LIMIT = 4 * 1024 * 1024

/**
 * What one key has to do with a detached signature. `unacceptable`: made in a way that proves too little (SHA-1, over text,
 * by a short key …). `unreadable`: could not be decided, so not even that the signature is bad is known.
 */
export type OpenPgpResult =
  | { readonly kind: 'good'; readonly primaryFingerprint: string; readonly signedAt: number }
  | { readonly kind: 'bad-signature' | 'unknown-signer'; readonly detail: string }
  | Objection
  | { readonly kind: 'unreadable'; readonly detail: string }

export interface OpenPgpQuestion {
  readonly file: OpenedFile
  /** The contents of the signature file, armoured or binary. */
  readonly signature: Uint8Array
  /** Path of a file with the certificate in it, perhaps among others; armoured or binary, at most 4 MiB. */
  readonly certificate: string
  /** Of the primary key: upper-case hex, 40 or 64 digits. */
  readonly fingerprint: string
  /** The tools to ask, in order; by default those that this system has. */
  readonly tools?: readonly Tool[]
}

/**
 * Whether a detached OpenPGP signature over a file is by the certificate with this fingerprint, and good today. Of
 * several signatures in the file the best result counts; a good one needs no company.
 *
 * The arithmetic is gpgv's, or sqv's where gpgv is missing or cannot decide; both are told of this one certificate
 * only, and must name its fingerprint. Beyond that a signature is refused if its key is expired or revoked by now, or
 * if it proves too little (src/crypto/openpgp/standing.ts). With either tool the result is the same, but for what sqv
 * alone does not look at: certificates whose own signatures are by SHA-1 or younger than the signature, as GnuPG leaves
 * them when a key is renewed (here: undecided), and signatures by a key that was dead when it signed (here:
 * `expired-key` or `revoked-key` though the file was changed as well).
 *
 * Throws FormatError if the signature file is malformed, and FileError or FormatError if the certificate file cannot be
 * read. Writes to a private directory under /tmp, which it removes.
 */
export async function verifyOpenPgp(question: OpenPgpQuestion): Promise<OpenPgpResult> {
  const signatures = parseDetachedSignatures(question.signature)
  const certificate = readCertificate(question)
  if (certificate === undefined) {
    const detail = `no certificate ${question.fingerprint} in ${printable(question.certificate)}`
    return { kind: 'unreadable', detail }
  }
  const directory = mkdtempSync('/tmp/nixsig-openpgp-')
  try {
    const keyring = join(directory, 'keyring.pgp')
    writeFileSync(keyring, certificate.bytes)
    const results: OpenPgpResult[] = []
    for (const [index, signature] of signatures.entries()) {
      const packet = join(directory, `signature-${index}.pgp`)
      writeFileSync(packet, signature.bytes)
      const files = { data: question.file, signature: packet, keyring, directory }
      results.push(
        await judge(signature, certificate, tool => ask(tool, files), question.tools ?? findTools()),
      )
    }
    return best(results)
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

function readCertificate(question: OpenPgpQuestion): Certificate | undefined {
  const bytes = readRegularFile(realPath(question.certificate), CERTIFICATE_LIMIT)
  return bytes && findCertificate(bytes, question.fingerprint)
}

/** Files that a policy names are often links; that they lead where only their owner writes was seen when it was loaded. */
function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    throw new FileError(`cannot read ${printable(file)}: ${printable((error as Error).message)}`)
  }
}

const SQV_NEEDS_BINDING =
  'sqv: it needs a signature in the certificate that is not by SHA-1 and not younger than this one; gpgv does not'

async function judge(
  signature: OpenPgpSignature,
  certificate: Certificate,
  askTool: (tool: Tool) => Promise<Answer>,
  tools: readonly Tool[],
): Promise<OpenPgpResult> {
  const keys = [certificate.primary, ...certificate.subkeys]
  const signers = keys.filter(key => claimsToBeBy(signature, key))
  if (signers.length === 0) {
    return { kind: 'unknown-signer', detail: signature.issuers[0] ?? 'a signature that names no key' }
  }
  const objection = findObjection(signature, certificate, signers, Math.floor(Date.now() / 1000))
  const undecided: string[] = []
  for (const tool of tools) {
    if (tool.name === 'sqv' && !isBoundForSqv(certificate, signers, signature.created)) {
      undecided.push(SQV_NEEDS_BINDING)
      continue
    }
    const answer = await askTool(tool)
    if (answer.kind === 'undecided') {
      undecided.push(answer.detail)
      continue
    }
    if (answer.kind === 'good') return objection ?? confirm(answer, certificate, signers, signature)
    // sqv does not look at the arithmetic of what it would refuse anyway.
    if (tool.name === 'sqv' && objection !== undefined) return objection
    return answer.kind === 'bad-signature' || objection === undefined ? answer : objection
  }
  const detail = undecided.length === 0 ? 'neither gpgv nor sqv is installed' : undecided.join('; ')
  return objection ?? { kind: 'unreadable', detail }
}

/** A good signature must be by the certificate that the policy means and by the key that the signature named. */
function confirm(
  answer: Extract<Answer, { kind: 'good' }>,
  certificate: Certificate,
  signers: readonly NamedKey[],
  signature: OpenPgpSignature,
): OpenPgpResult {
  const { primaryFingerprint, signedBy } = answer
  const isNamed = signedBy === undefined || signers.some(key => key.fingerprint === signedBy)
  if (primaryFingerprint === certificate.primary.fingerprint && isNamed) {
    return { kind: 'good', primaryFingerprint, signedAt: signature.created }
  }
  return { kind: 'unreadable', detail: `the tool verified it with another key, of ${primaryFingerprint}` }
}

/** What is most worth knowing first: a good signature, else that one could not be judged, else the nearest miss. */
const ORDER: readonly OpenPgpResult['kind'][] = [
  'good',
  'unreadable',
  'revoked-key',
  'expired-key',
  'expired-signature',
  'unacceptable',
  'bad-signature',
  'unknown-signer',
]

function best(results: readonly OpenPgpResult[]): OpenPgpResult {
  for (const kind of ORDER) {
    const found = results.find(result => result.kind === kind)
    if (found !== undefined) return found
  }
  return { kind: 'unreadable', detail: 'no signature' }
}
