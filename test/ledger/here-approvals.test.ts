import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { parseEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { approverUri } from '../../src/formats/in-toto/predicates/approval.ts'
import { graphDigest } from '../../src/formats/nix/build-graph.ts'
import {
  graphsApprovedHere,
  isInForce,
  readHereApproval,
  writeHereApproval,
} from '../../src/ledger/here-approvals.ts'
import { ed25519KeyPair } from '../../src/primitives/sodium.ts'
import { approvalOf, graphOf } from '../support/signed-approval.ts'

const TRUST = 'a'.repeat(64)
const NOW = 1_790_000_000

const { list, line } = approvalOf(ed25519KeyPair(Buffer.alloc(32, 'x')), graphOf('x'), {
  approver: approverUri('self'),
})
const { payload } = parseEnvelope(line)
const GRAPH = graphDigest(list)

let state: string
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-here-'))
})
afterEach(() => rmSync(state, { recursive: true, force: true }))

function write(until?: number): string {
  const ends = until === undefined ? {} : { until }
  writeHereApproval(state, { graph: GRAPH, trust: TRUST, ...ends }, { payload, list })
  return join(state, 'approvals/here', GRAPH)
}

test('what root approved here is read as it was written', () => {
  assert.equal(readHereApproval(state, GRAPH), undefined)
  assert.deepEqual(graphsApprovedHere(state), [])
  write(NOW)
  const kept = readHereApproval(state, GRAPH)
  assert.equal(kept?.approval.graph.sha256, GRAPH)
  assert.equal(kept?.until, NOW)
  assert.deepEqual(graphsApprovedHere(state), [GRAPH])
})

test('it counts while the policy trusts the same people, until the end of the verdict on the commit', () => {
  for (const [until, now, trust, counts] of [
    [undefined, NOW, TRUST, true],
    [NOW, NOW - 1, TRUST, true],
    [NOW, NOW, TRUST, false],
    [undefined, NOW, 'b'.repeat(64), false],
  ] as const) {
    write(until)
    const kept = readHereApproval(state, GRAPH)
    assert.ok(kept)
    assert.equal(isInForce(kept, trust, now), counts)
  }
})

test('an approval that was written in part is damaged', () => {
  const file = write()
  truncateSync(file, 200)
  assert.throws(() => readHereApproval(state, GRAPH), /is damaged: remove it, and approve again/)
})

test('an approval under the name of another graph is damaged', () => {
  write()
  const other = 'b'.repeat(64)
  const text = `nixsig1 ${other}\ntrust ${TRUST}\nuntil never\n${Buffer.from(payload).toString('utf8')}\n`
  writeFileSync(join(state, 'approvals/here', other), text, { mode: 0o600 })
  assert.throws(() => readHereApproval(state, other), /is damaged/)
})

test('an approval that others could have written is not read', () => {
  const file = write()
  chmodSync(file, 0o666)
  assert.throws(() => readHereApproval(state, GRAPH), /is writable by others/)
})

test('an approval that a plain user wrote is not read', { skip: process.geteuid?.() !== 0 }, () => {
  chownSync(write(), 1000, 1000)
  assert.throws(() => readHereApproval(state, GRAPH), /belongs to user 1000/)
})
