/** Which transparency logs are believed, by whose word, and what that makes of a claim. Pure. */
import { isMet, type Quorum, type TlogPolicy } from '../formats/tlog/tlog-policy.ts'

/** One of `[quorums]`. */
export interface LogQuorum {
  readonly name: string
  /** Line of policy.toml, from 1. */
  readonly line: number
  /** Absolute path of the file that says which logs and witnesses. */
  readonly file: string
  readonly policy: TlogPolicy
}

/**
 * How far it is proven that a claim was logged, for one quorum.
 *
 *     proven     a log has it, and enough witnesses saw the log
 *     too-few    a log has it, and `found` saw that
 *     wrong      there are proofs, and none of them holds: `detail`
 */
export interface LogStanding {
  /** Name of the quorum. */
  readonly quorum: string
  readonly outcome: 'proven' | 'too-few' | 'wrong'
  /** Witnesses whose cosignatures hold. */
  readonly found: readonly string[]
  /** Escaped. */
  readonly detail?: string
}

/**
 * A finding: signed, and the rule takes only what is proven to be logged. `standing` is absent if there
 * is no proof. `found` are members of the quorum.
 */
export interface NotLogged extends QuorumCount {
  readonly code: 'not-logged'
  /** Who signed. */
  readonly who: string
  readonly quorum: string
  readonly standing?: LogStanding
  readonly origin: string
}

/** How many members of a quorum are needed, how many there are, and which of them are present. */
export interface QuorumCount {
  readonly threshold: number
  readonly of: number
  /** Names of witnesses and groups. */
  readonly found: readonly string[]
}

/** Counts the members of a quorum that these witnesses are, or whose quorum they meet. */
export function countQuorum(quorum: Quorum, present: readonly string[]): QuorumCount {
  const members = quorum.kind === 'group' ? quorum.members : quorum.kind === 'none' ? [] : [quorum]
  const found = members.filter(member => isMet(member, ({ name }) => present.includes(name)))
  const threshold = quorum.kind === 'group' ? quorum.threshold : members.length
  return { threshold, of: members.length, found: found.map(nameOf) }
}

function nameOf(quorum: Quorum): string {
  switch (quorum.kind) {
    case 'none':
      return 'none'
    case 'witness':
      return quorum.witness.name
    case 'group':
      return quorum.name
  }
}
