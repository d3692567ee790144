// docs/semantics.md, S13: a verdict that rests on other entries holds no longer than they do.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { after, beforeEach, test } from 'node:test'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { type Admission, writeAdmission } from '../../src/ledger/admissions.ts'
import { judge } from '../../src/policy/judge.ts'
import type { Verdict } from '../../src/policy/verdict.ts'
import type { Input, StoredDerivation } from '../../src/verifier/derivation-parts.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { endingWith } from '../../src/verifier/limit-verdict.ts'
import { claimBy, evidenceOf, NOW, OUTPUT, policyOf, SOURCE } from '../policy/policies.ts'

const state = mkdtempSync('/tmp/nixsig-ends-')
after(() => rmSync(state, { recursive: true, force: true }))
beforeEach(() => rmSync(`${state}/ledger`, { recursive: true, force: true }))

const POLICY = policyOf(`
version = 1
mode = "enforce"
principals.alice.keys = [{ key = "KEY(alice-1)", valid-until = 2028-01-01 }]
[default]
require = { source = "alice", derivation = "alice", output = "self" }`)
const MADE = { ...OUTPUT, builtHere: true }
const DRV = parseStorePath('/nix/store/1c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello-2.12.drv')
const INPUT = parseStorePath('/nix/store/2c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello.tar.gz')
const derivation = { path: DRV } satisfies Partial<StoredDerivation> as StoredDerivation
const input: Input = { path: INPUT, kind: 'fetched-source' }

function admit(path: typeof DRV, until: number | undefined, policy = POLICY.digest): void {
  const entry: Admission = {
    path: path.path,
    narHash: 'ab'.repeat(32),
    policy,
    until,
    stamp: undefined,
    kind: path === DRV ? 'derivation' : 'fetched-source',
    builtHere: false,
    derivation: undefined,
    time: NOW,
    rule: 'default',
    claims: [],
    build: undefined,
  }
  writeAdmission(state, path.digest, entry)
}

const inquiry: Pick<Inquiry, 'snapshot' | 'places' | 'now'> = {
  snapshot: async () => POLICY,
  places: { state } as Inquiry['places'],
  now: NOW,
}

const ends = async (verdict: Verdict, asked = [input], made: StoredDerivation | undefined = derivation) => {
  const ended = await endingWith(inquiry as Partial<Inquiry> as Inquiry, verdict, made, () => asked)
  assert.equal(ended.outcome, verdict.outcome)
  return ended.outcome === 'trusted' ? ended.until : undefined
}
const output = () => judge(POLICY, MADE, evidenceOf([]), NOW)

test('S13: attack: an output that was built here is not trusted for longer than its source', async () => {
  admit(DRV, NOW + 20)
  admit(INPUT, NOW + 10)
  assert.equal(await ends(output()), NOW + 10)
})

test('S13: an output is not trusted for longer than its derivation', async () => {
  admit(DRV, NOW + 20)
  admit(INPUT, undefined)
  assert.equal(await ends(output()), NOW + 20)
  assert.equal(await ends(output(), []), NOW + 20)
})

test('S13: an output has no end if its inputs have none, and entries under other policies are ignored', async () => {
  admit(DRV, undefined)
  admit(INPUT, NOW + 10, 'cd'.repeat(32))
  assert.equal(await ends(output()), undefined)
  assert.equal(await ends(output(), [input], undefined), undefined)
})

test('S13: a source and a refusal keep their own end', async () => {
  admit(DRV, NOW + 20)
  admit(INPUT, NOW + 10)
  const source = judge(POLICY, SOURCE, evidenceOf([claimBy('alice-1')]), NOW)
  assert.equal(await ends(source), Date.UTC(2028, 0) / 1000)
  assert.equal(await ends(judge(POLICY, { ...MADE, builtHere: false }, evidenceOf([]), NOW)), undefined)
})
