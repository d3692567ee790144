// What the signature of a whole build graph covers, against the definition.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coveredSources, type Member } from '../../src/verifier/graph-members.ts'

const SIZE = 7
const SOURCES = ['s0', 's1', 's2']

/** Derivation n may be built from those with higher numbers; 0 is the root. */
const graphs = fc
  .array(
    fc.record({
      inputs: fc.uniqueArray(fc.integer({ min: 1, max: SIZE - 1 })),
      uses: fc.uniqueArray(fc.constantFrom(...SOURCES)),
      calls: fc.uniqueArray(fc.constantFrom(...SOURCES), { maxLength: 2 }),
      fetches: fc.option(fc.constantFrom(...SOURCES), { nil: undefined }),
    }),
    { minLength: SIZE, maxLength: SIZE },
  )
  .map(nodes => nodes.map((node, at) => ({ ...node, inputs: node.inputs.filter(input => input > at) })))

type Nodes = Parameters<Parameters<typeof graphs.map>[0]>[0]

/**
 * As graphMembers collects them: from the root on, and without what a derivation names a signature.
 */
function membersOf(nodes: Nodes): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>()
  const seen = new Set([0])
  for (const at of seen) {
    const node = nodes[at]
    assert.ok(node)
    members.set(`d${at}`, {
      narHash: '',
      inputs: node.inputs.map(input => `d${input}`),
      sources: node.uses.filter(source => !node.calls.includes(source)),
      signatures: new Set(node.calls),
      ...(node.fetches !== undefined && { fetched: node.fetches }),
    })
    for (const input of node.inputs) seen.add(input)
  }
  return members
}

/**
 * The definition: some way from here leads to the source, and nothing on it calls it a signature.
 */
function leadsTo(nodes: Nodes, at: number, source: string): boolean {
  const node = nodes[at]
  if (node === undefined || node.calls.includes(source)) return false
  return (
    node.uses.includes(source) ||
    node.fetches === source ||
    node.inputs.some(input => leadsTo(nodes, input, source))
  )
}

test('a graph covers exactly the sources to which a way leads that does not call them signatures', () => {
  fc.assert(
    fc.property(graphs, nodes => {
      const expected = SOURCES.filter(source => leadsTo(nodes, 0, source))
      assert.deepEqual([...coveredSources('d0', membersOf(nodes))].sort(), expected)
    }),
    { numRuns: 2000 },
  )
})
