/** What an entry of the ledger says. How it is written: admission-text.ts. */
import type { Role, SubjectKind } from '../policy/policy.ts'
import type { AdmissionLine } from './first-line.ts'

/** The policy digest of entries that are stale under every policy: no policy has this digest. */
export const NO_POLICY = '0'.repeat(64)

/** The rule in entries about what was refused, and let in because the policy only warned. */
export const WARNED = 'let in with a warning'

/** The same of what was let in during a respite, although the policy enforces. */
export const RESPITED = 'let in during a respite'

/** Whether an entry is about what was refused, and let in all the same. It admits nothing. */
export function isLetIn({ policy, rule }: Pick<Admission, 'policy' | 'rule'>): boolean {
  return policy === NO_POLICY && (rule === WARNED || rule === RESPITED)
}

/** A claim that counted when the path was admitted. */
export interface AdmittedClaim {
  readonly key: string
  readonly role: Role
  /**
   * The derivation whose signed build graph covered the path, if that is how the claim reached it.
   */
  readonly graph: string | undefined
  /** When this machine verified the signature, in seconds since 1970. */
  readonly seen: number
  /** How it was signed: one word of printable ASCII, see src/crypto/trace.ts. */
  readonly trace: string
  readonly origin: string
}

/**
 * The kind that a path was admitted as. A signature meets no requirement of a policy: it may be
 * used by a derivation that names it as a signature, and is not a source for anything else.
 */
export type AdmittedKind = SubjectKind | 'signature'

/** An entry of the ledger. */
export interface Admission extends AdmissionLine {
  /** The stamp of the path when it was last found to have these contents: see stamp.ts. */
  readonly stamp: string | undefined
  readonly kind: AdmittedKind
  /** Whether it was built here, under nixsig's own hooks. */
  readonly builtHere: boolean
  readonly derivation: string | undefined
  /** When it was admitted, in seconds since 1970. */
  readonly time: number
  readonly rule: string
  readonly claims: readonly AdmittedClaim[]
  /**
   * For a derivation that may be built: its inputs and outputs. Undefined if they were not
   * recorded.
   */
  readonly build: AdmittedBuild | undefined
  /**
   * Digests of the path with all that it refers to and, if it was built here, of what it was built
   * from: see verifier/made-from.ts. SHA-256, lower-case hex; absent if not known.
   */
  readonly closure?: string | undefined
  readonly from?: string | undefined
}

/** The direct inputs of a derivation, all admitted when the entry was written, and its outputs. */
export interface AdmittedBuild {
  readonly inputs: readonly { readonly stamp: string; readonly path: string }[]
  readonly outputs: readonly AdmittedOutcome[]
}

/** An output of a derivation that may be built. */
export interface AdmittedOutcome {
  readonly name: string
  readonly path: string
  /**
   * Whether any contents of it were acceptable when it was judged, until the entry's end; otherwise
   * it has to be judged.
   */
  readonly takesAny: boolean
}

/**
 * Whether an entry has nothing but claims about a path that was refused in warn mode, perhaps about
 * contents that never came. It does not say who made the path: src/verifier/record-seen.ts.
 */
export function isOnlySeen({
  builtHere,
  stamp,
  ...line
}: Pick<Admission, 'policy' | 'rule' | 'builtHere' | 'stamp'>): boolean {
  return isLetIn(line) && !builtHere && stamp === undefined
}

/** Whether an entry is in force: same policy, and not past its end. */
export function isCurrent(
  admission: Pick<Admission, 'policy' | 'until'>,
  policy: string,
  now: number,
): boolean {
  if (admission.policy === NO_POLICY || admission.policy !== policy) return false
  return admission.until === undefined || now < admission.until
}
