import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lookUp, makeGraphIndex, openGraphIndex } from '../../src/formats/approval-index.ts'
import {
  type GraphEntry,
  graphDigest,
  parseBuildGraph,
  printBuildGraph,
} from '../../src/formats/nix/build-graph.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { entry, graphOf } from '../support/signed-approval.ts'

const encode = (text: string) => Buffer.from(text, 'latin1')
const digestOf = ({ path }: GraphEntry) => path.slice(11, 43)

function find(bytes: Uint8Array, digest: string): string | undefined {
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length)
  return lookUp(openGraphIndex(read, bytes.length), read, digest)
}

const graphs = fc
  .uniqueArray(fc.stringMatching(/^[a-z]{1,6}(?:\.drv)?$/), { minLength: 1, maxLength: 200 })
  .map(names => names.map(entry))

test('an index gives what its list gives, and nothing else', () => {
  fc.assert(
    fc.property(graphs, fc.stringMatching(/^[a-z]{7,9}$/), (entries, absent) => {
      const bytes = makeGraphIndex(printBuildGraph(entries))
      for (const each of entries) assert.equal(find(bytes, digestOf(each)), each.sha256)
      assert.equal(find(bytes, digestOf(entry(absent))), undefined)
    }),
    { numRuns: 100 },
  )
})

test('the list of a graph has one spelling', () => {
  fc.assert(
    fc.property(graphs, entries => {
      const list = printBuildGraph(entries)
      assert.deepEqual(printBuildGraph([...entries].reverse()), list)
      assert.deepEqual(printBuildGraph(parseBuildGraph(list)), list)
    }),
    { numRuns: 100 },
  )
})

test('an index that was cut off at any place is not an index', () => {
  const whole = makeGraphIndex(printBuildGraph(graphOf('x', 9)))
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => find(whole.subarray(0, length), digestOf(entry('x-0.drv'))), FormatError)
  }
})

test('an index with any byte changed gives no hash but one that the list has for another path', () => {
  const entries = graphOf('x', 9)
  const whole = makeGraphIndex(printBuildGraph(entries))
  const known = new Set(entries.map(({ sha256 }) => sha256))
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] ?? 0) ^ 1
    for (const each of entries) {
      let found: string | undefined
      try {
        found = find(damaged, digestOf(each))
      } catch (error) {
        assert.ok(error instanceof FormatError, `byte ${at}`)
      }
      // A changed hash is the hash of nothing that exists; it is not that of another entry.
      if (found !== undefined && found !== each.sha256) assert.equal(known.has(found), false, `byte ${at}`)
    }
  }
})

test('an index remembers which list it was made from', () => {
  const list = printBuildGraph(graphOf('x'))
  const bytes = makeGraphIndex(list)
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length)
  assert.equal(openGraphIndex(read, bytes.length).graph, graphDigest(list))
})

test('a lookup reads a few hundred bytes of a large index', () => {
  const entries = graphOf('x', 20_000)
  const bytes = makeGraphIndex(printBuildGraph(entries))
  for (const each of entries.slice(0, 500)) {
    let count = 0
    const read = (offset: number, length: number) => {
      count += length
      return bytes.subarray(offset, offset + length)
    }
    assert.equal(lookUp(openGraphIndex(read, bytes.length), read, digestOf(each)), each.sha256)
    assert.ok(count < 1000, `${count} bytes`)
  }
})

const [one, two] = [entry('one'), entry('two')].sort((a, b) => (a.path < b.path ? -1 : 1)) as [
  GraphEntry,
  GraphEntry,
]
const line = ({ path, sha256 }: GraphEntry) => `${path} ${sha256}\n`
const renamed = { ...one, path: `${one.path}x` }

const BROKEN: readonly (readonly [what: string, list: string, reason: RegExp])[] = [
  ['is empty', '', /is empty/],
  ['breaks off', line(one).slice(0, -1), /breaks off/],
  ['breaks off in a hash', `${line(one).slice(0, -9)}\n`, /not a store path and its SHA-256/],
  ['has the same path twice', line(one) + line(one), /not sorted, or a path is repeated/],
  ['has one path with two hashes', line(one) + line({ ...one, sha256: two.sha256 }), /a path is repeated/],
  ['has two paths with one hash part', line(one) + line(renamed), /two paths have one hash part/],
  ['is not sorted', line(two) + line(one), /not sorted/],
  ['has an empty line', `${line(one)}\n`, /not a store path/],
  ['has Windows line ends', line(one).replace('\n', '\r\n'), /not a store path/],
  ['has a hash in capitals', line({ ...one, sha256: one.sha256.toUpperCase() }), /not a store path/],
  ['has a path below a store path', line({ ...one, path: `${one.path}/x` }), /not a store path/],
]

for (const [what, list, reason] of BROKEN) {
  test(`a list that ${what} is refused`, () => {
    assert.throws(() => parseBuildGraph(encode(list)), reason)
    assert.throws(() => makeGraphIndex(encode(list)), reason)
  })
}
