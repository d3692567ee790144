// Whoever looks at a list while it is updated: no lock is held, and what is read may go.
import assert from 'node:assert/strict'
import fs, { cpSync, renameSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { test } from 'node:test'
import { keptHere, waitingVersion } from '../../../src/lists/subscribe/kept.ts'
import { BOTH, withTaker } from '../../support/lists/listed.ts'
import { publishBy } from '../../support/lists/subscribing.ts'

/** Looks, and calls `change` before the file with this number is opened; how many were opened. */
async function lookWhile(look: () => Promise<unknown>, at: number, change: () => void): Promise<number> {
  const real = fs.openSync
  let opened = 0
  fs.openSync = (...args) => {
    if (opened++ === at) change()
    return real(...args)
  }
  syncBuiltinESMExports()
  try {
    await look()
  } finally {
    fs.openSync = real
    syncBuiltinESMExports()
  }
  return opened
}

test('who looks while a state is taken sees the state before or after, and no fault', () =>
  withTaker(async ({ update, directory }, kept) => {
    kept.add('erin', 3)
    await publishBy(kept, ...BOTH)
    assert.equal((await update({ mode: 'pinned' })).kind, 'waits')
    const [before, after, gone] = ['before', 'after', 'gone'].map(name => `${directory}.${name}`) as [
      string,
      string,
      string,
    ]
    cpSync(directory, before, { recursive: true })
    assert.equal((await update()).kind, 'taken')
    cpSync(directory, after, { recursive: true })
    const seen = async () => {
      const { contents, waiting } = await keptHere(directory, 'ex')
      return [contents?.version, waiting?.contents.version, await waitingVersion(directory)].join()
    }
    for (let at = 0, all = Infinity; at < all; at++) {
      for (const each of [directory, gone]) rmSync(each, { recursive: true, force: true })
      cpSync(before, directory, { recursive: true })
      cpSync(after, `${after}.copy`, { recursive: true })
      let found = ''
      const look = async () => {
        found = await seen()
      }
      all = await lookWhile(look, at, () => {
        renameSync(directory, gone)
        renameSync(`${after}.copy`, directory)
      })
      assert.ok(['1,2,2', '1,2,', '2,,'].includes(found), `${at}: ${found}`)
      rmSync(`${after}.copy`, { recursive: true, force: true })
    }
  }))
