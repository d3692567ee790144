// What binary caches say about a path, judged on a machine whose store is empty;
// test/e2e/gate-*.test.ts uses real stores.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { generateKey, type KeyPair } from '../../src/crypto/secret-key.ts'
import type { UpstreamAnswer } from '../../src/evidence/upstreams/upstream.ts'
import { fixedOutputPath } from '../../src/formats/nix/make-store-path.ts'
import { type Narinfo, narFingerprint } from '../../src/formats/nix/narinfo.ts'
import { printNixPublicKey, printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { readAdmission } from '../../src/ledger/admissions.ts'
import { readConflict } from '../../src/ledger/conflicts.ts'
import { sentence } from '../../src/policy/wording.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import type { Store } from '../../src/store/store-client.ts'
import { openInquiry } from '../../src/verifier/inquiry.ts'
import { admitOffers, type OfferOutcome } from '../../src/verifier/offered.ts'
import { openResidentCache } from '../../src/verifier/resident-cache.ts'

const DIGEST = '0c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
const PATH = `/nix/store/${DIGEST}-hello-1.0`
const OTHER = '/nix/store/1c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg-libc'

const [ALICE, BOB, MALLORY, CAROL, DAVE] = ['alice-1', 'bob-1', 'mallory-1', 'carol-1', 'dave-1'].map(
  generateKey,
) as [KeyPair, KeyPair, KeyPair, KeyPair, KeyPair]

const POLICY = `version = 1
mode = "enforce"
[principals]
alice.keys = ["${printNixPublicKey(ALICE)}"]
bob.keys = ["${printNixPublicKey(BOB)}"]
carol.keys = ["${printNixPublicKey(CAROL)}"]
dave.keys = [{ key = "${printNixPublicKey(DAVE)}", valid-from = 2999-01-01 }]
[groups.caches]
members = ["alice", "bob"]
threshold = THRESHOLD
[default]
require.source = "SOURCE"
require.derivation = "refuse"
require.output = "OUTPUT"
accept-unknown-derivation = ACCEPT
[[revocations]]
principal = "carol"
date = 2001-01-01
`

const HELLO: Narinfo = {
  path: PATH,
  url: 'nar/x.nar',
  compression: 'none',
  fileHash: undefined,
  fileSize: undefined,
  narHash: 'ab'.repeat(32),
  narSize: 120,
  references: [PATH, OTHER],
  deriver: undefined,
  system: undefined,
  signatures: [],
  contentAddress: undefined,
}

function signed(narinfo: Narinfo, ...keys: readonly KeyPair[]): Narinfo {
  const message = Buffer.from(narFingerprint(narinfo))
  const signatures = keys.map(({ name, secretKey }) =>
    printNixSignature({ name, signature: signEd25519(message, secretKey) }),
  )
  return { ...narinfo, signatures: [...narinfo.signatures, ...signatures] }
}

const offered = (upstream: string, narinfo: Narinfo): UpstreamAnswer => ({
  upstream,
  said: {
    kind: 'offer',
    offer: {
      upstream,
      narinfo,
      nar: { kind: 'url', url: `${upstream}/nar/x.nar` },
      open: async () => undefined,
    },
  },
  seconds: 0,
})
const said = (upstream: string, kind: 'silent' | 'malformed', detail: string): UpstreamAnswer => ({
  upstream,
  said: { kind, detail },
  seconds: 0,
})
const absent = (upstream: string): UpstreamAnswer => ({ upstream, said: { kind: 'absent' }, seconds: 0 })

const EMPTY_STORE: Partial<Store> = {
  pathInfo: async () => undefined,
  derivers: async () => [],
  referrers: async () => [],
}

interface Setting {
  readonly threshold?: number
  readonly accept?: boolean
  readonly digest?: string
  readonly source?: 'refuse' | 'nothing'
  readonly output?: 'caches' | 'nothing'
}

async function judge(t: TestContext, answers: readonly UpstreamAnswer[], setting: Setting = {}) {
  const { threshold = 1, accept = true, digest = DIGEST, source = 'refuse', output = 'caches' } = setting
  const directory = mkdtempSync('/tmp/nixsig-offered-')
  t.after(() => rmSync(directory, { recursive: true }))
  const places = {
    policy: join(directory, 'policy.toml'),
    state: join(directory, 'state'),
    attestations: undefined,
  }
  writeFileSync(
    places.policy,
    POLICY.replace('THRESHOLD', String(threshold))
      .replace('ACCEPT', String(accept))
      .replace('SOURCE', source)
      .replace('OUTPUT', output),
  )
  const kept = { ...openResidentCache(places), store: async () => EMPTY_STORE as Store }
  const outcome = await admitOffers(openInquiry(places, { records: true, kept }), digest, answers)
  return { outcome, state: places.state }
}

function refusal(outcome: OfferOutcome): string {
  assert.ok(outcome.kind === 'refused' || outcome.kind === 'unanswered', outcome.kind)
  return sentence(outcome.verdict)
}

const A = 'https://a.example'
const B = 'https://b.example'
const C = 'https://c.example'

test('G7: what a trusted upstream signed is let in, and the ledger admits only these contents', async t => {
  const { outcome, state } = await judge(t, [offered(A, signed(HELLO, ALICE))])
  assert.equal(outcome.kind, 'trusted')
  const entry = readAdmission(state, DIGEST, PATH)
  assert.equal(entry?.narHash, HELLO.narHash)
  assert.equal(entry.stamp, undefined)
  assert.equal(entry.kind, 'output')
  assert.equal(entry.builtHere, false)
})

test('S8: two builders at two upstreams together meet a threshold that neither meets alone', async t => {
  const both = [offered(A, signed(HELLO, ALICE)), offered(B, signed(HELLO, BOB))]
  assert.equal((await judge(t, both, { threshold: 2 })).outcome.kind, 'trusted')
  const { outcome } = await judge(t, both.slice(0, 1), { threshold: 2 })
  assert.match(refusal(outcome), /needs 2 of 2 caches for its output, found 1 \(alice\)/)
})

test('other offers of the same contents can take the place of the first, and those of others cannot', async t => {
  const same = [offered(A, signed(HELLO, ALICE)), offered(B, { ...HELLO, compression: 'zstd' })]
  const upstreams = (outcome: OfferOutcome) =>
    'others' in outcome ? outcome.others?.map(({ upstream }) => upstream) : undefined
  assert.deepEqual(upstreams((await judge(t, same)).outcome), [B])
  const foreign = offered(C, signed({ ...HELLO, narHash: 'cd'.repeat(32) }, BOB))
  const { outcome } = await judge(t, [...same, foreign])
  assert.equal(outcome.kind, 'refused')
  assert.deepEqual(upstreams(outcome), [B], 'what warn mode passes on')
})

test('attack: one key under two names at two upstreams counts as one builder', async t => {
  const alias = { ...ALICE, name: 'bob-1' }
  const answers = [offered(A, signed(HELLO, ALICE, alias)), offered(B, signed(HELLO, alias))]
  const { outcome } = await judge(t, answers, { threshold: 2 })
  assert.match(refusal(outcome), /needs 2 of 2 caches for its output, found 1 \(alice\)/)
})

test('attack: a path that nobody signed, or only a signer who is not listed', async t => {
  assert.match(
    refusal((await judge(t, [offered(A, HELLO)])).outcome),
    /needs 1 of 2 caches for its output, found no signature/,
  )
  const foreign = await judge(t, [offered(A, signed(HELLO, MALLORY))])
  assert.match(refusal(foreign.outcome), /found only signers who are not in the trusted list \(mallory-1\)/)
  assert.equal(readAdmission(foreign.state, DIGEST, PATH), undefined)
})

test('attack: a signature over other references, another size or other contents does not count', async t => {
  const { signatures } = signed(HELLO, ALICE)
  for (const change of [{ references: [PATH] }, { narSize: 121 }, { narHash: 'cd'.repeat(32) }]) {
    const { outcome } = await judge(t, [offered(A, { ...HELLO, ...change, signatures })])
    assert.match(
      refusal(outcome),
      /found a signature that does not verify \(alice-1, in https:\/\/a\.example\)/,
    )
  }
})

const CHANGES = [
  ['contents', { narHash: 'cd'.repeat(32) }],
  ['references', { references: [PATH] }],
  ['size', { narSize: 121 }],
  ['name', { path: `${PATH}.1`, references: [OTHER] }],
] as const

/** Each order of some answers. */
function* ordersOf<T>(all: readonly T[]): Generator<readonly T[]> {
  if (all.length < 2) yield all
  for (const [at, first] of all.entries()) {
    if (all.length > 1) for (const rest of ordersOf(all.toSpliced(at, 1))) yield [first, ...rest]
  }
}

for (const [what, change] of CHANGES) {
  test(`G3: upstreams that both have listed builders' signatures and disagree on the ${what} are named, and neither is believed`, async t => {
    const answers = [offered(A, signed(HELLO, ALICE)), offered(B, signed({ ...HELLO, ...change }, BOB))]
    for (const order of ordersOf(answers)) {
      const { outcome, state } = await judge(t, order)
      assert.match(refusal(outcome), /binary caches disagree: https:\/\/[ab]\.example says .*\.example says /)
      const conflict = readConflict(
        state,
        parseStorePath(order[0]?.upstream === A ? PATH : ((change as { path?: string }).path ?? PATH)).digest,
      )
      assert.deepEqual(conflict?.sides.map(({ who }) => who).sort(), [A, B])
      assert.equal(readAdmission(state, DIGEST, PATH), undefined)
    }
  })

  test(`G3: attack: a cache without a valid signature takes nobody's word away on the ${what}`, async t => {
    const other = { ...HELLO, ...change }
    const { signatures } = signed(HELLO, ALICE)
    const liars = {
      'has no signature': other,
      'has a stranger’s': signed(other, MALLORY),
      'has one over something else': { ...other, signatures },
      'has one by a key that is revoked': signed(other, CAROL),
    }
    for (const [how, lie] of Object.entries(liars)) {
      const answers = [offered(A, signed(HELLO, ALICE)), offered(B, lie), offered(C, HELLO)]
      for (const order of ordersOf(answers)) {
        const { outcome, state } = await judge(t, order)
        assert.ok(outcome.kind === 'trusted', how)
        assert.equal(outcome.verdict.subject.narHash, HELLO.narHash)
        assert.notEqual(outcome.offer.upstream, B)
        assert.deepEqual(
          outcome.verdict.strays
            .filter(({ problem }) => problem === 'other-word')
            .map(({ origin }) => origin),
          [B],
        )
        assert.equal(readConflict(state, DIGEST), undefined)
      }
    }
  })

  test(`G3: where nobody signed anything and nothing is required, who disagrees on the ${what} is not believed`, async t => {
    const answers = [offered(A, HELLO), offered(B, { ...HELLO, ...change })]
    for (const order of ordersOf(answers)) {
      for (const output of ['nothing', 'caches'] as const) {
        const { outcome } = await judge(t, order, { output })
        assert.match(refusal(outcome), /binary caches disagree/)
      }
    }
  })
}

test('G3: a verdict against a key that is not valid yet ends when that begins, or when the key that backs it ends', async t => {
  const lie = offered(B, signed({ ...HELLO, references: [PATH] }, DAVE))
  const { outcome } = await judge(t, [offered(A, signed(HELLO, ALICE)), lie])
  assert.ok(outcome.kind === 'trusted')
  assert.equal(outcome.verdict.until, Date.parse('2999-01-01T00:00:00Z') / 1000)
  const plain = await judge(t, [offered(A, signed(HELLO, ALICE))])
  assert.ok(plain.outcome.kind === 'trusted')
  assert.equal(plain.outcome.verdict.until, undefined)
})

test('G3: what is proven by the name stands against what nobody signed', async t => {
  const contentAddress = { method: 'recursive', algorithm: 'sha256', hash: HELLO.narHash } as const
  const path = fixedOutputPath({ ...contentAddress, name: 'hello.tar', references: [], self: false })
  const { digest } = parseStorePath(path)
  const right = { ...HELLO, path, references: [], contentAddress }
  for (const order of ordersOf([offered(A, right), offered(B, { ...right, narHash: 'cd'.repeat(32) })])) {
    const { outcome } = await judge(t, order, { digest, source: 'nothing' })
    assert.ok(outcome.kind === 'trusted')
    assert.equal(outcome.offer.upstream, A)
  }
})

test('G4: a content address that another cache states is passed on with the first offer', async t => {
  const contentAddress = { method: 'flat', algorithm: 'sha256', hash: 'cd'.repeat(32) } as const
  const path = fixedOutputPath({ ...contentAddress, name: 'tool.tar' })
  const { digest } = parseStorePath(path)
  const bare = { ...HELLO, path, references: [] }
  const answers = [offered(A, bare), offered(B, { ...bare, contentAddress })]
  const { outcome } = await judge(t, answers, { digest, source: 'nothing' })
  assert.ok(outcome.kind === 'trusted')
  assert.equal(outcome.offer.upstream, A)
  assert.deepEqual(outcome.offer.narinfo.contentAddress, contentAddress)
})

test('G1: an upstream that is down is skipped and reported', async t => {
  const { outcome } = await judge(t, [
    said(A, 'silent', 'connect ECONNREFUSED'),
    offered(B, signed(HELLO, BOB)),
  ])
  assert.ok(outcome.kind === 'trusted')
  assert.deepEqual(outcome.verdict.strays, [
    { problem: 'no-answer', origin: A, detail: 'connect ECONNREFUSED' },
  ])
})

test('G1: with all upstreams down a path is undecided, and each is named', async t => {
  const { outcome } = await judge(t, [said(A, 'silent', 'timeout'), said(B, 'silent', 'refused')])
  assert.match(refusal(outcome), /undecided .*https:\/\/a\.example: timeout; https:\/\/b\.example: refused/)
})

test('G1: a path is absent if no upstream that answers has it', async t => {
  assert.equal((await judge(t, [absent(A), said(B, 'silent', 'timeout')])).outcome.kind, 'absent')
  assert.equal((await judge(t, [absent(A), absent(B)])).outcome.kind, 'absent')
  assert.equal((await judge(t, [])).outcome.kind, 'absent')
})

test('G2: a malformed answer takes nobody else’s word away, and is reported', async t => {
  const odd = said(C, 'malformed', 'narinfo: field URL')
  for (const order of ordersOf([offered(A, signed(HELLO, ALICE, BOB)), absent(B), odd])) {
    const { outcome } = await judge(t, order)
    assert.ok(outcome.kind === 'trusted')
    assert.deepEqual(outcome.verdict.strays, [
      { problem: 'unread-answer', origin: C, detail: 'narinfo: field URL' },
    ])
  }
})

test('G2: where nobody offers the path, an answer that cannot be read leaves it undecided', async t => {
  const odd = said(C, 'malformed', 'narinfo: field URL')
  for (const order of ordersOf([absent(A), said(B, 'silent', 'timeout'), odd])) {
    const { outcome } = await judge(t, order)
    assert.equal(outcome.kind, 'unanswered')
    assert.match(refusal(outcome), /undecided .*https:\/\/c\.example: narinfo: field URL/)
  }
  const { outcome } = await judge(t, [said(A, 'malformed', 'x'), said(B, 'silent', 'y')])
  assert.match(refusal(outcome), /a\.example: x; .*b\.example: y/)
})

test('G1: a refusal for want of signatures names the caches that could have had them', async t => {
  const { outcome } = await judge(t, [offered(A, HELLO), said(C, 'malformed', 'narinfo: field URL')])
  assert.match(
    refusal(outcome),
    /found no signature; a binary cache whose answer cannot be read \(narinfo: field URL, in https:\/\/c/,
  )
})

test('S12: an unknown derivation leaves an output undecided unless the rule accepts that', async t => {
  const { outcome } = await judge(t, [offered(A, signed(HELLO, ALICE))], { accept: false })
  assert.match(refusal(outcome), /undecided .*its derivation is not in this store/)
})

test('G4: a path that is named by its contents is a source, however many builders signed it', async t => {
  const contentAddress = { method: 'recursive', algorithm: 'sha256', hash: 'ab'.repeat(32) } as const
  const path = fixedOutputPath({ ...contentAddress, name: 'hello.tar', references: [], self: false })
  const narinfo = signed({ ...HELLO, path, references: [], contentAddress }, ALICE, BOB)
  const { outcome } = await judge(t, [offered(A, narinfo)], { digest: parseStorePath(path).digest })
  assert.match(refusal(outcome), /\(fetched source\) .*the rule refuses it/)
})

test('G4: attack: a derivation that is not named by its contents is refused', async t => {
  const path = `${PATH}.drv`
  const { outcome } = await judge(t, [offered(A, signed({ ...HELLO, path, references: [] }, ALICE, BOB))])
  assert.match(refusal(outcome), /it is named as a derivation and not by its contents/)
})

test('H14: attack: a cache that only states the right hash does not get other contents into the ledger', async t => {
  const contentAddress = { method: 'flat', algorithm: 'sha256', hash: 'cd'.repeat(32) } as const
  const path = fixedOutputPath({ ...contentAddress, name: 'tool.tar' })
  const { digest } = parseStorePath(path)
  const narinfo = { ...HELLO, path, references: [], contentAddress }
  // Nix compares the contents with the content address that the answer has.
  const { outcome, state } = await judge(t, [offered(A, narinfo)], { digest, source: 'nothing' })
  assert.equal(outcome.kind, 'trusted')
  assert.equal(readAdmission(state, digest, path), undefined)
})
