import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { printSshPublicKey } from '../../src/formats/ssh/key.ts'
import { applyCertificates, type KeyCertificate } from '../../src/policy/certified.ts'
import { judge } from '../../src/policy/judge.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import type { Ed25519Key, Policy } from '../../src/policy/policy.ts'
import {
  claimBy,
  evidenceOf,
  identityOf,
  NOW,
  nixKeyOf,
  OTHER_HASH,
  OUTPUT,
  policyOf,
  publicKeyOf,
} from './policies.ts'

const DAY = 86_400
const RULE = '[default]\nrequire = { source = "nothing", derivation = "nothing", output = "cache" }\n'
const CERTIFIES = 'certifies = ["builder"], for-at-most = 90, rotates = true'

function policyWith(fields = CERTIFIES, more = ''): Policy {
  const other = `[principals.other]\nkeys = ["KEY(other-listed)", { key = "KEY(other-root)", ${CERTIFIES} }]`
  return policyOf(
    `version = 1\nmode = "enforce"\n[principals.cache]\nkeys = [{ key = "KEY(root)", ${fields} }]\n${other}\n${more}${RULE}`,
  )
}

type Of = Partial<Pick<KeyCertificate, 'from' | 'until' | 'says'>> & { by?: string; text?: string }

function delegated(name: string, of: Of = {}): KeyCertificate {
  const { by = 'root', text = nixKeyOf(name), ...more } = of
  const says = { purpose: 'delegate', roles: ['builder'], names: [] } as const
  const dates = { from: NOW - 10 * DAY, until: NOW + 10 * DAY }
  return {
    issuer: identityOf(by),
    key: parseKey(text) as Ed25519Key,
    ...dates,
    origin: `of ${name}`,
    says,
    ...more,
  }
}

function succeeded(name: string, of: Of & { oldEnds?: number } = {}): KeyCertificate {
  const { oldEnds, ...more } = of
  return delegated(name, {
    ...more,
    says: { purpose: 'successor', ...(oldEnds !== undefined && { oldEnds }) },
  })
}

function verdict(policy: Policy, certificates: readonly KeyCertificate[], signer: string, now = NOW) {
  const { policy: extended } = applyCertificates(policy, certificates, NOW)
  const found = judge(
    extended,
    { ...OUTPUT, builtHere: false },
    evidenceOf([claimBy(signer, { role: 'builder', path: OUTPUT.path, narHash: OUTPUT.narHash })]),
    now,
  )
  const why = (found.strays ?? []).map(({ detail }) => detail).join('\n')
  return {
    found,
    why,
    trusted: found.outcome === 'trusted',
    codes: found.outcome === 'trusted' ? [] : found.findings.map(({ code }) => code),
  }
}

test('nix#14451: a root key certifies a short-lived key of a builder, and the verdict ends with it', () => {
  const { found } = verdict(policyWith(), [delegated('b1')], 'b1')
  assert.equal(found.outcome, 'trusted')
  assert.deepEqual(found.outcome === 'trusted' && [found.until, found.basis], [
    NOW + 10 * DAY,
    {
      kind: 'claims',
      claims: found.basis.kind === 'claims' ? found.basis.claims : [],
      principals: ['cache'],
    },
  ])
})

test('nix#14451: a key that was certified for a limited time ends: a thief has nothing afterwards', () => {
  const after = verdict(policyWith(), [delegated('b1')], 'b1', NOW + 10 * DAY)
  assert.equal(after.codes[0], 'expired')
  assert.equal(verdict(policyWith(), [delegated('b1')], 'b1', NOW - 11 * DAY).codes[0], 'not-yet-valid')
})

test('nix#14451: a revocation of the root key, or of the certified key, ends what it certified', () => {
  for (const key of ['root', 'b1', 's1']) {
    const revoked = policyWith(CERTIFIES, `[[revocations]]\nkey = "KEY(${key})"\ndate = 2026-01-01\n`)
    const chain = [succeeded('s1'), delegated('b1', { by: 's1' })]
    assert.equal(verdict(revoked, chain, 'b1').codes[0], 'revoked', key)
  }
})

test('nix#14451: a key is rotated twice; both count in between, and after its end the old one does not', () => {
  const line = [
    succeeded('s1', { oldEnds: NOW + DAY, until: NOW + 300 * DAY }),
    succeeded('s2', { by: 's1', oldEnds: NOW + 5 * DAY, until: NOW + 300 * DAY }),
  ]
  const counting = (now: number) =>
    ['root', 's1', 's2'].filter(one => verdict(policyWith(), line, one, now).trusted)
  assert.deepEqual(counting(NOW), ['root', 's1', 's2'])
  assert.deepEqual(counting(NOW + DAY), ['s1', 's2'])
  assert.deepEqual(counting(NOW + 5 * DAY), ['s2'])
})

const REFUSED: Readonly<Record<string, readonly [readonly KeyCertificate[], RegExp, string?]>> = {
  'self-certification': [[delegated('m', { by: 'm' })], /neither listed with "certifies" nor the successor/],
  'a chain of delegates': [
    [delegated('b1'), delegated('m', { by: 'b1' })],
    /neither listed with "certifies" nor the successor/,
  ],
  'a certificate for a key of somebody else who is listed': [
    [delegated('other-listed')],
    /the policy lists the key that it certifies/,
    'other-listed',
  ],
  'a listed key in another form': [
    [delegated('m', { text: printSshPublicKey(publicKeyOf('other-listed'), 'x') })],
    /the policy lists the key that it certifies/,
    'other-listed',
  ],
  'a key in another form than that of the listed key': [
    [delegated('m', { text: printSshPublicKey(publicKeyOf('m'), 'x') })],
    /in the form of ssh, and the listed key is in that of nix/,
  ],
  'a certificate that lasts too long': [
    [delegated('m', { until: NOW + 81 * DAY })],
    /lasts longer than the 90 days that the policy allows/,
  ],
  'a role that the policy does not allow': [
    [delegated('m', { says: { purpose: 'delegate', roles: ['builder', 'packager'], names: [] } })],
    /does not let the key that signed it certify a packager/,
  ],
  'a name that the certificate does not cover': [
    [delegated('m', { says: { purpose: 'delegate', roles: ['builder'], names: ['nothing-*'] } })],
    /does not cover a builder of/,
  ],
  'a key that two principals certify': [
    [delegated('m'), delegated('m', { by: 'other-root' })],
    /two principals certify the key m \(cache, other\): it counts for neither/,
  ],
  'two successors of one key': [[succeeded('m'), succeeded('n')], /names two successors/],
  'a back-dated certificate by a key whose successor took over': [
    [succeeded('s1', { oldEnds: NOW - 5 * DAY }), delegated('m', { from: NOW - 4 * DAY })],
    /its dates are outside of those of the key that signed it/,
  ],
  'a ninth successor': [
    ['root', 's1', 's2', 's3', 's4', 's5', 's6', 's7', 's8'].map((by, at) =>
      succeeded(at === 8 ? 'm' : `s${at + 1}`, { by }),
    ),
    /more than 8 successors in a line/,
  ],
}

for (const [attack, [certificates, reason, signer = 'm']] of Object.entries(REFUSED)) {
  test(`attack: ${attack}`, () => {
    const { trusted, why } = verdict(policyWith(), certificates, signer)
    assert.equal(trusted, false)
    assert.match(why, reason)
  })
}

test('attack: a back-dated certificate counts no longer than the key that signed it', () => {
  const line = [succeeded('s1', { oldEnds: NOW + DAY }), delegated('m')]
  const { found } = verdict(policyWith(), line, 'm')
  assert.equal(found.outcome === 'trusted' && found.until, NOW + DAY)
})

test('attack: a certificate by a key that the policy lets certify nothing', () => {
  assert.equal(verdict(policyWith('valid-from = 2020-01-01'), [delegated('m')], 'm').trusted, false)
  const { why } = verdict(policyWith('rotates = true'), [delegated('m')], 'm')
  assert.match(why, /does not let the key that signed it certify others/)
})

test('several certificates of one key: each counts for its own dates, and none beyond', () => {
  const early = delegated('b1', { from: NOW - 20 * DAY, until: NOW + DAY })
  const late = delegated('b1', { from: NOW + 3 * DAY, until: NOW + 9 * DAY })
  const at = (days: number) => verdict(policyWith(), [late, early], 'b1', NOW + days * DAY).trusted
  assert.deepEqual([0, 1, 2, 3, 8, 9].map(at), [true, false, false, true, true, false])
})

test('a certified builder that claims other contents makes a conflict, as its root key would', () => {
  const { policy } = applyCertificates(policyWith(), [delegated('b1')], NOW)
  const claims = ['root', 'b1'].map((key, at) =>
    claimBy(key, { role: 'builder', path: OUTPUT.path, narHash: at === 0 ? OUTPUT.narHash : OTHER_HASH }),
  )
  const found = judge(policy, { ...OUTPUT, builtHere: false }, evidenceOf(claims), NOW)
  assert.equal(found.outcome !== 'trusted' && found.findings[0]?.code, 'conflict')
})

const NAMES = ['root', 'other-listed', 'other-root', 's1', 's2', 'b1', 'b2'] as const
const certificate: fc.Arbitrary<KeyCertificate> = fc
  .record({
    by: fc.constantFrom(...NAMES),
    name: fc.constantFrom(...NAMES),
    successor: fc.boolean(),
    from: fc.integer({ min: -40, max: 20 }),
    days: fc.integer({ min: 1, max: 100 }),
    oldEnds: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
    role: fc.constantFrom('builder', 'packager', 'reviewer'),
  })
  .map(({ by, name, successor, from, days, oldEnds, role }) => {
    const dates = { by, from: NOW + from * DAY, until: NOW + (from + days) * DAY }
    if (!successor)
      return delegated(name, { ...dates, says: { purpose: 'delegate', roles: [role], names: [] } })
    return succeeded(name, {
      ...dates,
      ...(oldEnds !== undefined && { oldEnds: dates.from + oldEnds * DAY }),
    })
  })

test('property: certificates never make trusted what a signature by the listed keys themselves would not', () => {
  const ended = 'valid-from = 2026-06-10, valid-until = 2026-06-20, '
  fc.assert(
    fc.property(
      fc.array(certificate, { maxLength: 12 }),
      fc.constantFrom(...NAMES),
      fc.integer({ min: -30, max: 30 }),
      (all, signer, day) => {
        const now = NOW + day * DAY
        const policy = policyWith(ended + CERTIFIES)
        if (verdict(policy, all, signer, now).trusted) assert.ok(verdict(policy, [], 'root', now).trusted)
      },
    ),
  )
})

test('property: neither order nor duplicates of certificates matter, and without any nothing changes', () => {
  const policy = policyWith()
  assert.equal(applyCertificates(policy, [], NOW).policy, policy)
  fc.assert(
    fc.property(fc.array(certificate, { maxLength: 8 }), fc.constantFrom(...NAMES), (all, signer) => {
      const one = verdict(policy, all, signer)
      const other = verdict(policy, [...all, ...all].reverse(), signer)
      assert.deepEqual([one.trusted, one.codes], [other.trusted, other.codes])
    }),
  )
})

const REVOKED_OTHERS: readonly [string, string][] = [
  ['a revoked key', '[[revocations]]\nkey = "KEY(other-root)"\ndate = 2020-01-01\n'],
  ['a key of a revoked principal', '[[revocations]]\nprincipal = "other"\ndate = 2020-01-01\n'],
]

for (const [whose, revocation] of REVOKED_OTHERS) {
  test(`attack: the thief of ${whose} certifies another's delegate or successor, and takes nothing`, () => {
    const policy = policyWith(CERTIFIES, revocation)
    const honest = [delegated('b1'), succeeded('s1'), delegated('b2', { by: 's1' })]
    const stolen = [
      delegated('b1', { by: 'other-root', until: NOW + 80 * DAY }),
      succeeded('b2', { by: 'other-root' }),
      succeeded('s1', { by: 'other-root' }),
      delegated('s1', { by: 'other-root' }),
    ]
    for (const certificates of [
      [...honest, ...stolen],
      [...stolen, ...honest],
    ]) {
      for (const signer of ['b1', 's1', 'b2']) {
        const { trusted, why } = verdict(policy, certificates, signer)
        assert.ok(trusted, `${signer}: ${why}`)
      }
    }
  })
}

test("attack: certificates that are over, of another's delegate, take nothing", () => {
  const over = delegated('b1', { by: 'other-root', from: NOW - 30 * DAY, until: NOW - DAY })
  assert.ok(verdict(policyWith(), [over, delegated('b1')], 'b1').trusted)
})

function withSibling(): Policy {
  const other = `[[revocations]]\nkey = "KEY(stolen)"\ndate = 2020-01-01\n`
  return policyOf(
    `version = 1\nmode = "enforce"\n[principals.cache]\nkeys = [{ key = "KEY(stolen)", ${CERTIFIES} }, { key = "KEY(root)", ${CERTIFIES} }]\n${other}${RULE}`,
  )
}

test('attack: the thief of a revoked key of the same principal crowds out genuine certificates, in vain', () => {
  const many = Array.from({ length: 100 }, (_, index) =>
    delegated('b1', { by: 'stolen', until: NOW + 20 * DAY + index, from: NOW - 5 * DAY }),
  )
  const { trusted, found } = verdict(withSibling(), [...many, delegated('b1')], 'b1')
  assert.ok(trusted)
  assert.equal(found.outcome === 'trusted' && found.until, NOW + 10 * DAY)
})

test('attack: the thief of a revoked key of the same principal names the genuine successor, in vain', () => {
  const certificates = [
    succeeded('next', { by: 'stolen' }),
    succeeded('next', { oldEnds: NOW - DAY, until: NOW + 300 * DAY }),
  ]
  assert.ok(verdict(withSibling(), certificates, 'next').trusted)
  assert.equal(verdict(withSibling(), certificates, 'root').codes[0], 'expired')
})

test('attack: a key that said when it ends counts again because its successor does not', () => {
  const ended = { oldEnds: NOW - DAY }
  const successors = [
    succeeded('other-listed', ended),
    succeeded('x', { ...ended, text: printSshPublicKey(publicKeyOf('x'), '') }),
    succeeded('x', { ...ended, from: NOW - 20 * DAY, until: NOW - 30 * DAY }),
  ]
  for (const one of successors) {
    assert.equal(verdict(policyWith(), [one], 'root').codes[0], 'expired', one.origin)
  }
  assert.ok(verdict(policyWith('certifies = ["builder"], for-at-most = 90'), successors, 'root').trusted)
})
