/** Sigstore identities as a policy writes them: `sigstore = { subject = "…", issuer = "https://…" }`. */
import { checkTrustedRoot } from '../../formats/sigstore/trusted-root.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { CertificateFile } from '../digest.ts'
import type { KeyIdentity, SigstoreKey } from '../policy.ts'
import { complain, fieldsOf, type Node, plainStringOf } from './fields.ts'

const NAME_LIMIT = 2048
const LABEL_LENGTH = 100

/** Who is meant, with the identity and the label that such a key has. */
export type SigstoreIdentity = Pick<SigstoreKey, 'identity' | 'label' | 'subject' | 'issuer'>

/** The identity of whoever `issuer` calls `subject`. Every character of both stands for itself. */
export function sigstoreIdentity(subject: string, issuer: string): SigstoreIdentity {
  const identity: KeyIdentity = `sigstore:${toHex(sha256(Buffer.from(`${issuer}\n${subject}`, 'utf8')))}`
  const label = subject.length > LABEL_LENGTH ? `${subject.slice(0, LABEL_LENGTH)}…` : subject
  return { identity, label, subject, issuer }
}

/** Why a text is no issuer; undefined if it is one. They are URLs, and a certificate has the whole. */
export function issuerProblem(issuer: string): string | undefined {
  return /^https?:\/\/\S+$/.test(issuer) ? undefined : 'must be a URL, such as "https://accounts.google.com"'
}

/** Reads a table with `subject` and `issuer`; undefined, and noted, if it is none. */
export function readSigstoreIdentity(node: Node): SigstoreIdentity | undefined {
  const fields = fieldsOf(node, ['subject', 'issuer'], [])
  const subject = plainStringOf(fields?.subject, NAME_LIMIT)
  const issuer = plainStringOf(fields?.issuer, NAME_LIMIT)
  if (fields?.issuer === undefined || issuer === undefined || subject === undefined) return undefined
  const problem = issuerProblem(issuer)
  return problem === undefined ? sigstoreIdentity(subject, issuer) : complain(fields.issuer, problem)
}

/** The path of a trusted root; undefined, and noted at the node that names it, if the file is none. */
export function trustedRootOf(node: Node, file: CertificateFile): string | undefined {
  try {
    checkTrustedRoot(file.bytes)
    return file.path
  } catch (error) {
    if (error instanceof FormatError) return complain(node, error.message)
    throw error
  }
}
