import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { leafFirst } from '../../src/adopt/leaf-first.ts'

test('what a path refers to comes before it, each path once', () => {
  const graph: Readonly<Record<string, readonly string[]>> = {
    top: ['b', 'a', 'top'],
    a: ['leaf'],
    b: ['a', 'leaf'],
    leaf: [],
    other: [],
  }
  assert.deepEqual(
    leafFirst(['top'], path => graph[path] ?? []),
    ['leaf', 'a', 'b', 'top'],
  )
  assert.deepEqual(
    leafFirst(['other', 'a'], path => graph[path] ?? []),
    ['other', 'leaf', 'a'],
  )
})

test('property: in any graph without circles, references come first, and nothing else is added', () =>
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(40), { maxLength: 6 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(39), { minLength: 1, maxLength: 4 }),
      (edges, roots) => {
        // A path refers to paths with smaller numbers, and perhaps to itself.
        const referencesOf = (path: string) =>
          (edges[Number(path)] ?? []).filter(other => other <= Number(path)).map(String)
        const wanted = roots.map(String)
        const order = leafFirst(wanted, referencesOf)
        const at = new Map(order.map((path, index) => [path, index]))
        assert.equal(at.size, order.length)
        const reachable = new Set(wanted)
        for (const path of reachable) for (const other of referencesOf(path)) reachable.add(other)
        assert.deepEqual([...at.keys()].sort(), [...reachable].sort())
        for (const path of order)
          for (const other of referencesOf(path))
            assert.ok(other === path || (at.get(other) ?? Number.POSITIVE_INFINITY) < (at.get(path) ?? -1))
      },
    ),
  ))

test('attack: a store that says that paths refer to each other in a circle ends', () => {
  const graph: Readonly<Record<string, readonly string[]>> = { a: ['b'], b: ['c'], c: ['a', 'd'], d: [] }
  assert.deepEqual([...leafFirst(['a'], path => graph[path] ?? [])].sort(), ['a', 'b', 'c', 'd'])
})

test('a chain of a hundred thousand paths does not overflow', () => {
  const order = leafFirst(['0'], path => (Number(path) < 100_000 ? [String(Number(path) + 1)] : []))
  assert.equal(order.length, 100_001)
  assert.equal(order.at(-1), '0')
})
