import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QuarantineEntry } from '../../src/quarantine/entry.ts'
import { holdersOf } from '../../src/quarantine/holders.ts'
import type { PathInfo, Store } from '../../src/store/store-client.ts'

const pathOf = (name: string) => `/nix/store/0123456789abcdfghijklmnpqrsvwxyz-${name}`

test('attack: an old sibling that refers to a refused output does not leave the store as built here', async () => {
  const store = {
    referrers: async (path: string) => (path === pathOf('two-dev') ? [pathOf('two')] : []),
    pathInfo: async (path: string) =>
      ({
        path,
        narHash: 'cd'.repeat(32),
        narSize: 1,
        references: [],
        registrationTime: 1,
      }) as unknown as PathInfo,
  } as unknown as Store
  const refused = {
    ...{ path: pathOf('two-dev'), narHash: 'ab'.repeat(32), narSize: 1, references: [], registered: 9 },
    ...{ derivation: pathOf('two.drv'), builtHere: true, refused: 9, outcome: 'untrusted', reason: 'no' },
  } satisfies QuarantineEntry as QuarantineEntry
  const { kept } = await holdersOf(store, [refused], { held: [], room: 9 })
  assert.deepEqual(
    kept.map(({ path, builtHere }) => [path, builtHere]),
    [[pathOf('two'), false]],
  )
})
