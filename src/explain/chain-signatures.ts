/** Who signed a path, and which of that counts, as a chain of evidence tells it. */

import { findingWords, strayWords } from '../policy/finding-words.ts'
import { datedFor, holderOf } from '../policy/key-standing.ts'
import { listNameOf } from '../policy/lists/names.ts'
import { policyFor } from '../policy/lists/policy-for.ts'
import { requirementFor, ruleFor } from '../policy/match.ts'
import type { Instant, KeyIdentity, Policy, Role } from '../policy/policy.ts'
import { peopleOf } from '../policy/seats.ts'
import type { Claim, Evidence, Subject, Verdict } from '../policy/verdict.ts'
import { weigh } from '../policy/weigh.ts'
import { pathWord, word } from '../policy/words.ts'
import type { ChainSignature } from './chain-node.ts'
import { cutWords } from './chain-words.ts'
import { keyLabels } from './evidence-words.ts'

/** Signatures, those that count first, and lines about what is no evidence. */
export interface Signatures {
  readonly signatures: readonly ChainSignature[]
  readonly strays: readonly string[]
}

/** What was found about a subject, as the deciding rule takes it. */
export function signaturesIn(
  whole: Policy,
  { subject, evidence }: { readonly subject: Subject; readonly evidence: Evidence },
  verdict: Verdict,
  now: Instant,
): Signatures {
  const policy = policyFor(whole, subject)
  const rule = ruleFor(policy, subject)
  const weighing = weigh(policy, subject, rule, evidence.claims, now)
  const told = (claim: Claim, who: string, why: string | undefined) =>
    signatureOf(policy, claim, { who, why, name: subject.name, now })
  const counting = weighing.counting.map(({ claim, holder: { principal } }) =>
    told(claim, principal.name, whyUnasked(policy, subject, { who: principal.name, role: claim.role })),
  )
  const discounted = weighing.discounted.map(({ claim, holder, finding }) =>
    told(claim, holder.principal.name, findingWords(finding)),
  )
  const conflicting = weighing.conflicts.flatMap(finding => {
    const claim = evidence.claims.find(
      ({ narHash, origin, role }) =>
        role === 'builder' && narHash === finding.attested && origin === finding.origin,
    )
    return claim === undefined ? [] : [told(claim, finding.who, 'it is about other contents')]
  })
  const all = [...counting, ...conflicting, ...discounted]
  const strays = [...evidence.strays, ...weighing.strays, ...(verdict.strays ?? [])].map(strayWords)
  return {
    signatures: distinct([...all.filter(({ counts }) => counts), ...all.filter(({ counts }) => !counts)]),
    strays: [...new Set(strays)],
  }
}

/** The ledger remembers what was found as well, and less of it. */
function distinct(signatures: readonly ChainSignature[]): readonly ChainSignature[] {
  const found = new Map<string, ChainSignature>()
  for (const one of signatures) {
    const { who, role, key, graph, origin, why } = one
    const what = JSON.stringify([who, role, key, graph, origin, why])
    const before = found.get(what)
    found.set(what, { ...(before ?? one), coversGraph: one.coversGraph || before?.coversGraph === true })
  }
  return [...found.values()]
}

/** Why a good signature meets no demand of the rule; undefined if it may. */
function whyUnasked(
  policy: Policy,
  subject: Subject,
  { who, role }: { readonly who: string; readonly role: Role },
): string | undefined {
  const requirement = requirementFor(ruleFor(policy, subject), subject.kind)
  switch (requirement.kind) {
    case 'nothing':
      return 'nothing is required'
    case 'refuse':
      return 'the rule refuses it, whoever signed'
    case 'all': {
      const isAsked = requirement.demands.some(
        demand =>
          (demand.role === undefined || demand.role === role) && peopleOf(policy.groups, demand.who).has(who),
      )
      return isAsked ? undefined : `the rule does not ask ${word(who)} as ${role}`
    }
  }
}

function signatureOf(
  policy: Policy,
  claim: Claim,
  about: {
    readonly who: string
    readonly why: string | undefined
    readonly name: string
    readonly now: Instant
  },
): ChainSignature {
  const { who, why, name, now } = about
  const listed = holderOf(policy, claim.key)
  const holder = listed && (datedFor(policy, listed, { role: claim.role, name }, now) ?? listed)
  const certifiedBy: readonly KeyIdentity[] = holder?.key.certifiedBy ?? []
  const list = listNameOf(who, policy.lists)
  return {
    who: word(who),
    list: list && word(list),
    role: claim.role,
    key: word(holder?.key.label ?? claim.key),
    certifiedBy: keyLabels(policy, certifiedBy),
    until: holder?.key.validUntil,
    graph: claim.graph && pathWord(claim.graph),
    coversGraph: claim.coversGraph === true,
    counts: why === undefined,
    why: why && cutWords(why),
    origin: word(claim.origin),
  }
}
