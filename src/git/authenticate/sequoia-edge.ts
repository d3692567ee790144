import { findObjectionAtSigning } from '../../crypto/openpgp/at-signing.ts'
import { type Confirmation, confirmByTool } from '../../crypto/openpgp/confirm.ts'
import type { OpenPgpGitPolicy } from '../../formats/openpgp-git-policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import {
  claimedKeys,
  claimOf,
  type Made,
  makersOf,
  refusalOf,
  signatureOf,
  suspectOf,
} from './commit-signature.ts'
import type { HistoryCommit } from './history.ts'
import { type PolicyChange, policyChanges } from './policy-changes.ts'
import { policyKeys } from './policy-keys.ts'
import { HistoryRefused, type Refusal, type RefusalCode, type Rule } from './refusal.ts'

/** Whether the policy of one parent authorizes a commit. */
export interface Edge {
  readonly commit: HistoryCommit
  readonly policy: OpenPgpGitPolicy
  readonly parent: { readonly id: string; readonly policy: OpenPgpGitPolicy }
  /** Fingerprints of keys that are revoked for all time. */
  readonly revoked: ReadonlySet<string>
  /** Whether a later commit lists this one as good although its key was revoked for all time. */
  readonly isListed: boolean
}

/** The key that signed, its primary key, and the second at which the signature itself ends. */
export type EdgeResult =
  | { readonly key: string; readonly primary: string; readonly ends?: number }
  | { readonly refusal: Refusal }

/** Judges edges and remembers certificates. */
export interface EdgeJudge {
  judge(edge: Edge): Promise<EdgeResult>
  /** The keys that a policy revokes for all time. */
  revoked(policy: OpenPgpGitPolicy): readonly string[]
}

const ASK_AUTHORIZED = 'have somebody sign it whom the policy of a parent authorizes for this'

/** Opens a judge for an instant in seconds since 1970. */
export function openEdgeJudge(now: number): EdgeJudge {
  const keys = policyKeys()
  const confirmations = new WeakMap<object, Map<string, Confirmation>>()
  const confirm = async (made: Made): Promise<Confirmation> => {
    const known = confirmations.get(made.certificate) ?? new Map<string, Confirmation>()
    confirmations.set(made.certificate, known)
    const before = known.get(made.key.fingerprint)
    if (before?.kind === 'confirmed') return before
    const answer = await confirmByTool(suspectOf(made), made.document)
    known.set(made.key.fingerprint, answer)
    return answer
  }
  const acceptable = async (edge: Edge, made: Made): Promise<EdgeResult> => {
    const { fingerprint: key } = made.key
    const { fingerprint: primary } = made.certificate.primary
    const isRevoked = edge.revoked.has(key) || edge.revoked.has(primary)
    if (isRevoked && !edge.isListed) throw revokedLater(edge, key)
    const objection = findObjectionAtSigning(suspectOf(made), now)
    if (objection !== undefined) throw refusalOf(objection, edge.commit.id, 'A6')
    assertRights(edge, keys.holders(edge.parent.policy, primary), key)
    const answer = await confirm(made)
    if (answer.kind !== 'confirmed') throw unconfirmed(edge, answer)
    const { created, lifetime } = made.signature
    return { key, primary, ...(lifetime ? { ends: created + lifetime } : {}) }
  }
  return {
    revoked: keys.revoked,
    judge: async edge => {
      const made = await orRefusal(edge, async () => madeIn(edge, keys.find))
      if ('refusal' in made) return made
      const [first, ...others] = made
      let result = await orRefusal(edge, () => acceptable(edge, first))
      for (const each of others) {
        if ('refusal' in result) result = await orRefusal(edge, () => acceptable(edge, each))
      }
      return result
    },
  }
}

async function orRefusal<T>(edge: Edge, act: () => Promise<T>): Promise<T | { readonly refusal: Refusal }> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof HistoryRefused) return { refusal: error.refusal }
    if (error instanceof FormatError) return { refusal: unreadable(edge, error) }
    throw error
  }
}

type Find = ReturnType<typeof policyKeys>['find']

/** The signature of a commit, verified with certificates of its parent's policy: one or more. */
function madeIn({ commit, policy, parent }: Edge, find: Find): readonly [Made, ...Made[]] {
  const asked = signatureOf(commit)
  const candidates = claimedKeys(asked, find(parent.policy, policy, asked.signature.issuers))
  if (candidates.length > 0) return makersOf(asked, candidates)
  const needed = `a key in the policy of parent ${parent.id}`
  throw refused('missing-key', commit, 'A5', { needed, found: claimOf(asked), next: ASK_AUTHORIZED })
}

/** Throws HistoryRefused unless one of these entries may sign commits and make all changes. */
function assertRights(edge: Edge, holders: readonly string[], key: string): void {
  const { commit, policy, parent } = edge
  const changes = policy === parent.policy ? [] : policyChanges(parent.policy, policy)
  const wants: readonly PolicyChange[] = [{ needs: ['sign_commit'], what: 'is a commit' }, ...changes]
  const lacks = holders.map(holder => {
    const rights = parent.policy.authorizations.get(holder)?.rights
    return wants.find(({ needs }) => !needs.every(right => rights?.has(right)))
  })
  const [lack] = lacks
  if (lack === undefined || lacks.includes(undefined)) return
  throw refused('unauthorized', commit, 'A5', {
    needed: `${lack.needs.join(' and ')} in the policy of parent ${parent.id}, because it ${lack.what}`,
    found: `a signature by key ${key} of ${holders.map(name => printable(name, 80)).join(', ')}, without that`,
    next: ASK_AUTHORIZED,
  })
}

function refused(
  code: RefusalCode,
  { id }: HistoryCommit,
  rule: Rule,
  words: Pick<Refusal, 'needed' | 'found' | 'next'>,
): HistoryRefused {
  return new HistoryRefused({ code, commit: id, rule, ...words })
}

function revokedLater({ commit }: Edge, key: string): HistoryRefused {
  return refused('revoked-key', commit, 'A7', {
    needed: 'a key that no commit of this history revokes for all time, or a later commit_goodlist',
    found: `a signature by key ${key}, which was revoked`,
    next: 'look at the commit; if it is honest, have somebody with the right "audit" list it as good',
  })
}

function unconfirmed(
  { commit }: Edge,
  { kind, detail }: Confirmation & { readonly detail: string },
): HistoryRefused {
  const code = kind === 'refused' ? 'unacceptable' : 'undecided'
  const next = kind === 'refused' ? ASK_AUTHORIZED : 'install gpgv or sqv, in a version that knows the key'
  const needed = 'a certificate that gpgv or sqv accepts for this signature'
  return refused(code, commit, 'A6', { needed, found: detail, next })
}

function unreadable({ commit, parent }: Edge, error: FormatError): Refusal {
  return {
    code: 'malformed',
    commit: commit.id,
    rule: 'A5',
    needed: `certificates that can be read, in the policies of the commit and of parent ${parent.id}`,
    found: error.message,
    next: 'ask those who sign this history to repair the policy',
  }
}
