/** A commit of a repository as it is judged, and what is found about it. */
import type { KeyRing } from '../crypto/envelope.ts'
import type { Work } from '../crypto/work.ts'
import type { KeyPacket } from '../formats/openpgp/key-packet.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import type { Key, KeyIdentity, OpenPgpKey, Role } from '../policy/policy.ts'
import type { Evidence } from '../policy/verdict.ts'

/** A commit, by what was read of it. */
export interface Revision {
  /** Whole ids in lower-case hex. */
  readonly commit: string
  readonly tree: string
  /**
   * The SHA-256 NAR hash of its tree, lower-case hex. Empty: not computed, so that what signatures
   * say of it is not compared.
   */
  readonly narHash: string
}

/** How somebody signs a commit. */
export type SigningWay =
  | 'commit' // the signature in the commit itself
  | 'tag' // an annotated tag on this commit
  | 'git-sig' // a line in refs/notes/signatures
  | 'nixsig' // a line in refs/notes/nixsig

/** A signature that verified, by a key of the trusted list. Whether it counts is up to the policy. */
export interface RevisionSignature {
  readonly way: SigningWay
  readonly key: KeyIdentity
  readonly role: Role
  /** Where it was found. */
  readonly origin: string
  /** SHA-256 of the review that it covers, lower-case hex. */
  readonly review?: string
}

/**
 * What one way of signing yields. The NAR hash of a claim is what its signer says, or empty if the
 * signature says nothing of it.
 */
export interface Found {
  readonly evidence: Evidence
  readonly signatures: readonly RevisionSignature[]
}

/** Where signatures are looked for, and with which keys they are verified. */
export interface Search {
  readonly repository: OpenRepository
  readonly revision: Revision
  readonly keys: readonly Key[]
  readonly ring: KeyRing
  readonly work: Work
  /** The key packets of a listed certificate; undefined if it cannot be read. */
  readonly packetsOf: (key: OpenPgpKey) => readonly KeyPacket[] | undefined
  /** OpenPGP signatures that were verified already: see openpgp-candidates.ts. */
  readonly verified: Set<string>
  /** A private directory for temporary files. */
  readonly scratch: string
}

/** Reports something that was found and does not count. */
export function strayOnly(problem: 'other-subject' | 'unreadable', origin: string, detail: string): Found {
  return { evidence: { claims: [], strays: [{ problem, origin, detail }], troubles: [] }, signatures: [] }
}
