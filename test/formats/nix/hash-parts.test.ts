// References are found as Nix finds them: by hash parts, wherever they stand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Found, scanForHashParts, type Wanted } from '../../../src/formats/nix/hash-parts.ts'
import { cpuTime } from '../../support/cpu-time.ts'

const DIGITS = '0123456789abcdfghijklmnpqrsvwxyz'
const [DEP, LIB, SELF] = ['dep', 'lib', 'self'].map(
  (_, index) => `${index}c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg`,
) as [string, string, string]
const NAMES = new Map([
  [DEP, 'dep-1.0'],
  [LIB, 'lib'],
  [SELF, 'self'],
])

function scan(text: string | Uint8Array, wanted: Wanted = { names: NAMES, others: true }, sizes = [1 << 20]) {
  const bytes = Buffer.from(text)
  const scan = scanForHashParts(wanted)
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    scan.add(bytes.subarray(at, at + size))
    at += size
  }
  return scan.end()
}

const lists = ({ seen, named, other }: Found) => ({
  seen: [...seen].sort(),
  named: [...named].sort(),
  other,
})

test('a listed hash part is found alone, in a path, and among other digits', () => {
  for (const [text, named] of [
    [DEP, false],
    [`/nix/store/${DEP}-dep-1.0/bin/x`, true],
    [`/nix/store/${DEP}-dep-1.0`, true],
    [`/nix/store/${DEP}-dep`, false],
    [`/nix/store/${DEP}-dep-1.0.1`, false],
    [`zz${DEP}zz`, false],
    [`\0${DEP}\0`, false],
    [`e${DEP}-dep-1.0 and ${DEP}`, true],
  ] as const) {
    const found = lists(scan(text, { names: NAMES, others: false }))
    assert.deepEqual(found, { seen: [DEP], named: named ? [DEP] : [], other: undefined }, text)
  }
  assert.deepEqual(lists(scan(`${DEP.slice(1)} ${DEP.slice(0, 31)}e ${DEP.toUpperCase()}`)).seen, [])
})

test('an unlisted hash part is reported with its name; other numbers are not', () => {
  const other = '9c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg'
  assert.deepEqual(scan(`/nix/store/${other}-x.y/bin`).other, `${other}-x.y`)
  assert.deepEqual(scan(`a ${other} b`).other, other)
  // A SHA-256, zeros and a ruler are not hash parts, unless a name follows.
  const numbers = ['ab01'.repeat(16), '0'.repeat(64), 'x'.repeat(80), 'abab1'.repeat(20)]
  for (const number of numbers) assert.deepEqual(scan(`(${number})`).other, undefined, number)
  assert.deepEqual(scan(`${'0'.repeat(32)}-x`).other, `${'0'.repeat(32)}-x`)
  assert.equal(scan(`${'7'.repeat(99)}${other}zzz ${DEP}`).other, `${'7'.repeat(28)}${other.slice(0, 4)}`)
})

/** Nix's algorithm without its short cuts: checks every position. */
function plainly(bytes: Buffer, names: ReadonlyMap<string, string>): readonly string[] {
  const text = bytes.toString('latin1')
  const found = new Set<string>()
  for (let at = 0; at + 32 <= text.length; at++) {
    const part = text.slice(at, at + 32)
    if ([...part].every(character => DIGITS.includes(character)) && names.has(part)) found.add(part)
  }
  return [...found].sort()
}

const piece = fc.oneof(
  fc.constantFrom(DEP, LIB, SELF, '-dep-1.0', '-lib', '/nix/store/', DEP.slice(3), '-', 'e', '\0'),
  fc.string({ unit: fc.constantFrom(...DIGITS), maxLength: 80 }),
  fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes).toString('latin1')),
)

test('however the bytes are split, the result is the same as checking every position', () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
      (pieces, sizes) => {
        const bytes = Buffer.from(pieces.join(''), 'latin1')
        const found = lists(scan(bytes, undefined, sizes))
        assert.deepEqual(found.seen, plainly(bytes, NAMES))
        assert.deepEqual(found, lists(scan(bytes)))
      },
    ),
    { numRuns: 500 },
  )
})

test('attack: bytes that are all digits cost little more than others', () => {
  for (const unit of ['x', 'ab01', '0c8i3rzzv5hyl4c61vmg1hq9nyr4b4z']) {
    const bytes = Buffer.alloc(8 << 20, unit)
    const started = cpuTime()
    scan(bytes, undefined, [1 << 18])
    assert.ok(cpuTime() - started < 4000, unit)
  }
})

/** Names that count their look-ups. */
class CountedNames extends Map<string, string> {
  looks = 0
  override get(digest: string): string | undefined {
    this.looks++
    return super.get(digest)
  }
}

const ZEROS = '0'.repeat(32)
/** Different hash parts that are zeros except for a few digits in the middle. */
const THOUSAND = Array.from({ length: 1000 }, (_, count) =>
  String(count + 1000)
    .padStart(16, '0')
    .padEnd(32, '0'),
)

const LOOKALIKES: readonly (readonly [what: string, digests: readonly string[]])[] = [
  ['begin like all of the contents', [`${'0'.repeat(31)}1`]],
  ['begin and end like all of the contents', [`${'0'.repeat(15)}1${'0'.repeat(16)}`]],
  ['are all of the contents', [ZEROS]],
  ['are a thousand that are like the contents', THOUSAND],
]

for (const [what, digests] of LOOKALIKES) {
  test(`attack: hash parts that ${what} are not looked up at each byte`, () => {
    // By chance, zeros collide with one of a thousand hash parts once in a thousand scans; never
    // three times.
    const looks = [1, 2, 3].map(() => {
      const names = new CountedNames(digests.map(digest => [digest, 'dep']))
      const scan = scanForHashParts({ names, others: false })
      for (let pieces = 0; pieces < 16; pieces++) scan.add(Buffer.alloc(65_536, '0'))
      assert.deepEqual([...scan.end().seen], digests.includes(ZEROS) ? [ZEROS] : [])
      return names.looks
    })
    assert.ok(Math.min(...looks) < 100, `${looks} looks, where only each piece has an end`)
  })
}
