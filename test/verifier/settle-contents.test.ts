import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { PathInfo } from '../../src/store/store-client.ts'
import type { Inquiry } from '../../src/verifier/inquiry.ts'
import { settleContents } from '../../src/verifier/settle-contents.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nixsig-settle-'))
  path = join(directory, 'path')
  writeFileSync(path, 'first')
})
afterEach(() => rmSync(directory, { recursive: true }))

const INFO = { narHash: 'ab'.repeat(32), registrationTime: 1_790_000_000, ultimate: true }

/**
 * Settles a path for which the store returns this information when asked again. `onAsked` runs
 * before the store answers.
 */
function settle(again: Partial<PathInfo> | undefined, onAsked: () => void = () => undefined) {
  const store = {
    version: async () => '2.34.8',
    pathInfo: async () => {
      onAsked()
      return again && { ...INFO, path, ...again }
    },
  }
  const inquiry = { places: { state: join(directory, 'state') }, records: true, store: async () => store }
  const input = { path: { path, digest: DIGEST }, kind: 'output' }
  return settleContents(inquiry as unknown as Inquiry, input as never, { ...INFO, path } as PathInfo)
}

test('attack: what was found about an output does not apply to one that was made in its place meanwhile', async () => {
  assert.ok('stamp' in (await settle({})))
  const gone = /was taken out of the store, or made again, while it was judged/
  await assert.rejects(settle({ narHash: 'cd'.repeat(32) }), gone)
  await assert.rejects(settle({ registrationTime: INFO.registrationTime + 1 }), gone)
  await assert.rejects(settle(undefined), gone)
})

test('attack: the stamp was taken before the store was asked for the last time', async () => {
  const before = await settle({})
  const late = await settle({}, () => {
    writeFileSync(`${path}.new`, 'second')
    renameSync(`${path}.new`, path)
  })
  assert.deepEqual(late, before)
  assert.notDeepEqual(await settle({}), before)
})
