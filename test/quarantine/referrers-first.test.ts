// Nix deletes only paths that nothing refers to: those that refer to others have to go first.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { referrersFirst } from '../../src/quarantine/holders.ts'

/** References of each path to earlier ones, as bits. */
const graphs = fc.array(fc.bigInt({ min: 0n, max: (1n << 12n) - 1n }), { maxLength: 12 })

function referrersIn(references: readonly bigint[]): Map<string, string[]> {
  const referrers = new Map(references.map((_, index) => [String(index), [] as string[]]))
  references.forEach((bits, index) => {
    for (let to = 0; to < index; to++)
      if ((bits >> BigInt(to)) & 1n) referrers.get(String(to))?.push(String(index))
  })
  return referrers
}

it('puts each path after those that refer to it, directly or through others, whatever the order', () => {
  fc.assert(
    fc.property(
      graphs.chain(references =>
        fc.tuple(fc.constant(references), fc.shuffledSubarray(references.map((_, index) => String(index)))),
      ),
      ([references, paths]) => {
        const referrers = referrersIn(references)
        const ordered = referrersFirst(paths, referrers)
        assert.deepEqual([...ordered].sort(), [...paths].sort())
        const reaches = (from: string): string[] => {
          const direct = referrers.get(from) ?? []
          return [...direct, ...direct.flatMap(reaches)]
        }
        ordered.forEach((path, index) => {
          for (const referrer of reaches(path)) assert.ok(!ordered.slice(index).includes(referrer))
        })
      },
    ),
  )
})

it('ends with a path that refers to itself, and with paths that refer to each other', () => {
  const referrers = new Map([
    ['a', ['a', 'b']],
    ['b', ['a']],
  ])
  assert.deepEqual([...referrersFirst(['a', 'b'], referrers)].sort(), ['a', 'b'])
})

it('takes a hundred thousand referrers of one path, and a chain as long', () => {
  const all = Array.from({ length: 100_000 }, (_, index) => String(index))
  const wide = referrersFirst(['victim', ...all], new Map([['victim', all]]))
  assert.equal(wide.at(-1), 'victim')
  const chain = new Map(all.map((path, index) => [path, all.slice(index + 1, index + 2)]))
  assert.deepEqual(referrersFirst(all, chain), [...all].reverse())
})
