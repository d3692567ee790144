/** Sigstore identities in a policy: `sigstore = { subject = "…", issuer = "https://…" }`. */
import { checkTrustedRoot } from '../../formats/sigstore/trusted-root.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { CertificateFile } from '../digest.ts'
import type { KeyIdentity, SigstoreKey } from '../policy.ts'
import { complain, fieldsOf, type Node, plainStringOf } from './fields.ts'

const NAME_LIMIT = 2048
const LABEL_LENGTH = 100

/** An identity, with its KeyIdentity and label. */
export type SigstoreIdentity = Pick<SigstoreKey, 'identity' | 'label' | 'subject' | 'issuer'>

/** The identity that `issuer` calls `subject`. Both are exact, without patterns. */
export function sigstoreIdentity(subject: string, issuer: string): SigstoreIdentity {
  const identity: KeyIdentity = `sigstore:${toHex(sha256(Buffer.from(`${issuer}\n${subject}`, 'utf8')))}`
  const label = subject.length > LABEL_LENGTH ? `${subject.slice(0, LABEL_LENGTH)}…` : subject
  return { identity, label, subject, issuer }
}

/**
 * Why a text is not an issuer; undefined if it is one. Issuers are URLs, and certificates contain
 * the whole URL.
 */
export function issuerProblem(issuer: string): string | undefined {
  return /^https?:\/\/\S+$/.test(issuer) ? undefined : 'must be a URL, such as "https://accounts.google.com"'
}

/** Reads a table with `subject` and `issuer`. Anything else is recorded and undefined. */
export function readSigstoreIdentity(node: Node): SigstoreIdentity | undefined {
  const fields = fieldsOf(node, ['subject', 'issuer'], [])
  const subject = plainStringOf(fields?.subject, NAME_LIMIT)
  const issuer = plainStringOf(fields?.issuer, NAME_LIMIT)
  if (fields?.issuer === undefined || issuer === undefined || subject === undefined) return undefined
  const problem = issuerProblem(issuer)
  return problem === undefined ? sigstoreIdentity(subject, issuer) : complain(fields.issuer, problem)
}

/**
 * The path of a trusted root. If the file is not one, records that for the node that names it and
 * returns undefined.
 */
export function trustedRootOf(node: Node, file: CertificateFile): string | undefined {
  try {
    checkTrustedRoot(file.bytes)
    return file.path
  } catch (error) {
    if (error instanceof FormatError) return complain(node, error.message)
    throw error
  }
}
