/** A chain of evidence as data: one path, what it stands on, and so on down. */
import type { Instant, Role, SubjectKind } from '../policy/policy.ts'
import type { Verdict } from '../policy/verdict.ts'

/** Bounds of a chain: nodes in all, levels of nodes. */
export const CHAIN_NODES = 40
export const CHAIN_DEPTH = 6

/** One path and what it stands on. All texts are escaped. */
export interface ChainNode {
  readonly path: string
  readonly kind: SubjectKind
  readonly outcome: Verdict['outcome']
  /** Why, in a line. */
  readonly why: string
  /** Whether this machine built it, under its own hooks. */
  readonly builtHere: boolean
  /** Those that count first. */
  readonly signatures: readonly ChainSignature[]
  /** Files and answers that were found and are no evidence, a line each. */
  readonly strays: readonly string[]
  readonly approvals: readonly ChainApproval[]
  /** Of an output its derivation; of a derivation what it is built from, what is at fault first. */
  readonly parts: readonly ChainNode[]
  /** Whether the same path is told above, with what it stands on. */
  readonly isRepeated: boolean
  /** How many of each there are besides. */
  readonly left: { readonly signatures: number; readonly approvals: number; readonly parts: number }
}

/** A signature by a key of the trusted list. All texts are escaped. */
export interface ChainSignature {
  readonly who: string
  /** The list that names them; undefined for the user's own people. */
  readonly list: string | undefined
  readonly role: Role
  /** As the policy writes it, shortened. */
  readonly key: string
  /** The keys that certified it, the listed one first. */
  readonly certifiedBy: readonly string[]
  /** When the key ends, as the policy or its certificate says. */
  readonly until: Instant | undefined
  /** The derivation whose whole build graph was signed, if it comes through that. */
  readonly graph: string | undefined
  /** Of a derivation: whether its whole build graph was signed. */
  readonly coversGraph: boolean
  readonly counts: boolean
  /** Why it does not count. */
  readonly why: string | undefined
  /** Where it was found. */
  readonly origin: string
}

/** A repository at one commit, and who signed that. All texts are escaped. */
export interface ChainRevision {
  readonly url: string
  readonly commit: string | undefined
  /** By their names in the approver's policy. */
  readonly signers: readonly string[]
}

/** An approval of the build graph that a path belongs to. All texts are escaped. */
export interface ChainApproval extends ChainRevision {
  /** A principal, `self` for this machine; undefined for a key that the policy does not list. */
  readonly by: string | undefined
  /** As the policy writes it; undefined for this machine's own. */
  readonly key: string | undefined
  readonly time: Instant
  /** What was evaluated. */
  readonly target: string
  /** Whether the rule that decides asks for approvals. */
  readonly isAsked: boolean
  readonly inputs: readonly (ChainRevision & { readonly name: string })[]
  /** Of those how many more there are. */
  readonly leftInputs: number
  readonly origin: string | undefined
}
