import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { layersOf, waysFrom } from '../../src/report/layers.ts'
import { pageData } from '../../src/report/page-data.ts'
import { randomAudit } from '../support/audits/random.ts'

/** Graphs without circles: each node needs some of those after it. */
const graphs = fc
  .integer({ min: 1, max: 30 })
  .chain(count =>
    fc.tuple(
      ...Array.from({ length: count }, (_, node) =>
        node === count - 1
          ? fc.constant<number[]>([])
          : fc.uniqueArray(fc.integer({ min: node + 1, max: count - 1 }), { maxLength: 5 }),
      ),
    ),
  )

function layerByHand(needs: readonly (readonly number[])[], node: number): number {
  return Math.max(0, ...(needs[node] ?? []).map(needed => layerByHand(needs, needed) + 1))
}

test('a layer is the length of the longest chain below', () => {
  fc.assert(
    fc.property(graphs, needs => {
      const layers = layersOf(needs)
      for (const node of needs.keys()) assert.equal(layers[node], layerByHand(needs, node))
    }),
  )
})

test('a graph with circles gets layers as well', () => {
  const edges = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }), {
    minLength: 10,
    maxLength: 10,
  })
  fc.assert(
    fc.property(edges, needs => {
      assert.ok(layersOf(needs).every(layer => layer >= 0 && layer < 10))
    }),
  )
})

test('a chain of 100,000 needs no stack', () => {
  const chain = Array.from({ length: 100_000 }, (_, node) => (node === 99_999 ? [] : [node + 1]))
  assert.equal(layersOf(chain)[0], 99_999)
  assert.equal(waysFrom([0], chain)[99_999], 99_998)
})

test('a way from a root is as short as there is one, and ends at a root', () => {
  fc.assert(
    fc.property(graphs, needs => {
      const ways = waysFrom([0], needs)
      const far = new Map([[0, 0]])
      for (const node of [...needs.keys()]) {
        const users = [...far].filter(([user]) => needs[user]?.includes(node)).map(([, steps]) => steps)
        if (users.length > 0 && node !== 0) far.set(node, Math.min(...users) + 1)
      }
      for (const node of needs.keys()) {
        let steps = 0
        let at: number | undefined = node
        for (; at !== undefined && at !== 0; at = ways[at]) steps++
        assert.equal(at === 0 ? steps : undefined, far.get(node))
      }
    }),
  )
})

test('why a path is there is told in an audit of the whole store too, where every path was asked for', () => {
  const some = randomAudit(7, { paths: 40 })
  const roots = some.paths.filter(({ part }) => part === 'closure').map(({ path }) => path)
  const { paths } = pageData({ ...some, asked: { ...some.asked, kind: 'store', roots } })
  const needed = new Set(
    some.paths.flatMap(({ references, inputs, derivation }) => [...references, ...inputs, derivation ?? -1]),
  )
  assert.ok(needed.size > 1)
  for (const [place, { via, isAsked }] of paths.entries())
    if (isAsked) assert.equal(via === undefined, !needed.has(place), `${place}`)
})
