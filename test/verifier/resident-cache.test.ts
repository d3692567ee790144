import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { readSnapshot } from '../../src/ledger/policy-snapshot.ts'
import { PolicyError } from '../../src/policy/language/policy-error.ts'
import { openInquiry } from '../../src/verifier/inquiry.ts'
import { openResidentCache } from '../../src/verifier/resident-cache.ts'

const policyNamed = (name: string) => `version = 1
mode = "enforce"
[principals.${name}]
keys = ["minisign:RWTwDf7tyv4BAn6tT9Ptn5rEQjOuCcVWq5+mHTBdBAum8X/ZIgPbGGoW"]
[default]
require.source = "${name}"
require.derivation = "refuse"
require.output = "self"
`

function places(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-kept-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const policy = join(directory, 'policy.toml')
  const write = (text: string) => writeFileSync(policy, text)
  write(policyNamed('alice'))
  return { write, policy, places: { policy, state: join(directory, 'state'), attestations: undefined } }
}

test('a changed policy applies to the next inquiry, and to none that is under way', async t => {
  const { places: where, write } = places(t)
  const kept = openResidentCache(where)
  const before = openInquiry(where, { records: false, kept })
  assert.ok((await before.policy()).principals.has('alice'))
  write(policyNamed('bob'))
  await nextTurn()
  const after = openInquiry(where, { records: false, kept })
  assert.ok((await after.policy()).principals.has('bob'))
  assert.ok((await before.policy()).principals.has('alice'))
})

test('a change is noticed even if the file has the same size and modification time as before', async t => {
  const { places: where, write, policy } = places(t)
  const kept = openResidentCache(where)
  utimesSync(policy, 1, 1)
  assert.ok(kept.policy().principals.has('alice'))
  await nextTurn()
  write(policyNamed('carol').replaceAll('carol', 'zlice'))
  utimesSync(policy, 1, 1)
  assert.ok(kept.policy().principals.has('zlice'))
})

test('the snapshot of a policy is written once its files are old enough, and again if it was lost', async t => {
  const { places: where } = places(t)
  const kept = openResidentCache(where)
  kept.policy()
  assert.equal(readSnapshot(where.state, where.policy), undefined)
  await sleep(2100)
  const { digest } = kept.policy()
  const remembered = () => readSnapshot(where.state, where.policy)?.digest
  assert.equal(remembered(), digest)
  for (const lose of [rmSync, (file: string) => writeFileSync(file, '')]) {
    lose(join(where.state, 'policy'))
    assert.equal(remembered(), undefined)
    await nextTurn()
    kept.policy()
    assert.equal(remembered(), digest)
  }
})

test('a policy that cannot be read is an error until it can be read again', async t => {
  const { places: where, write } = places(t)
  const kept = openResidentCache(where)
  kept.policy()
  write('version = 1')
  await nextTurn()
  assert.throws(() => kept.policy(), PolicyError)
  await nextTurn()
  assert.throws(() => kept.policy(), PolicyError)
  write(policyNamed('bob'))
  await nextTurn()
  assert.ok(kept.policy().principals.has('bob'))
})

test('inquiries share a reader of attestations, and a policy with other keys gets another reader', async t => {
  const { places: where, write } = places(t)
  const kept = openResidentCache(where)
  const reader = kept.reader(kept.policy())
  assert.equal(kept.reader(kept.policy()), reader)
  write(policyNamed('bob'))
  await nextTurn()
  assert.notEqual(kept.reader(kept.policy()), reader)
})
