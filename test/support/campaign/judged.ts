/**
 * Invariants after every kill: nothing is valid that was not judged first, and every file can be
 * read.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial } from '../../../src/files/durable-file.ts'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { readAdmission } from '../../../src/ledger/admissions.ts'
import { type Expected, listExpected, readExpected } from '../../../src/ledger/expected.ts'
import { versionOf } from '../../../src/ledger/stamp.ts'
import type { PathInfo } from '../../../src/store/store-client.ts'
import { GATE_STATE } from '../gate-process.ts'
import type { GuardedWorld } from '../guarded-world.ts'
import type { AskPlugin } from '../plugin.ts'
import type { Made, Round } from './goods.ts'

/** How a valid output was judged before it became valid. */
export type Judged = 'expected' | 'admitted'

/**
 * How each valid output of a round was judged. Throws if one was not judged, or must never be
 * valid.
 */
export async function judgedBefore(guarded: GuardedWorld, { good, bad }: Round): Promise<readonly Judged[]> {
  for (const { out } of bad) assert.equal(await guarded.isValid(out), false, `${out} is valid`)
  const judged: Judged[] = []
  for (const { drv, out } of good) {
    const info = await guarded.pathInfo(out)
    if (info !== undefined) judged.push(howJudged(guarded, { drv, out }, info))
  }
  return judged
}

function howJudged(guarded: GuardedWorld, { drv, out }: Made, info: PathInfo): Judged {
  if (guarded.admission(out)?.narHash === info.narHash) return 'admitted'
  const expected = readExpected(guarded.world.path(GATE_STATE), parseStorePath(out).digest)
  assert.ok(expected !== undefined, `${out} is valid, and nothing says that it was judged`)
  assert.equal(expected.derivation, drv)
  assert.ok(allows(expected, info), `${out} is valid with contents that were not let in`)
  assert.ok(expected.time <= info.registrationTime, `${out} was valid before anybody expected it`)
  return 'expected'
}

/**
 * Whether a path with these contents may be valid; for a content-addressed path its name is the
 * proof.
 */
function allows({ admits }: Expected, { narHash, ca }: PathInfo): boolean {
  switch (admits.kind) {
    case 'any':
      return true
    case 'these':
      return admits.hashes.includes(narHash)
    case 'asked':
      return ca !== undefined
    case 'nothing':
      return false
  }
}

/**
 * Reads every record of a world's state with the library and with the plugin; returns the number of
 * records.
 */
export function assertReadable({ world }: GuardedWorld, ask: AskPlugin): number {
  const state = world.path(GATE_STATE)
  const copy = copyOf(state)
  try {
    let count = 0
    for (const digest of listExpected(state)) {
      const expected = readExpected(state, digest)
      if (expected !== undefined) assertRead(ask, copy, expected.path)
      count++
    }
    for (const file of entriesIn(join(state, 'ledger'))) {
      const [, path = ''] = /^nixsig\d (\S+) /.exec(readFileSync(file, 'utf8')) ?? []
      assert.ok(readAdmission(state, parseStorePath(path).digest, path), file)
      assertRead(ask, copy, path)
      count++
    }
    return count
  } finally {
    rmSync(copy.directory, { recursive: true })
  }
}

function entriesIn(ledger: string): readonly string[] {
  return readdirSync(ledger).flatMap(room => {
    const entries = readdirSync(join(ledger, room)).filter(entry => !isPartial(entry))
    return entries.map(entry => join(ledger, room, entry))
  })
}

/**
 * Asserts that the plugin can read a record: if it cannot, it says so, whatever contents it is
 * asked about.
 */
function assertRead(ask: AskPlugin, where: Copy, path: string): void {
  const row = { path, hash: `sha256:${'0'.repeat(64)}`, deriver: `${path}.drv`, isOurs: true }
  const { reason } = ask({ ...where, socket: '/nonexistent' }, row)
  assert.doesNotMatch(reason, /cannot be read/)
}

interface Copy {
  readonly directory: string
  readonly state: string
  readonly policy: string
}

/**
 * A copy of the records under a separate policy: the world's own snapshot has the file names inside
 * the world.
 */
function copyOf(state: string): Copy {
  const directory = mkdtempSync('/root/.nixsig-test-')
  const copy = { directory, state: join(directory, 'state'), policy: join(directory, 'policy.toml') }
  mkdirSync(copy.state)
  for (const room of ['ledger', 'expected'])
    cpSync(join(state, room), join(copy.state, room), { recursive: true })
  writeFileSync(copy.policy, '#')
  const lines = [
    'attestations /etc/a',
    'mode enforce',
    'sources data',
    'decisions kept',
    `file ${versionOf(copy.policy)} ${copy.policy}`,
  ]
  writeFileSync(join(copy.state, 'policy'), `nixsig1 ${'cd'.repeat(32)}\n${lines.join('\n')}\n`)
  return copy
}
