// The random audits that reports are tried with are whole in themselves.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Audit } from '../../src/audit/audit.ts'
import { randomAudit } from '../support/audits/random.ts'

function assertWhole(audit: Audit): void {
  const { paths, keys, principals, groups, exemptions } = audit
  const within = (list: readonly unknown[], at: number | undefined) =>
    assert.ok(at === undefined || (at >= 0 && at < list.length), `${at} of ${list.length}`)
  assert.equal(new Set(paths.map(({ path }) => path)).size, paths.length)
  for (const [index, path] of paths.entries()) {
    for (const at of [...path.references, ...path.inputs]) within(paths, at)
    assert.ok(!path.references.includes(index))
    within(paths, path.derivation)
    within(groups, path.group)
    within(exemptions, path.exemption)
    assert.equal(path.group === undefined, path.outcome === 'trusted')
    for (const { key } of path.claims) within(keys, key)
    if (path.group !== undefined) assert.ok(groups[path.group]?.paths.includes(index))
    if (path.exemption !== undefined) assert.ok(exemptions[path.exemption]?.paths.includes(index))
  }
  for (const { principal, falls } of keys) {
    within(principals, principal)
    for (const at of falls) within(paths, at)
  }
  for (const { missing, differing } of [audit.disk]) {
    for (const at of [...missing, ...differing.map(({ path }) => path)]) within(paths, at)
  }
}

test('random audits are whole, whatever their size', () => {
  for (let seed = 0; seed < 100; seed++) assertWhole(randomAudit(seed, { paths: seed % 60 }))
  for (let seed = 0; seed < 100; seed++) assertWhole(randomAudit(seed, { hostile: 'texts' }))
})

test('a seed makes the same audit again, and another another', () => {
  assert.deepEqual(randomAudit(7), randomAudit(7))
  assert.notDeepEqual(randomAudit(7), randomAudit(8))
})

test('a large one is made, and every outcome, basis and kind is in it', () => {
  const audit = randomAudit(1, { paths: 10_000 })
  assert.equal(audit.paths.length, 10_000)
  const distinct = (of: (path: Audit['paths'][number]) => unknown) => new Set(audit.paths.map(of)).size
  assert.equal(
    distinct(({ outcome }) => outcome),
    3,
  )
  assert.equal(
    distinct(({ kind }) => kind),
    4,
  )
})
