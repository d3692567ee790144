import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { printNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import {
  keepSeenClaims,
  readSeenClaims,
  type SeenClaim,
  seenConflictPaths,
  withdrawSeenClaims,
} from '../../src/ledger/seen-conflicts.ts'
import type { Claim, Subject } from '../../src/policy/verdict.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { ed25519KeyPair } from '../../src/primitives/sodium.ts'
import { judgeWithGraph } from '../../src/verifier/graph.ts'
import { openInquiry } from '../../src/verifier/inquiry.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const PATH = `/nix/store/${DIGEST}-hello-2.12`
const [A, B, C] = ['ab'.repeat(32), 'cd'.repeat(32), 'ef'.repeat(32)] as const

function keyOf(name: string) {
  const { publicKey } = ed25519KeyPair(Buffer.alloc(32, name))
  return {
    identity: `ed25519:${toHex(publicKey)}`,
    text: printNixPublicKey({ name: `${name}-1`, publicKey }),
  }
}
const carol = keyOf('carol')
const dan = keyOf('dan')
const mallory = keyOf('mallory')

function claim(key: { readonly identity: string }, narHash: string, role: Claim['role'] = 'builder'): Claim {
  return { key: key.identity as Claim['key'], role, path: PATH, narHash, origin: 'somewhere' }
}

/** A machine with a policy. Judges the path with these contents by these claims. */
function machine(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-seen-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const places = {
    policy: join(directory, 'policy.toml'),
    state: join(directory, 'state'),
    attestations: undefined,
  }
  mkdirSync(places.state, { mode: 0o755 })
  const policy = (more = '', dans = dan.text) =>
    writeFileSync(
      places.policy,
      `version = 1
mode = "enforce"
principals.carol.keys = ["${carol.text}"]
principals.dan.keys = ["${dans}"]
default.require = { source = "nothing", derivation = "nothing", output = "carol" }
default.accept-unknown-derivation = true
${more}`,
    )
  policy()
  const judge = async (narHash: string, claims: readonly Claim[], options = { records: true }) => {
    const inquiry = openInquiry(places, options)
    const subject: Subject = {
      path: PATH,
      name: 'hello-2.12',
      kind: 'output',
      narHash,
      builtHere: false,
    }
    const verdict = await judgeWithGraph(inquiry, subject, { claims, strays: [], troubles: [] })
    return verdict.outcome === 'trusted' ? 'trusted' : verdict.findings.map(({ code }) => code).join()
  }
  return { state: places.state, policy, judge }
}

test('attack: a server withdraws the claim of a builder, whatever date it gives', async t => {
  const { state, judge } = machine(t)
  assert.equal(await judge(A, [claim(carol, A)]), 'trusted')
  assert.equal(await judge(A, [claim(carol, A), claim(dan, B)]), 'conflict')
  assert.equal(await judge(A, [claim(carol, A)]), 'conflict', 'it was seen')
  assert.deepEqual(seenConflictPaths(state), [PATH])
  assert.equal(withdrawSeenClaims(state, PATH), true)
  assert.equal(withdrawSeenClaims(state, PATH), false)
  assert.equal(await judge(A, [claim(carol, A)]), 'trusted', 'root withdrew it')
})

test('a remembered conflict says when it was seen and how to withdraw it', async t => {
  const { state, judge } = machine(t)
  await judge(A, [claim(dan, B)])
  const [seen] = readSeenClaims(state, PATH)
  assert.deepEqual([seen?.key, seen?.narHash, seen?.origin], [dan.identity, B, 'somewhere'])
  const inquiry = openInquiry(
    { policy: join(dirname(state), 'policy.toml'), state, attestations: undefined },
    { records: false },
  )
  const subject = {
    path: PATH,
    name: 'hello-2.12',
    kind: 'output',
    narHash: A,
    builtHere: false,
  } as const
  const verdict = await judgeWithGraph(inquiry, subject, { claims: [], strays: [], troubles: [] })
  assert.match(
    JSON.stringify(verdict),
    /what was seen \d{4}-[^"]*until nixsig conflicts withdraw by root, in somewhere/,
  )
})

test('a remembered claim never makes anything trusted', async t => {
  const { judge } = machine(t)
  assert.equal(await judge(A, [claim(carol, B)]), 'conflict')
  assert.equal(await judge(B, []), 'unsigned')
})

test('strangers, other roles and agreeing claims are not recorded, nor is anything by an inquiry that records nothing', async t => {
  const { state, judge } = machine(t)
  await judge(A, [claim(mallory, B), claim(dan, B, 'packager'), claim(carol, A)])
  await judge(A, [claim(dan, B)], { records: false })
  assert.deepEqual(readSeenClaims(state, PATH), [])
})

test('a builder who is no longer listed, or whose key is revoked, causes no conflict', async t => {
  const { policy, judge } = machine(t)
  assert.equal(await judge(A, [claim(carol, A), claim(dan, B)]), 'conflict')
  policy('', mallory.text)
  assert.equal(await judge(A, [claim(carol, A)]), 'trusted')
  policy('revocations = [{ principal = "dan", date = "2020-01-01T00:00:00Z", reason = "stolen" }]')
  assert.equal(await judge(A, [claim(carol, A)]), 'trusted')
  policy()
  assert.equal(await judge(A, [claim(carol, A)]), 'conflict')
})

test('a record that cannot be read leaves the path undecided', async t => {
  const { state, judge } = machine(t)
  await judge(A, [claim(dan, B)])
  writeFileSync(join(state, 'contradictions', '01', DIGEST), 'nonsense\n')
  await assert.rejects(judge(A, [claim(carol, A)]), /is no record of conflicts: nixsig conflicts withdraw/)
})

test('a plain user can read the record but not write it, whatever the umask', async t => {
  const { state, judge } = machine(t)
  const mask = process.umask(0o077)
  t.after(() => process.umask(mask))
  await judge(A, [claim(dan, B)])
  const modes = ['contradictions', 'contradictions/01', `contradictions/01/${DIGEST}`]
  assert.deepEqual(
    modes.map(name => lstatSync(join(state, name)).mode & 0o777),
    [0o755, 0o755, 0o644],
  )
})

test('at most two claims a key are kept and read back, and any contents conflict with one of them', t => {
  const { state } = machine(t)
  const seen = fc.record({
    key: fc.constantFrom(carol.identity, dan.identity, 'sigstore:a b@example.org https://accounts.example'),
    narHash: fc.constantFrom(A, B, C),
    seen: fc.nat(2_000_000_000),
    origin: fc.string({ minLength: 1, maxLength: 60 }),
  }) as fc.Arbitrary<SeenClaim>
  fc.assert(
    fc.property(fc.array(seen, { minLength: 1, maxLength: 8 }), claims => {
      withdrawSeenClaims(state, PATH)
      for (const one of claims) keepSeenClaims(state, PATH, [one])
      const kept = readSeenClaims(state, PATH)
      for (const { key } of claims) {
        const said = new Set(claims.filter(one => one.key === key).map(({ narHash }) => narHash))
        const known = kept.filter(one => one.key === key).map(({ narHash }) => narHash)
        assert.equal(known.length, Math.min(2, said.size))
        assert.ok(known.every(narHash => said.has(narHash)))
      }
    }),
    { numRuns: 40 },
  )
})
