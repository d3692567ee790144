// Approvals in a directory of attestations: what counts, and what somebody who may write there
// gains by changing it.
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { approvalFile, graphFile } from '../../../src/evidence/approvals/files.ts'
import { graphIndexes, indexFile } from '../../../src/evidence/approvals/indexes.ts'
import { keepApproval } from '../../../src/evidence/approvals/keep.ts'
import { approvalSearch, type FoundApprovals } from '../../../src/evidence/approvals/search.ts'
import type { GraphEntry } from '../../../src/formats/nix/build-graph.ts'
import { graphDigest, printBuildGraph } from '../../../src/formats/nix/build-graph.ts'
import type { Principal } from '../../../src/policy/policy.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { ed25519KeyPair } from '../../../src/primitives/sodium.ts'
import { approvalOf, entry, graphOf } from '../../support/signed-approval.ts'

function person(name: string) {
  const pair = ed25519KeyPair(Buffer.alloc(32, name))
  return { ...pair, name, identity: `ed25519:${toHex(pair.publicKey)}` }
}
const carol = person('carol')
const dave = person('dave')
const mallory = person('mallory')

const GRAPH = graphOf('x')
const [ROOT = entry('')] = GRAPH
const SOURCE = GRAPH.at(-1) ?? entry('')
const DIGEST = graphDigest(printBuildGraph(GRAPH))

let directory: string
let state: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nixsig-approvals-'))
  state = mkdtempSync(join(tmpdir(), 'nixsig-approvals-'))
})
afterEach(() => {
  for (const dir of [directory, state]) rmSync(dir, { recursive: true, force: true })
})

interface Options {
  readonly writes?: boolean
  readonly machineKey?: Uint8Array
}

/** Everything that is found about an entry by a machine that lists carol and dave. */
async function search(of: GraphEntry, { writes = true, machineKey }: Options = {}) {
  const principals = new Map(
    [carol, dave].map(({ name, publicKey, identity }): [string, Principal] => [
      name,
      { name, keys: [{ kind: 'ed25519', form: 'nix', identity, label: name, publicKey }] },
    ]),
  )
  const found: FoundApprovals[] = []
  const place = { indexes: graphIndexes(state, { writes }), machineKey }
  for await (const each of approvalSearch({ principals, attestations: [directory] }, place)(of))
    found.push(each)
  return {
    by: found.flatMap(({ approvals }) => approvals.map(({ signer }) => signer.key.label)),
    strays: found.flatMap(({ strays }) => strays),
    troubles: found.flatMap(({ troubles }) => troubles),
  }
}

function keep(by = carol, graph = GRAPH): string {
  const { list, line } = approvalOf(by, graph)
  return keepApproval(directory, line, list)
}

test('an approval is found for each derivation and each source of its graph, and for nothing else', async () => {
  keep()
  keep(dave)
  for (const each of GRAPH) assert.deepEqual((await search(each)).by, ['carol', 'dave'], each.path)
  assert.deepEqual(await search(entry('y.drv')), { by: [], strays: [], troubles: [] })
})

test('a process that may not write finds the same and writes nothing', async () => {
  keep()
  assert.deepEqual((await search(SOURCE, { writes: false })).by, ['carol'])
  assert.equal(existsSync(join(state, 'approvals')), false)
})

test('a derivation with the same store hash and other bytes is not approved', async () => {
  keep()
  const { by, strays } = await search({ ...ROOT, sha256: 'f'.repeat(64) })
  assert.deepEqual(by, [])
  assert.match(strays[0]?.detail ?? '', /with other contents: sha256 /)
})

test('a list that is edited after signing counts for nothing', async () => {
  keep()
  const file = graphFile(directory, DIGEST)
  const evil = entry('evil.drv')
  writeFileSync(file, printBuildGraph([...GRAPH, evil]))
  for (const each of [evil, ROOT]) {
    const { by, strays } = await search(each)
    assert.deepEqual(by, [])
    assert.match(strays[0]?.detail ?? '', /^not the list that was signed, by its SHA-256: /)
  }
  assert.equal(existsSync(indexFile(state, DIGEST)), false)
})

test('a list that is edited after it was indexed adds nothing and takes nothing away', async () => {
  keep()
  assert.deepEqual((await search(ROOT)).by, ['carol'])
  const evil = entry('evil.drv')
  writeFileSync(graphFile(directory, DIGEST), printBuildGraph([...GRAPH, evil]))
  assert.deepEqual((await search(evil)).by, [])
  assert.deepEqual((await search(ROOT)).by, ['carol'])
})

test('a list that is truncated counts for nothing', async () => {
  keep()
  truncateSync(graphFile(directory, DIGEST), 100)
  const { by, strays } = await search(ROOT)
  assert.deepEqual(by, [])
  assert.match(strays[0]?.detail ?? '', /^not the list that was signed/)
})

test('a list that is missing counts for nothing', async () => {
  keep()
  rmSync(graphFile(directory, DIGEST))
  const { by, strays } = await search(ROOT)
  assert.deepEqual(by, [])
  assert.match(strays[0]?.detail ?? '', /the list of the graph is missing/)
})

test('a list with one path twice counts for nothing, even if it was signed', async () => {
  const text = printBuildGraph(GRAPH)
  const twice = Buffer.concat([text.subarray(0, text.indexOf(10) + 1), text])
  const graph = { sha256: graphDigest(twice), lines: GRAPH.length + 1 }
  const { line } = approvalOf(carol, GRAPH, { graph })
  mkdirSync(join(directory, 'approvals'))
  writeFileSync(graphFile(directory, graph.sha256), twice)
  writeFileSync(approvalFile(directory, graph.sha256), `${line}\n`)
  const { by, strays } = await search(ROOT)
  assert.deepEqual(by, [])
  assert.match(strays[0]?.detail ?? '', /a path is repeated/)
})

test('an approval that is replayed for another graph counts for nothing', async () => {
  keep()
  const evil = graphOf('evil')
  const list = printBuildGraph(evil)
  writeFileSync(graphFile(directory, graphDigest(list)), list)
  copyFileSync(approvalFile(directory, DIGEST), approvalFile(directory, graphDigest(list)))
  assert.deepEqual((await search(evil[0] ?? ROOT)).by, [])
})

test('an approval that names a root outside its graph, or another number of lines, counts for nothing', async () => {
  const outside = approvalOf(carol, GRAPH, { roots: [entry('other.drv').path] })
  const short = approvalOf(carol, GRAPH, { graph: { sha256: DIGEST, lines: 2 } })
  for (const { line, list } of [outside, short]) keepApproval(directory, line, list)
  const { by, strays } = await search(ROOT)
  assert.deepEqual(by, [])
  assert.equal(strays.length, 2)
  for (const { detail } of strays) assert.match(detail, /does not have the lines and the roots that it names/)
})

test("a stranger's approval counts for nothing, and its list is not read", async () => {
  keep(mallory)
  assert.deepEqual(await search(ROOT), { by: [], strays: [], troubles: [] })
  assert.equal(existsSync(indexFile(state, DIGEST)), false)
})

test('a signature on the approval of somebody else counts for nothing', async () => {
  const { line, list } = approvalOf(carol, GRAPH, { approver: 'nixsig:approver:SHA256:someone' })
  keepApproval(directory, line, list)
  assert.deepEqual((await search(ROOT)).by, [])
})

test("this machine's own key approves nothing on this machine", async () => {
  keep()
  assert.deepEqual((await search(ROOT, { machineKey: carol.publicKey })).by, [])
})

test('a changed payload is a forgery', async () => {
  const file = keep()
  const envelope = JSON.parse(readFileSync(file, 'utf8')) as { payload: string }
  const payload = Buffer.from(envelope.payload, 'base64').toString('utf8').replace('alice', 'mally')
  writeFileSync(
    file,
    `${JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') })}\n`,
  )
  assert.deepEqual((await search(ROOT)).by, [])
})

test('an index that a plain user wrote is not used', { skip: process.geteuid?.() !== 0 }, async () => {
  keep()
  await search(ROOT)
  chownSync(indexFile(state, DIGEST), 1000, 1000)
  const { by, troubles } = await search(ROOT)
  assert.deepEqual(by, [])
  assert.match(troubles[0]?.detail ?? '', /belongs to user 1000/)
})

test('an index that others could have written is not used', async () => {
  keep()
  await search(ROOT)
  chmodSync(indexFile(state, DIGEST), 0o666)
  assert.match((await search(ROOT)).troubles[0]?.detail ?? '', /is writable by others/)
})

test('an index that was only written in part is made again', async () => {
  keep()
  await search(ROOT)
  const file = indexFile(state, DIGEST)
  const whole = readFileSync(file)
  for (const length of [0, 10, whole.length - 1]) {
    truncateSync(file, length)
    assert.deepEqual((await search(ROOT)).by, ['carol'])
    assert.deepEqual(readFileSync(file), whole)
  }
})

test('the index of another graph does not stand in for this one', async () => {
  const other = graphOf('other')
  keep()
  keep(carol, other)
  for (const graph of [GRAPH, other]) await search(graph[0] ?? ROOT)
  copyFileSync(indexFile(state, graphDigest(printBuildGraph(other))), indexFile(state, DIGEST))
  assert.deepEqual((await search(ROOT)).by, ['carol'])
  rmSync(graphFile(directory, DIGEST))
  copyFileSync(indexFile(state, graphDigest(printBuildGraph(other))), indexFile(state, DIGEST))
  assert.deepEqual((await search(ROOT)).by, [])
})

test('no change to any of the files makes something approved that was not', async () => {
  keep()
  await search(ROOT)
  const files = [approvalFile(directory, DIGEST), graphFile(directory, DIGEST), indexFile(state, DIGEST)]
  const whole = files.map(file => readFileSync(file))
  const evil = entry('evil.drv')
  const bytes = Buffer.from(`${evil.path} ${evil.sha256}\n`)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(2),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(bytes)),
      fc.nat(300),
      async (which, share, inserted, removed) => {
        for (const [index, file] of files.entries()) writeFileSync(file, whole[index] ?? '')
        const before = whole[which] ?? Buffer.alloc(0)
        const at = Math.floor(before.length * share)
        const changed = Buffer.concat([before.subarray(0, at), inserted, before.subarray(at + removed)])
        writeFileSync(files[which] ?? '', changed)
        assert.deepEqual((await search(evil)).by, [])
        assert.ok(['', 'carol'].includes((await search(ROOT)).by.join()))
      },
    ),
    { numRuns: 60 },
  )
})

test('a directory that everybody may write to is trouble', async () => {
  keep()
  chmodSync(directory, 0o777)
  assert.match((await search(ROOT)).troubles[0]?.detail ?? '', /is writable by everybody/)
})

test('among a thousand approvals, the one that counts is found in bounded time', async () => {
  mkdirSync(join(directory, 'approvals'))
  for (let index = 0; index < 999; index++) {
    const { list, line } = approvalOf(index % 10 === 0 ? dave : mallory, graphOf(`other${index}`, 1))
    writeFileSync(graphFile(directory, graphDigest(list)), list)
    writeFileSync(approvalFile(directory, graphDigest(list)), `${line}\n`)
  }
  keep()
  await search(ROOT)
  const before = process.cpuUsage()
  assert.deepEqual((await search(ROOT)).by, ['carol'])
  const { user, system } = process.cpuUsage(before)
  assert.ok(user + system < 2_000_000, `${(user + system) / 1000} ms`)
})
