import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { queryPathInfo } from '../../src/store/queries.ts'
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
