import assert from 'node:assert/strict'
import { beginTrust, readInForce, readNewest } from '../../../src/lists/tuf/update.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'
import { memoryStore, Simulator } from './simulator.ts'

/** A subscriber to a repository that did what it should until now. */
export async function conformanceWorld() {
  const repo = new Simulator()
  const store = memoryStore()
  const first = repo.files.get('metadata/1.root.json') ?? assert.fail('no root')
  await beginTrust(store, repo.source, { sha256: toHex(sha256(first)) })
  repo.requests.length = 0
  const refresh = async () => {
    const newest = await readNewest(store, repo.source, repo.now)
    newest.accept()
    return newest
  }
  /** Refuses for this reason; what was accepted before stays. Returns the versions in force. */
  const refuses = async (why: RegExp) => {
    await assert.rejects(refresh(), why)
    return { root: store.root()?.version, targets: (await readInForce(store))?.targets.version }
  }
  return { repo, store, refresh, refuses }
}
