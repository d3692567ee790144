// docs/semantics.md, E5: the ledger gives remembered signatures the weight that they would have if
// they were at hand today.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { mergeEvidence } from '../../src/evidence/merge.ts'
import { recalledEvidence } from '../../src/evidence/remembered.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { parseAdmission, printAdmission } from '../../src/ledger/admission-text.ts'
import type { Admission } from '../../src/ledger/admissions.ts'
import { exitCode } from '../../src/policy/exit-code.ts'
import { judge } from '../../src/policy/judge.ts'
import type { Key, Policy } from '../../src/policy/policy.ts'
import type { Claim, Evidence, Subject, Verdict } from '../../src/policy/verdict.ts'
import { entryFor } from '../../src/verifier/entry.ts'
import { OUTPUT, policyOf, SOURCE } from '../policy/policies.ts'
import {
  haveSameRoot,
  type MadeSignature,
  signaturesOfAllKinds,
  TIMES,
} from '../support/signatures-of-all-kinds.ts'

/** Long runs set NIXSIG_CASES. */
const CASES = Number(process.env['NIXSIG_CASES'] ?? 500)

const { signatures, listings, remove } = signaturesOfAllKinds()
after(remove)

const OWNERS = [...new Set(listings.map(({ of }) => of))]
const PEOPLE = ['alice', 'bob', 'carol'] as const
const NOTHING: Evidence = { claims: [], strays: [], troubles: [] }

const BASES = [
  'require = { source = "alice", derivation = "alice", output = "alice" }',
  'require = { source = "two", derivation = "alice", output = "two" }\naccept-expired-key = "if-signed-before"',
  'require = { source = { developer = "alice" }, derivation = "alice", output = { builder = "bob" } }',
  'require = { source = ["alice", "bob"], derivation = "alice", output = "alice" }',
].map(rules =>
  policyOf(`
version = 1
mode = "enforce"
${PEOPLE.map(name => `principals.${name}.keys = ["KEY(${name})"]`).join('\n')}
groups.two = { members = ["alice", "bob", "carol"], threshold = 2 }
[default]
${rules}`),
)

/** A key as one policy lists it, and the number of that listing. */
interface ListedKey {
  readonly key: Key
  readonly number: number
}

/**
 * One moment: how each owner's key is listed, whose it is and when it counts; and which signatures
 * are at hand.
 */
interface Moment {
  readonly policy: Policy
  readonly keys: ReadonlyMap<string, ListedKey>
  readonly atHand: readonly MadeSignature[]
}

const days = (n: number) => TIMES[0] + n * 86400

/** How a key is listed, if it is. */
interface Listed {
  /** Index into `listings`. */
  readonly number: number
  readonly person: (typeof PEOPLE)[number]
  readonly isListed: boolean
  readonly validUntil: number | undefined
}

const often = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...others) })
const listing = (of: string): fc.Arbitrary<Listed> =>
  fc.record({
    number: fc.constantFrom(...[...listings.keys()].filter(number => listings[number]?.of === of)),
    person: fc.constantFrom(...PEOPLE),
    isListed: often(true, false),
    validUntil: often<number | undefined>(undefined, days(-1), days(50), days(150), days(900)),
  })
const allListings = fc.tuple(...OWNERS.map(listing))
/** Gives some owners another listing than before, sometimes a similar one; most keep theirs. */
const changes = fc.tuple(
  allListings,
  fc.subarray([...OWNERS.keys()], { maxLength: 2 }),
  fc.constantFrom(undefined, -1, 1),
)
const hand = fc.oneof(fc.subarray([...signatures]), fc.subarray([...signatures], { maxLength: 2 }))

/** Policies one after the other, each a small change of the one before. */
const moments: fc.Arbitrary<readonly [Moment, Moment, Moment]> = fc
  .record({
    first: allListings,
    later: fc.tuple(changes, changes),
    bases: fc.tuple(...TIMES.map(() => fc.constantFrom(...BASES))),
    hands: fc.tuple(...TIMES.map(() => hand)),
    revoked: fc.tuple(...TIMES.map(() => often<string | undefined>(undefined, ...OWNERS))),
  })
  .map(({ first, later, bases, hands, revoked }) => {
    const near = (one: Listed, step: number) => {
      const number = one.number + step
      return listings[number]?.of === listings[one.number]?.of ? { ...one, number } : one
    }
    const changed = (before: readonly Listed[], [others, indices, step]: (typeof later)[number]) =>
      before.map((one, index) => {
        if (!indices.includes(index)) return one
        return step === undefined ? (others[index] ?? one) : near(one, step)
      })
    const second = changed(first, later[0])
    const third = changed(second, later[1])
    const at = (index: 0 | 1 | 2, listed: readonly Listed[]) =>
      momentOf(bases[index] ?? BASES[0], listed, { atHand: hands[index] ?? [], revoked: revoked[index] })
    return [at(0, first), at(1, second), at(2, third)]
  })

const EMPTY = { lists: new Map(), developers: [] } satisfies Partial<Policy>

function momentOf(
  base: Policy | undefined,
  listed: readonly Listed[],
  { atHand, revoked }: { readonly atHand: readonly MadeSignature[]; readonly revoked: string | undefined },
): Moment {
  const keys = new Map<string, ListedKey>()
  const principals = new Map(
    PEOPLE.map(name => [name as string, { name: name as string, keys: [] as Key[] }]),
  )
  for (const { number, person, isListed, validUntil } of listed) {
    const { key, of } = listings[number] ?? {}
    if (!isListed || key === undefined || of === undefined) continue
    const dated = validUntil === undefined ? key : { ...key, validUntil }
    keys.set(of, { key: dated, number })
    principals.get(person)?.keys.push(dated)
  }
  const target = revoked === undefined ? undefined : keys.get(revoked)?.key
  const revocations =
    target === undefined ? [] : [{ line: 1, target: { key: target.identity }, from: days(120) }]
  return { policy: { ...EMPTY, ...(base as Policy), principals, revocations }, keys, atHand }
}

const verified = new Map<string, Promise<Evidence>>()

/** Evaluates a signature at an instant with the key that is listed for its maker. */
async function verify(signature: MadeSignature, { keys }: Moment, now: number): Promise<Evidence> {
  const listed = keys.get(signature.of)
  if (listed === undefined) {
    return {
      ...NOTHING,
      strays: [{ problem: 'unknown-signer', origin: signature.name, detail: 'not listed' }],
    }
  }
  const asked = `${signature.name} ${listed.number} ${now}`
  const known = verified.get(asked) ?? signature.verify(listed.key, now)
  verified.set(asked, known)
  return known
}

/** A signature whose claim counted, when that was seen, and the key as it was listed. */
interface Kept {
  readonly signature: MadeSignature
  readonly seen: number
  readonly key: Key
}

/**
 * Evaluates a kept signature as if it were at hand, with what E5 promises: a key that ended after
 * the signature was seen has not ended.
 */
async function asIfAtHand({ signature, seen, key }: Kept, at: Moment, now: number): Promise<Evidence> {
  const listed = at.keys.get(signature.of)?.key
  if (listed !== undefined && !haveSameRoot(listed, key)) return NOTHING
  const found = await verify(signature, at, now)
  const claims = found.claims.map((claim): Claim => {
    const { expired, ...rest } = claim
    if (expired === undefined || expired.at <= seen) return claim
    return signature.ends === undefined ? rest : { ...rest, until: signature.ends }
  })
  return { ...found, claims }
}

/** What the ledger stores of a verdict, written and read back. */
function recorded(verdict: Verdict, now: number): Admission | undefined {
  if (verdict.outcome !== 'trusted') return undefined
  const path = parseStorePath(SOURCE.path)
  const entry = entryFor(
    verdict,
    { path, derivation: undefined, stamp: undefined },
    { policy: 'ab'.repeat(32), now },
  )
  return parseAdmission(printAdmission(entry), path.path, 'entry')
}

async function recall(entry: Admission | undefined, policy: Policy, now: number): Promise<Evidence> {
  const claims = entry?.claims.map(({ graph: _, ...claim }) => ({
    ...claim,
    path: SOURCE.path,
    narHash: SOURCE.narHash,
  }))
  return claims === undefined ? NOTHING : recalledEvidence(policy, claims, { now, own: undefined })
}

const told = (verdict: Verdict) => ({
  outcome: verdict.outcome,
  status: exitCode(verdict),
  until: verdict.outcome === 'trusted' ? verdict.until : undefined,
  findings: verdict.outcome === 'trusted' ? [] : [...new Set(verdict.findings.map(({ code }) => code))],
})

/** Counts of outcomes, to make sure that the cases cover something. */
const seen = { trusted: 0, byMemoryAlone: 0, forgotten: 0, promised: 0 }

async function judgeInTurn(about: Subject, moments: readonly Moment[]): Promise<void> {
  let entry: Admission | undefined
  let kept: readonly Kept[] = []
  for (const [index, at] of moments.entries()) {
    const now = TIMES[index] ?? TIMES[0]
    const fresh = await Promise.all(at.atHand.map(signature => verify(signature, at, now)))
    const remembered = await recall(entry, at.policy, now)
    const verdict = judge(at.policy, about, mergeEvidence([...fresh, remembered]), now)
    const ideal = await Promise.all(kept.map(one => asIfAtHand(one, at, now)))
    assert.deepEqual(told(verdict), told(judge(at.policy, about, mergeEvidence([...fresh, ...ideal]), now)))
    count({ at, about, now, fresh, verdict, entry, remembered })

    entry = recorded(verdict, now) ?? entry
    if (verdict.outcome === 'trusted' && verdict.basis.kind === 'claims') {
      kept = verdict.basis.claims.flatMap(claim => keptBy(claim, kept, { at, now }))
    }
  }
}

function keptBy(
  claim: Claim,
  before: readonly Kept[],
  { at, now }: { at: Moment; now: number },
): readonly Kept[] {
  const { origin, expired } = claim
  const signature = signatures.find(({ name }) => name === origin)
  const key = signature && at.keys.get(signature.of)?.key
  if (signature === undefined || key === undefined || expired !== undefined) return []
  const known = before.find(one => one.signature === signature)
  return [claim.seen === undefined || known === undefined ? { signature, seen: now, key } : known]
}

interface Judged {
  readonly at: Moment
  readonly about: Subject
  readonly now: number
  readonly fresh: readonly Evidence[]
  readonly verdict: Verdict
  readonly entry: Admission | undefined
  readonly remembered: Evidence
}

function count({ at, about, now, fresh, verdict, entry, remembered }: Judged): void {
  const without = judge(at.policy, about, mergeEvidence(fresh), now)
  if (verdict.outcome === 'trusted') seen.trusted++
  if (verdict.outcome === 'trusted' && without.outcome !== 'trusted') seen.byMemoryAlone++
  const claims = remembered.claims.filter(({ expired }) => expired === undefined)
  if (claims.length < (entry?.claims.length ?? 0)) seen.forgotten++
  if (claims.some(({ trace = '', until }) => trace.startsWith('openpgp') && until === undefined))
    seen.promised++
}

test('E5: under any policies one after the other, the ledger gives the verdict that the signatures would give', async () => {
  const subject = fc.constantFrom<Subject>(SOURCE, { ...OUTPUT, builtHere: false })
  await fc.assert(fc.asyncProperty(subject, moments, judgeInTurn), {
    numRuns: CASES,
  })
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 0, `no case of this: ${what}`)
})

test('without what E5 promises, the ledger changes no verdict while the signatures it remembers are at hand', async () => {
  await fc.assert(
    fc.asyncProperty(moments, async ([first, second]) => {
      const evidence = async (at: Moment) =>
        mergeEvidence(await Promise.all(signatures.map(one => verify(one, at, TIMES[0]))))
      const entry = recorded(judge(first.policy, SOURCE, await evidence(first), TIMES[0]), TIMES[0])
      const fresh = await evidence(second)
      const remembered = await recall(entry, second.policy, TIMES[0])
      const both = judge(second.policy, SOURCE, mergeEvidence([fresh, remembered]), TIMES[0])
      assert.deepEqual(told(both), told(judge(second.policy, SOURCE, fresh, TIMES[0])))
    }),
    { numRuns: CASES },
  )
})
