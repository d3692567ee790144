// Two processes refuse one output: the reason of the one that took it out stays, and no other entry
// is left.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { withLock } from '../../src/files/lock.ts'
import {
  entryDirectory,
  finishEntry,
  listEntries,
  listUnfinished,
  readEntry,
  writeEntry,
} from '../../src/quarantine/entries.ts'
import type { QuarantineEntry } from '../../src/quarantine/entry.ts'
import { finishInterrupted, quarantine, quarantineForOthers } from '../../src/quarantine/quarantine.ts'
import type { PathInfo, Store } from '../../src/store/store-client.ts'
import { eventually } from '../support/eventually.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-tool'
const FIRST: QuarantineEntry = {
  path: PATH,
  narHash: 'ab'.repeat(32),
  narSize: 120,
  references: [],
  derivation: `${PATH}.drv`,
  builtHere: true,
  registered: 1_790_000_000,
  refused: 1_790_000_001,
  outcome: 'untrusted',
  reason: 'builders disagree',
}
const SECOND: QuarantineEntry = { ...FIRST, outcome: 'indeterminate', reason: 'it could not be copied' }

let state: string
let isValid: boolean
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'nixsig-another-'))
  isValid = true
})
afterEach(() => rmSync(state, { recursive: true }))

/** A store that has the path as long as it is valid. `onClose` runs once the store was asked. */
function store(onClose: () => void = () => undefined): Store {
  const { narHash, narSize, references, registered: registrationTime } = FIRST
  const info = { path: PATH, narHash, narSize, references, registrationTime, ultimate: true } as PathInfo
  return {
    validPaths: async () => new Set(isValid ? [PATH] : []),
    pathInfo: async () => (isValid ? info : undefined),
    referrers: async () => [],
    close: onClose,
  } as unknown as Store
}

/**
 * What another process does after it has moved a path: Nix forgets the path, and its entry is
 * finished.
 */
function end(id: string): void {
  mkdirSync(join(entryDirectory(state, id), 'content'))
  isValid = false
  finishEntry(state, id)
}

function assertOnly(id: string): void {
  assert.deepEqual(listEntries(state), [id])
  assert.equal(readEntry(state, id)?.reason, FIRST.reason)
  assert.deepEqual(listUnfinished(state), [])
}

for (const [whose, take] of [
  ['its own', quarantine],
  ["another build's", quarantineForOthers],
] as const) {
  test(`race: another process ends right after the store was asked: ${whose} hook adds no reason`, async () => {
    const id = writeEntry(state, FIRST)
    let isAsked = false
    const ending = () => {
      if (!isAsked) end(id)
      isAsked = true
    }
    const { lost } = await take(state, [SECOND], async () => store(ending)).catch(() => ({ lost: [] }))
    assert.deepEqual(lost, [])
    assertOnly(id)
  })
}

test('race: another process ends at any moment while this one waits for the lock', async () => {
  for (const [round, wait] of [0, 5, 20, 45, 55, 80, 120].entries()) {
    isValid = true
    const refused = FIRST.refused + round
    const id = writeEntry(state, { ...FIRST, refused })
    let taking: ReturnType<typeof quarantine> | undefined
    await withLock(join(state, 'quarantine/lock'), async () => {
      taking = quarantine(state, [{ ...SECOND, refused }], async () => store())
      await sleep(wait)
      isValid = false
      mkdirSync(join(entryDirectory(state, id), 'content'))
      finishEntry(state, id)
    })
    const kept = (await taking)?.kept ?? []
    if (kept.length > 0) assert.deepEqual(kept, [id])
    assertOnly(id)
    rmSync(join(state, 'quarantine'), { recursive: true })
  }
})

test('race: an entry is removed if another process had already begun without it', async () => {
  let first = ''
  await withLock(join(state, 'quarantine/lock'), async () => {
    const taking = quarantine(state, [SECOND], async () => store())
    await eventually('it began', () => listUnfinished(state).length > 0)
    // It had listed what others began before that.
    first = writeEntry(state, { ...FIRST, refused: FIRST.refused + 1 })
    end(first)
    void taking.then(({ kept }) => assert.deepEqual(kept, [first]))
  })
  await eventually('it ended', () => listUnfinished(state).length === 0)
  assertOnly(first)
})

test('fault: a path that killed processes marked twice is finished as one entry', async () => {
  const first = writeEntry(state, FIRST)
  writeEntry(state, { ...SECOND, refused: SECOND.refused + 1 })
  mkdirSync(join(entryDirectory(state, first), 'content'))
  isValid = false
  await finishInterrupted(state, async () => store())
  assertOnly(first)
})

test('fault: a path that one killed process had finished and another had only marked is kept as one entry', async () => {
  const first = writeEntry(state, FIRST)
  end(first)
  writeEntry(state, { ...SECOND, refused: SECOND.refused + 1 })
  await finishInterrupted(state, async () => store())
  assertOnly(first)
})
