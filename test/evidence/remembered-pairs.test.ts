// docs/semantics.md, E5: every signature, seen under every listing of its key, then evaluated under
// every other listing.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { recalledEvidence } from '../../src/evidence/remembered.ts'
import type { Instant, Key } from '../../src/policy/policy.ts'
import type { Claim, Evidence } from '../../src/policy/verdict.ts'
import {
  haveSameRoot,
  type Listing,
  type MadeSignature,
  signaturesOfAllKinds,
  TIMES,
} from '../support/signatures-of-all-kinds.ts'

const { signatures, listings, remove } = signaturesOfAllKinds()
after(remove)
const [SEEN] = TIMES

/** Everything that can influence a verdict, its end and its findings. */
function meaning({ claims, strays, troubles }: Evidence) {
  return {
    // A claim by a key that ended is never kept (S17), so its trace does not matter.
    claims: claims.map(({ role, key, trace, until, expired }) =>
      expired === undefined ? { role, key, trace, until } : { role, key, until, expired },
    ),
    strays: strays.map(({ problem }) => problem),
    troubles: troubles.length,
  }
}

/**
 * Today's evidence with what E5 promises: a key that ended after the signature was seen has not
 * ended.
 */
function promised(today: Evidence, { trace }: Claim, ends: Instant | undefined): Evidence {
  const claims = today.claims.map((claim): Claim => {
    const { expired, ...rest } = claim
    if (expired === undefined || expired.at <= SEEN) return claim
    return { ...rest, ...(trace && { trace }), ...(ends === undefined ? {} : { until: ends }) }
  })
  return { ...today, claims }
}

async function recalled({ expired: _, until: __, ...claim }: Claim, key: Key, now: Instant) {
  const { trace = '' } = claim
  const principals = new Map([['one', { name: 'one', keys: [key] }]])
  return recalledEvidence({ principals }, [{ ...claim, trace, seen: SEEN }], { now, own: undefined })
}

/**
 * Evaluates a signature at an instant with a key as it is listed; each combination is verified
 * once.
 */
function verifier(signature: MadeSignature) {
  const verified = new Map<string, Promise<Evidence>>()
  return ({ key }: Listing, now: Instant): Promise<Evidence> => {
    const asked = `${listings.findIndex(one => one.key === key)} ${now}`
    const found = verified.get(asked) ?? signature.verify(key, now)
    verified.set(asked, found)
    return found
  }
}

type Verify = ReturnType<typeof verifier>

async function comparePair(
  { name, ends }: MadeSignature,
  verify: Verify,
  { then, today }: { readonly then: Listing; readonly today: Listing },
): Promise<number> {
  const kept = (await verify(then, SEEN)).claims.filter(({ expired }) => expired === undefined)
  for (const claim of kept) {
    for (const now of TIMES) {
      const what = `${name}, as ${then.name} and then as ${today.name}, ${now}`
      const found = meaning(await recalled(claim, today.key, now))
      if (haveSameRoot(then.key, today.key)) {
        assert.deepEqual(found, meaning(promised(await verify(today, now), claim, ends)), what)
      } else {
        assert.deepEqual(found, { claims: [], strays: ['unused'], troubles: 0 }, what)
      }
    }
  }
  return kept.length
}

/** Kinds that are not made for files: no listing accepts them. */
const FOR_NO_FILE = /ssh (git|sigstore-bundle)$/

for (const signature of signatures) {
  test(`E5: ${signature.name}: remembering it gives the same result as verifying it, under every listing`, async () => {
    let compared = 0
    const verify = verifier(signature)
    const own = listings.filter(({ of }) => of === signature.of)
    for (const then of own) {
      for (const today of own) compared += await comparePair(signature, verify, { then, today })
    }
    assert.equal(compared > 0, !FOR_NO_FILE.test(signature.name), `${compared} pairs`)
  })
}
