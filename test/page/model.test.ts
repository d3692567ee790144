// What the page of an audit looks up, lays out and keeps in its address, without a browser.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { around, baseOf, falling, modelOf, STANDINGS } from '../../src/page/model.ts'
import { selectionOf } from '../../src/page/select.ts'
import { AREAS, fragmentOf, GROUPINGS, parseState, SORTS, START, VIEWS } from '../../src/page/state.ts'
import { cellAt, layOut, neighbour } from '../../src/page/treemap.ts'
import { pageData } from '../../src/report/page-data.ts'
import { randomAudit } from '../support/audits/random.ts'

const modelFor = (seed: number, paths = 60) => modelOf(pageData(randomAudit(seed, { paths })))

test('an address keeps every state, and any address is one', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 })
  const state = fc.record(
    {
      view: fc.constantFrom(...VIEWS),
      query: text,
      standings: fc.subarray([...STANDINGS]),
      isAll: fc.boolean(),
      grouping: fc.constantFrom(...GROUPINGS),
      area: fc.constantFrom(...AREAS),
      path: fc.option(text.filter(Boolean), { nil: undefined }),
      who: fc.option(text.filter(Boolean), { nil: undefined }),
      on: fc.option(text.filter(Boolean), { nil: undefined }),
      sort: fc.constantFrom(...SORTS),
      isDown: fc.boolean(),
      page: fc.nat(900_000),
    },
    { noNullPrototype: true },
  )
  fc.assert(fc.property(state, made => assert.deepEqual(parseState(fragmentOf(made)), made)))
  fc.assert(fc.property(fc.string(), fragment => void fragmentOf(parseState(fragment))))
  assert.deepEqual(parseState(''), START)
})

test('what falls with a path is what needs it, by a walk the other way', () => {
  for (let seed = 0; seed < 20; seed++) {
    const model = modelFor(seed)
    const reaches = (from: number, seen = new Set<number>()): Set<number> => {
      for (const to of model.needs[from] ?? []) if (!seen.has(to) && seen.add(to)) reaches(to, seen)
      return seen
    }
    const all = [...model.needs.keys()].map(from => reaches(from))
    for (const at of model.needs.keys()) {
      const expected = [...all.keys()].filter(from => from !== at && all[from]?.has(at))
      assert.deepEqual(
        [...falling(model, at)].sort((a, b) => a - b),
        expected,
      )
    }
  }
})

test('around a path stands what is two steps away, each once', () => {
  for (let seed = 0; seed < 20; seed++) {
    const model = modelFor(seed)
    for (const at of model.needs.keys()) {
      const { hops } = around(model, at)
      const all = hops.flatMap(({ paths }) => paths)
      assert.equal(new Set(all).size, all.length)
      const [, users, , needs] = hops.map(({ paths }) => paths)
      const near = new Set([...(model.needs[at] ?? []), ...(model.users[at] ?? [])])
      assert.deepEqual(new Set([...(users ?? []), ...(needs ?? [])]), near)
    }
  }
})

test('a way from what was asked for begins at a root and goes by what needs the next', () => {
  const model = modelFor(3, 200)
  for (const at of model.needs.keys()) {
    const way = model.rootsOf(at)
    assert.equal(way.at(-1), at)
    for (const [step, from] of way.slice(0, -1).entries()) {
      assert.ok(model.needs[from]?.includes(way[step + 1] ?? -1))
    }
  }
})

test('the map has each path once, within its bounds, and none without an area', () => {
  const grounds = [
    { seed: 8, paths: 300, width: 1200, height: 600 },
    { seed: 9, paths: 2000, width: 368, height: 320 },
    { seed: 1, paths: 1, width: 368, height: 320 },
  ]
  for (const { seed, paths, width, height } of grounds) {
    const model = modelFor(seed, paths)
    for (const [grouping, area] of GROUPINGS.flatMap(by => AREAS.map(area => [by, area] as const))) {
      const layout = layOut(model, { width, height, grouping, area, isAll: true })
      assert.equal(new Set(layout.cells.map(({ at }) => at)).size, paths)
      for (const cell of layout.cells) {
        assert.ok(cell.x0 >= 0 && cell.y0 >= 0 && cell.x1 <= width + 0.01 && cell.y1 <= height + 0.01)
        assert.ok((cell.x1 - cell.x0) * (cell.y1 - cell.y0) > 0.5, JSON.stringify({ cell, grouping, area }))
        const middle = [(cell.x0 + cell.x1) / 2, (cell.y0 + cell.y1) / 2] as const
        assert.equal(cellAt(layout, ...middle)?.at, cell.at)
      }
    }
  }
})

test('arrow keys reach every path of the map', () => {
  const model = modelFor(5, 150)
  const layout = layOut(model, { width: 900, height: 600, grouping: 'standing', area: 'size', isAll: true })
  const is = new Uint8Array(150).fill(1)
  const [first] = layout.cells
  const seen = new Set(first === undefined ? [] : [first])
  for (const cell of seen) {
    for (const direction of ['left', 'right', 'up', 'down'] as const) {
      const next = neighbour(layout, cell, direction, is)
      if (next !== undefined) seen.add(next)
    }
  }
  assert.equal(seen.size, 150)
})

test('a search and filters narrow down to what has all of them', () => {
  const model = modelFor(2, 200)
  const [path] = model.data.paths
  const found = (change: Partial<typeof START>) => selectionOf(model, { ...START, ...change })
  assert.equal(found({}).count, model.data.paths.filter(({ isAsked }) => isAsked).length)
  assert.equal(found({ query: baseOf(path?.path ?? '').toUpperCase() }).count, 1)
  assert.equal(found({ query: 'output no-such-name' }).count, 0)
  for (const standing of STANDINGS) {
    const expected = model.data.paths.filter(each => each.standing === standing).length
    assert.equal(found({ standings: [standing], isAll: true }).count, expected)
  }
  for (const { name, falls } of model.data.principals)
    assert.equal(found({ on: `who ${name}` }).count, falls.length)
  assert.equal(found({ on: 'who nobody' }).count, found({}).count)
})
