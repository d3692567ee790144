import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { queryPathInfo, queryPathInfos } from '../../src/store/queries.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { encode } from '../../src/store/wire.ts'
import { LAST } from '../support/fake-daemon.ts'
import { readAll } from '../support/read-all.ts'

const PATH = '/nix/store/0c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-hello'

test('with any one byte changed, an answer is well-formed, a FormatError, or incomplete', () => {
  const answer = encode(
    LAST,
    1,
    `${PATH}.drv`,
    'a'.repeat(64),
    [PATH],
    1_700_000_000,
    120,
    1,
    ['k:c2ln'],
    'text:x',
  )
  fc.assert(
    fc.property(fc.nat(answer.length - 1), fc.nat(255), (offset, byte) => {
      const bytes = Buffer.from(answer)
      bytes[offset] = byte
      try {
        const info = readAll(queryPathInfo(PATH).answer, bytes).value
        if (info === undefined) return
        assert.match(info.narHash, /^[0-9a-f]{64}$/)
        for (const path of [...info.references, info.deriver ?? PATH])
          assert.equal(parseStorePath(path).path, path)
      } catch (error) {
        const wantsMore = error instanceof assert.AssertionError && error.message.startsWith('asked for more')
        if (!wantsMore && !(error instanceof FormatError) && !(error instanceof StoreError)) throw error
      }
    }),
    { numRuns: 2000 },
  )
})

/** Answers as a store gives them, one after another. */
const NUMBERS = fc.integer({ min: 0, max: 2 ** 40 })
const ANSWER = fc
  .record({
    deriver: fc.constantFrom('', `${PATH}.drv`, 'no path'),
    narHash: fc.constantFrom('a'.repeat(64), 'A'.repeat(64)),
    references: fc.array(fc.constantFrom(PATH, `${PATH}-1.0`, `${PATH}/below`), { maxLength: 4 }),
    numbers: fc.tuple(NUMBERS, NUMBERS, fc.integer({ min: 0, max: 2 })),
    signatures: fc.array(fc.constantFrom('', 'k:c2ln', `k:${'A'.repeat(86)}==`, '\u00e9', 'x'.repeat(1025)), {
      maxLength: 70,
    }),
    ca: fc.constantFrom('', 'text:x', '\u00e9'),
  })
  .map(({ deriver, narHash, references, numbers, signatures, ca }) =>
    encode(LAST, 1, deriver, narHash, references, ...numbers, signatures, ca),
  )

test('an answer that is read in one go is what it is by its fields, wherever it is changed or cut', () => {
  fc.assert(
    fc.property(
      ANSWER,
      fc.nat(40),
      fc.option(fc.tuple(fc.nat(), fc.nat(255)), { freq: 3 }),
      fc.option(fc.nat()),
      (answer, before, changed, cut) => {
        const bytes = Buffer.concat([Buffer.alloc(before, 7), answer, Buffer.alloc(9)])
        if (changed !== null) bytes[before + (changed[0] % answer.length)] = changed[1]
        const given = cut === null ? bytes : bytes.subarray(0, before + (cut % answer.length))
        const [query] = queryPathInfos([PATH])
        const whole = query?.whole?.(given, before)
        if (whole === undefined) return
        const { value, left } = readAll(queryPathInfo(PATH).answer, given.subarray(before))
        assert.deepEqual(whole.value, value)
        assert.equal(whole.end, given.length - left)
      },
    ),
    { numRuns: 3000 },
  )
})

test('what a store usually says of a path is read in one go', () => {
  const signature = `k:${'A'.repeat(86)}==`
  const answer = encode(LAST, 1, '', 'a'.repeat(64), [PATH], 1_700_000_000, 120, 0, [signature], '')
  const whole = queryPathInfos([PATH])[0]?.whole?.(Buffer.from(answer), 0)
  assert.equal(whole?.end, answer.length)
  assert.deepEqual(whole?.value?.signatures, [signature])
})
