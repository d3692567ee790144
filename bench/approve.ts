/**
 * How long it takes to index an approved build graph, and to look up a derivation in it, in this
 * process. BENCH_DERIVATIONS sets the size, by default 20,000.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { graphIndexes } from '../src/evidence/approvals/indexes.ts'
import { keepApproval } from '../src/evidence/approvals/keep.ts'
import { type ApprovalSearch, approvalSearch } from '../src/evidence/approvals/search.ts'
import type { GraphEntry } from '../src/formats/nix/build-graph.ts'
import type { Principal } from '../src/policy/policy.ts'
import { toHex } from '../src/primitives/hex.ts'
import { ed25519KeyPair } from '../src/primitives/sodium.ts'
import { approvalOf, graphOf } from '../test/support/signed-approval.ts'
import { spread } from './statistics.ts'

const COUNT = Number(process.env['BENCH_DERIVATIONS'] ?? 20_000)
const LOOKUPS = 1000

const carol = ed25519KeyPair(Buffer.alloc(32, 'carol'))
const key = { kind: 'ed25519', form: 'nix', label: 'carol', publicKey: carol.publicKey } as const
const principal: Principal = {
  name: 'carol',
  keys: [{ ...key, identity: `ed25519:${toHex(carol.publicKey)}` }],
}

async function ask(search: ApprovalSearch, entry: GraphEntry): Promise<number> {
  const start = performance.now()
  let found = 0
  for await (const { approvals } of search(entry)) found += approvals.length
  if (found !== 1) throw new Error(`${entry.path} was found ${found} times`)
  return performance.now() - start
}

const [directory, state] = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'nixsig-bench-'))) as [string, string]
try {
  const graph = graphOf('x', COUNT)
  const { list, line } = approvalOf(carol, graph)
  keepApproval(directory, line, list)
  const policy = { principals: new Map([[principal.name, principal]]), attestations: [directory] }
  const open = () =>
    approvalSearch(policy, { indexes: graphIndexes(state, { writes: true }), machineKey: undefined })
  const [first, ...others] = graph as [GraphEntry, ...GraphEntry[]]
  const indexing = await ask(open(), first)
  console.log(`${COUNT} derivations, ${list.length} bytes: indexed and found in ${indexing.toFixed(0)} ms`)
  const search = open()
  const opening = await ask(search, first)
  console.log(`the first lookup of a process, which verifies the signature: ${opening.toFixed(1)} ms`)
  const times: number[] = []
  for (const entry of others.slice(0, LOOKUPS)) times.push(await ask(search, entry))
  console.log(`each further lookup: ${spread(times)} ms`)
} finally {
  for (const each of [directory, state]) rmSync(each, { recursive: true, force: true })
}
