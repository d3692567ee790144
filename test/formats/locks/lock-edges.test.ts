// Where the inputs of a lock lead, and what it costs to find out.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { inputsOf } from '../../../src/formats/locks/flake-inputs.ts'
import { type Edge, type LockNode, nodeAt, parseFlakeLock } from '../../../src/formats/locks/flake-lock.ts'
import { targetsOf } from '../../../src/formats/locks/lock-edges.ts'
import { relock } from '../../../src/formats/locks/relock.ts'

const LOCKED = { type: 'git', url: 'https://example.org/a', rev: '1'.repeat(40) }
const NODE = { locked: LOCKED, original: { type: 'indirect', id: 'a' } }

const lockOf = (nodes: object) => Buffer.from(JSON.stringify({ nodes, root: 'root', version: 7 }))

type Inputs = Readonly<Record<string, string | readonly string[]>>

/** Counts how often somebody looks for an input, and how many inputs are gone through. */
class Counted extends Map<string, Edge> {
  static steps = 0
  override get(name: string) {
    Counted.steps++
    return super.get(name)
  }
  override values() {
    Counted.steps += this.size
    return super.values()
  }
}

/** What it costs to find the targets of all inputs, and how large the lock is. */
function costOf(nodes: Readonly<Record<string, Inputs>>): { steps: number; size: number } {
  const made = new Map<string, LockNode>()
  let size = 0
  for (const [key, inputs] of Object.entries(nodes)) {
    const edges = Object.entries(inputs).map(([name, to]): [string, Edge] => {
      size += typeof to === 'string' ? 1 : 1 + to.length
      return [name, typeof to === 'string' ? { node: to } : { follows: to }]
    })
    const written = { format: 'flake.lock', where: key, value: null }
    made.set(key, { key, line: 1, inputs: new Counted(edges), written })
  }
  const root = made.get('root')
  assert.ok(root)
  Counted.steps = 0
  try {
    targetsOf({ root, nodes: made })
  } catch (error) {
    assert.match(
      String(error),
      /leads nowhere|in a circle|64 deep|its own inputs|inputs deep|is absent|the root node/,
    )
  }
  return { steps: Counted.steps, size }
}

const name = fc.constantFrom('a', 'b', 'c')
const target = fc.oneof(
  fc.constantFrom('n0', 'n1', 'n2', 'n3', 'n4', 'n5'),
  fc.array(name, { maxLength: 12 }),
)
const inputs: fc.Arbitrary<Inputs> = fc.dictionary(name, target, { noNullPrototype: true })

describe('the inputs of a flake.lock', () => {
  it('are resolved with work that its size bounds, for any lock', () => {
    fc.assert(
      fc.property(inputs, fc.array(inputs, { minLength: 6, maxLength: 6 }), (root, others) => {
        const nodes = Object.fromEntries(others.map((each, index) => [`n${index}`, each]))
        const { steps, size } = costOf({ root, ...nodes })
        assert.ok(steps <= 3 * size, `${steps} steps for a lock of ${size}`)
      }),
      { numRuns: Number(process.env['NIXSIG_CASES'] ?? 1000) },
    )
  })

  it('attack: each follows a path of sixty that follow a path of sixty', () => {
    const bomb: Record<string, string | string[]> = { t0: ['x'] }
    for (let level = 1; level < 40; level++) bomb[`t${level}`] = ['x', ...Array(60).fill(`t${level - 1}`)]
    const { steps, size } = costOf({ root: { x: 'n' }, n: bomb })
    assert.ok(steps <= 3 * size, `${steps} steps for a lock of ${size}`)
    const lock = parseFlakeLock(lockOf({ root: { inputs: { x: 'n' } }, n: { ...NODE, inputs: bomb } }))
    assert.equal(nodeAt(lock, ['x', 't39', 't39']).key, 'n')
  })

  it('attack: they follow each other more than 64 deep, in whichever order they are written', () => {
    const chain = Array.from({ length: 66 }, (_, at): [string, string | string[]] =>
      at === 0 ? ['f0', 'n'] : [`f${at}`, [`f${at - 1}`]],
    )
    for (const entries of [chain, chain.toReversed()]) {
      const lock = (length: number) => {
        const kept = Object.fromEntries(entries.filter(([key]) => Number(key.slice(1)) < length))
        return lockOf({ root: { inputs: kept }, n: NODE })
      }
      assert.equal(nodeAt(parseFlakeLock(lock(65)), ['f64']).key, 'n')
      assert.throws(() => parseFlakeLock(lock(66)), /follows others more than 64 deep/)
    }
  })

  it('attack: they are nested more than 64 deep, in whichever order they are written', () => {
    const chain = Array.from({ length: 1000 }, (_, at) => [
      `n${at}`,
      at === 999 ? NODE : { ...NODE, inputs: { a: `n${at + 1}` } },
    ])
    for (const entries of [chain, chain.toReversed()]) {
      const nodes = { ...Object.fromEntries(entries), root: { inputs: { a: 'n0' } } }
      assert.throws(() => parseFlakeLock(lockOf(nodes)), /more than 64 inputs deep/)
    }
  })

  it('attack: layers of two nodes that lead to both of the next are moved and written in no time', () => {
    const nodes: Record<string, object> = { root: { inputs: { lib: 'a0' } } }
    for (let layer = 0; layer < 60; layer++) {
      const both = { l: `a${layer + 1}`, r: `b${layer + 1}` }
      for (const side of ['a', 'b']) nodes[side + layer] = { ...NODE, inputs: layer < 59 ? both : {} }
    }
    const lock = parseFlakeLock(lockOf(nodes))
    assert.equal(inputsOf(lock).length, 119)
    const inner = parseFlakeLock(lockOf({ ...nodes, root: { inputs: { l: 'a1', r: 'b1' } } }))
    const text = relock(lock, { path: ['lib'], locked: new Map(Object.entries(LOCKED)), inner })
    assert.equal(inputsOf(parseFlakeLock(Buffer.from(text))).length, 119)
  })
})
