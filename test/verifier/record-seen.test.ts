// What is remembered about refused paths while the policy warns: docs/semantics.md, E5.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { CLAIM_LIMIT } from '../../src/ledger/admission-text.ts'
import {
  type Admission,
  isCurrent,
  isOnlySeen,
  NO_POLICY,
  RESPITED,
  readAdmission,
  WARNED,
  writeAdmission,
} from '../../src/ledger/admissions.ts'
import { expectOutput } from '../../src/ledger/expected.ts'
import { giveRespite } from '../../src/ledger/respite.ts'
import type { Claim, Subject } from '../../src/policy/verdict.ts'
import type { PathInfo } from '../../src/store/store-client.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { madeHere } from '../../src/verifier/judge-input.ts'
import { recordSeen } from '../../src/verifier/record-seen.ts'

const base = mkdtempSync(join(tmpdir(), 'nixsig-seen-'))
after(() => rmSync(base, { recursive: true, force: true }))
let count = 0

const DIGEST = '0'.repeat(32)
const PATH = `/nix/store/${DIGEST}-x`
const [GOOD, OTHER, POLICY] = ['a', 'b', 'c'].map(digit => digit.repeat(64)) as [string, string, string]

function inquiryOf(mode: 'warn' | 'enforce', records = true): Inquiry {
  const state = join(base, String(count++))
  return { places: { state }, now: 1000, records, policy: async () => ({ mode }) } as unknown as Inquiry
}

const subject = (narHash: string, builtHere = false): Subject => ({
  path: PATH,
  name: 'x',
  kind: 'output',
  narHash,
  builtHere,
})
const claimOf = (key: string, more: Partial<Claim> = {}): Claim => ({
  key: `ed25519:${key.repeat(64)}`,
  role: 'builder',
  path: PATH,
  narHash: GOOD,
  trace: 'envelope:ed25519:x',
  origin: 'a source',
  ...more,
})
const entryIn = ({ places }: Inquiry) => readAdmission(places.state, DIGEST, PATH)

const admitted: Admission = {
  path: PATH,
  narHash: GOOD,
  policy: POLICY,
  until: undefined,
  stamp: '1:2:3:4:5',
  kind: 'output',
  builtHere: true,
  derivation: undefined,
  time: 1,
  rule: 'default',
  claims: [],
  build: undefined,
}

const claims = fc.array(
  fc.record({
    key: fc.constantFrom('1', '2', '3'),
    narHash: fc.constantFrom(GOOD, OTHER),
    trace: fc.constantFrom('nix', 'envelope:ed25519:x', undefined),
    path: fc.constantFrom(PATH, `${PATH}-other`),
  }),
  { maxLength: 8 },
)

test('what is remembered admits nothing under any policy, and is about these contents alone', () =>
  fc.assert(
    fc.asyncProperty(
      claims,
      fc.array(fc.constantFrom(GOOD, OTHER), { maxLength: 4 }),
      async (said, hashes) => {
        const inquiry = inquiryOf('warn')
        const all = said.map(({ key, trace, ...rest }): Claim => {
          const { trace: _, ...claim } = { ...claimOf(key), ...rest }
          return trace === undefined ? claim : { ...claim, trace }
        })
        for (const narHash of hashes) await recordSeen(inquiry, subject(narHash), all)
        const entry = entryIn(inquiry)
        if (entry === undefined) return
        assert.equal(entry.policy, NO_POLICY)
        assert.equal(isCurrent(entry, NO_POLICY, 1000), false)
        assert.equal(entry.builtHere, false)
        for (const claim of entry.claims) {
          assert.notEqual(claim.trace, 'nix')
          const isSaid = all.some(
            ({ key, narHash, path, trace }) =>
              key === claim.key && narHash === entry.narHash && path === PATH && trace === claim.trace,
          )
          assert.ok(isSaid)
        }
        const signers = entry.claims.map(({ key }) => key)
        assert.equal(new Set(signers).size, signers.length)
      },
    ),
    { numRuns: 100 },
  ))

test('it is remembered once, and only while the policy warns and this process records', async () => {
  for (const inquiry of [inquiryOf('enforce'), inquiryOf('warn', false)]) {
    await recordSeen(inquiry, subject(GOOD), [claimOf('1')])
    assert.equal(entryIn(inquiry), undefined)
  }
  const inquiry = inquiryOf('warn')
  for (const key of ['1', '2', '1']) await recordSeen(inquiry, subject(GOOD), [claimOf(key)])
  assert.equal(entryIn(inquiry)?.claims.length, 2)
})

test('the entry says whether the policy only warned or there was a respite, and admits nothing either way', async () => {
  for (const [until, rule] of [
    [1001, RESPITED],
    [1000, WARNED],
  ] as const) {
    const inquiry = inquiryOf('warn')
    giveRespite(inquiry.places.state, { since: 900, until, reason: '' })
    await recordSeen(inquiry, subject(GOOD), [claimOf('1')])
    const entry = entryIn(inquiry)
    assert.equal(entry?.rule, rule)
    assert.ok(entry !== undefined && isOnlySeen(entry))
    // Other contents take its place, as it only says what was seen.
    await recordSeen(inquiry, subject(OTHER), [claimOf('1', { narHash: OTHER })])
    assert.equal(entryIn(inquiry)?.narHash, OTHER)
  }
})

test('attack: what a cache offers with other contents replaces nothing that the ledger knows of the path', async () => {
  const inquiry = inquiryOf('warn')
  writeAdmission(inquiry.places.state, DIGEST, admitted)
  await recordSeen(inquiry, subject(OTHER), [claimOf('1', { narHash: OTHER })])
  assert.deepEqual(entryIn(inquiry), admitted)
  await recordSeen(inquiry, subject(GOOD), [claimOf('1')])
  assert.deepEqual({ ...entryIn(inquiry), claims: [] }, admitted)
  assert.equal(entryIn(inquiry)?.claims.length, 1)
})

test('nothing is written of what was made here and not judged yet: its own hook says who made it', async () => {
  const inquiry = inquiryOf('warn')
  await recordSeen(inquiry, subject(GOOD, true), [claimOf('1')])
  assert.equal(entryIn(inquiry), undefined)
})

test('attack: one signer with very many signatures keeps out no other, whenever that one is seen', async () => {
  const inquiry = inquiryOf('warn')
  const many = Array.from({ length: 100 }, (_, at) => claimOf('1', { trace: `envelope:openpgp:${at}` }))
  await recordSeen(inquiry, subject(GOOD), many)
  assert.equal(entryIn(inquiry)?.claims.length, CLAIM_LIMIT)
  await recordSeen(inquiry, subject(GOOD), [...many, claimOf('2')])
  await recordSeen(inquiry, subject(GOOD), [claimOf('3')])
  const kept = entryIn(inquiry)?.claims ?? []
  assert.equal(kept.length, CLAIM_LIMIT)
  assert.deepEqual(new Set(kept.map(({ key }) => key)), new Set(['1', '2', '3'].map(key => claimOf(key).key)))
  await recordSeen(inquiry, subject(GOOD), many)
  assert.deepEqual(entryIn(inquiry)?.claims, kept)
})

test('attack: what was remembered of an offer does not hide that this machine made the same itself', async () => {
  const inquiry = inquiryOf('warn')
  const { state } = inquiry.places
  const derivation = `/nix/store/${'1'.repeat(32)}-x.drv`
  const asked: string[] = []
  const validPaths = async (paths: readonly string[]) => {
    asked.push(...paths)
    return new Set<string>()
  }
  const own = { ...inquiry, store: async () => ({ validPaths }) } as unknown as Inquiry
  const path = parseStorePath(PATH)
  const info = { path: PATH, narHash: GOOD, ultimate: true } as PathInfo
  await recordSeen(inquiry, subject(GOOD), [claimOf('1')])
  assert.notEqual(entryIn(inquiry), undefined)
  expectOutput(state, {
    digest: DIGEST,
    path: PATH,
    derivation,
    output: 'out',
    time: 900,
    found: { policy: POLICY, until: undefined },
    admits: { kind: 'any' },
  })
  // Whether it was made here depends on the build that was allowed to start, as without an entry.
  await madeHere(own, path, info)
  assert.deepEqual(asked, [derivation])
  // An entry that says who made it still answers.
  writeAdmission(state, DIGEST, { ...admitted, builtHere: false })
  assert.deepEqual(await madeHere(own, path, info), { builtHere: false })
  assert.deepEqual(asked, [derivation])
})
