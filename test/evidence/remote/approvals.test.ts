// Approvals that others publish: brought into the mirror, with the list of a build graph once it is
// asked for.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { approvalFile, graphFile } from '../../../src/evidence/approvals/files.ts'
import { graphIndexes } from '../../../src/evidence/approvals/indexes.ts'
import { keepApproval } from '../../../src/evidence/approvals/keep.ts'
import { approvalSearch } from '../../../src/evidence/approvals/search.ts'
import { publish } from '../../../src/evidence/publication/publish.ts'
import { mirrorOf } from '../../../src/evidence/remote/mirror.ts'
import { openSources } from '../../../src/evidence/remote/sources.ts'
import { syncMirror } from '../../../src/evidence/remote/sync.ts'
import { type GraphEntry, graphDigest, printBuildGraph } from '../../../src/formats/nix/build-graph.ts'
import type { Patience } from '../../../src/http/patience.ts'
import type { Principal } from '../../../src/policy/policy.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { ed25519KeyPair } from '../../../src/primitives/sodium.ts'
import { serve } from '../../support/publication.ts'
import { approvalOf, entry, graphOf } from '../../support/signed-approval.ts'

const IMPATIENT: Patience = { headers: 1500, body: 2000, pauses: [5] }
const carol = ed25519KeyPair(Buffer.alloc(32, 'carol'))
const mallory = ed25519KeyPair(Buffer.alloc(32, 'mallory'))
const [OLD, NEW] = [graphOf('old'), graphOf('new')]
const digestOf = (graph: readonly GraphEntry[]) => graphDigest(printBuildGraph(graph))

const identity = `ed25519:${toHex(carol.publicKey)}` as const
const LISTED = new Map<string, Principal>([
  [
    'carol',
    {
      name: 'carol',
      keys: [{ kind: 'ed25519', form: 'nix', identity, label: 'carol', publicKey: carol.publicKey }],
    },
  ],
])

/** An approver's directory, published on a server, and a machine that has that as a source. */
async function scene(context: TestContext) {
  const work = mkdtempSync(join(tmpdir(), 'nixsig-approvals-'))
  const [from, to, state] = [join(work, 'from'), join(work, 'to'), join(work, 'state')]
  const server = await serve(new Map())
  context.after(async () => {
    await server.close()
    rmSync(work, { recursive: true, force: true })
  })
  let now = Math.floor(Date.now() / 1000) - 1000
  const source = { url: server.url, maxAge: 0 }
  const { directory } = mirrorOf(state, source)
  return {
    from,
    server,
    directory,
    sync: () => syncMirror(mirrorOf(state, source), IMPATIENT, () => {}),
    approve(graph: readonly GraphEntry[], by = carol, timeApproved = 1_790_000_000) {
      const { list, line } = approvalOf(by, graph, { timeApproved })
      keepApproval(from, line, list)
    },
    async publish(prune = false) {
      const counts = await publish({ from, to, prune, now: now++ })
      const names = readdirSync(to, { recursive: true, encoding: 'utf8' })
      server.files = new Map(
        names.flatMap(name => (/\/.*\.|index$/.test(name) ? [[name, readFileSync(join(to, name))]] : [])),
      )
      return counts
    },
    /** Asks as a hook of its own would: who approved, and what is in the way. */
    async ask(of: GraphEntry) {
      server.log.length = 0
      const sources = openSources(state, [source], IMPATIENT)
      const troubles = [...(await sources.refreshApprovals())]
      const place = { indexes: graphIndexes(state, { writes: true }), machineKey: undefined }
      const by: string[] = []
      const search = approvalSearch({ principals: LISTED, attestations: [directory] }, place)
      for await (const found of search(of, sources.bringGraph)) {
        by.push(...found.approvals.map(({ signer }) => signer.key.label))
        troubles.push(...found.troubles)
        if (by.length > 0) break
      }
      return { by, troubles: troubles.map(({ detail }) => detail) }
    },
  }
}

test('an approval reaches who has its publication as a source, with the list of its graph', async context => {
  const { approve, publish, ask, server } = await scene(context)
  approve(NEW)
  assert.equal((await publish()).added, 2)
  for (const each of NEW) assert.deepEqual(await ask(each), { by: ['carol'], troubles: [] })
  // The index of the graph is here by now.
  assert.deepEqual(server.log, ['index 304'])
  assert.deepEqual(await ask(entry('other.drv')), { by: [], troubles: [] })
})

test('the list of an older graph is not fetched where the newest approval is enough', async context => {
  const { approve, publish, ask, server } = await scene(context)
  approve(OLD, carol, 1_790_000_000)
  approve(NEW, carol, 1_790_000_001)
  await publish()
  assert.deepEqual(await ask(NEW[0] ?? entry('')), { by: ['carol'], troubles: [] })
  const fetched = server.log.filter(line => line.includes('.graph'))
  assert.deepEqual(fetched, [`approvals/${digestOf(NEW)}.graph 200`])
})

test('attack: what no listed key approved makes nobody fetch a list', async context => {
  const { approve, publish, ask, server } = await scene(context)
  approve(NEW, mallory)
  await publish()
  assert.deepEqual(await ask(NEW[0] ?? entry('')), { by: [], troubles: [] })
  assert.deepEqual(
    server.log.filter(line => line.includes('.graph')),
    [],
  )
})

test('an approval that was withdrawn is none any more', async context => {
  const { approve, publish, ask, from } = await scene(context)
  approve(OLD)
  approve(NEW)
  await publish()
  assert.deepEqual((await ask(NEW[0] ?? entry(''))).by, ['carol'])
  rmSync(approvalFile(from, digestOf(NEW)))
  assert.equal((await publish(true)).removed, 1)
  assert.deepEqual(await ask(NEW[0] ?? entry('')), { by: [], troubles: [] })
  assert.deepEqual((await ask(OLD[0] ?? entry(''))).by, ['carol'])
})

test('attack: a server that leaves out the list, or serves another one, makes nothing approved', async context => {
  const { approve, publish, ask, server } = await scene(context)
  approve(NEW)
  await publish()
  const name = `approvals/${digestOf(NEW)}.graph`
  const whole = server.files
  server.files = new Map([...whole].filter(([each]) => each !== name))
  const missing = await ask(NEW[0] ?? entry(''))
  assert.deepEqual(missing.by, [])
  assert.match(missing.troubles.join(), /\.graph is listed and not there/)
  server.files = new Map([...whole, [name, Buffer.from(printBuildGraph([...NEW, entry('evil.drv')]))]])
  const other = await ask(entry('evil.drv'))
  assert.deepEqual(other.by, [])
  assert.match(other.troubles.join(), /\.graph is not what is listed/)
  server.files = whole
  assert.deepEqual(await ask(NEW[0] ?? entry('')), { by: ['carol'], troubles: [] })
})

test('attack: what was put into a mirror beside its list is removed', async context => {
  const { approve, publish, ask, directory } = await scene(context)
  approve(OLD)
  await publish()
  await ask(OLD[0] ?? entry(''))
  const { list, line } = approvalOf(carol, NEW)
  keepApproval(directory, line, list)
  assert.deepEqual(await ask(NEW[0] ?? entry('')), { by: [], troubles: [] })
  assert.equal(existsSync(approvalFile(directory, digestOf(NEW))), false)
})

test('a sync brings approvals with their lists', async context => {
  const { approve, publish, sync, directory } = await scene(context)
  approve(OLD)
  approve(NEW)
  await publish()
  const { added, problems } = await sync()
  assert.deepEqual([added, problems], [4, []])
  for (const graph of [OLD, NEW]) assert.equal(existsSync(graphFile(directory, digestOf(graph))), true)
})

test('nothing is published of approvals that are of another graph, or whose list was edited', async context => {
  const { approve, publish, from } = await scene(context)
  approve(NEW)
  const line = readFileSync(approvalFile(from, digestOf(NEW)))
  const other = approvalFile(from, digestOf(OLD))
  writeFileSync(other, line)
  await assert.rejects(publish(), /is not an approval of the graph that it is named by/)
  rmSync(other)
  writeFileSync(graphFile(from, digestOf(NEW)), printBuildGraph(OLD))
  await assert.rejects(publish(), /is not what its name says/)
  writeFileSync(graphFile(from, digestOf(NEW)), 'no list\n')
  await assert.rejects(publish(), /not a store path and its SHA-256/)
})
