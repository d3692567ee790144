// What an audit knows of the store, and may leave to the next one, is no more than it asked for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { viewStore } from '../../src/audit/store-view.ts'
import type { PathInfo } from '../../src/store/store-client.ts'

const PATHS = ['a', 'b', 'c'].map(name => `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${name}`)

const infoOf = (path: string): PathInfo => ({
  path,
  narHash: 'ab'.repeat(32),
  narSize: 1,
  references: [],
  registrationTime: 1,
  ultimate: false,
  signatures: [],
})

/** A view of a store that has these paths, of which nothing is kept. */
function view() {
  const store = {
    allValidPaths: async () => PATHS,
    pathInfos: async (paths: readonly string[]) => paths.map(infoOf),
    validPaths: async (paths: readonly string[]) => new Set(paths),
  }
  return viewStore(async () => store, { kept: undefined, begun: 0n, names: () => new Set() })
}

test('an audit for which there was no time to ask about all paths keeps no whole store', async () => {
  const cut = view()
  await cut.allValid()
  await cut.infosOf(PATHS.slice(0, 2))
  await cut.validAmong(PATHS)
  const { isWhole, infos, valid } = cut.toKeep()
  assert.equal(isWhole, false)
  assert.deepEqual(
    infos.map(({ path }) => path),
    PATHS.slice(0, 2),
  )
  assert.deepEqual(valid, PATHS.slice(2))
})

test('one that asked about all of them keeps the whole store', async () => {
  const whole = view()
  await whole.infosOf(await whole.allValid())
  assert.equal(whole.toKeep().isWhole, true)
})

test('one that did not list the store keeps no whole one', async () => {
  const some = view()
  await some.infosOf(PATHS)
  assert.equal(some.toKeep().isWhole, false)
})
