// How many mirrors are kept, and which of them make room.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { withLock } from '../../src/files/lock.ts'
import { mirrorCommit } from '../../src/git/mirror.ts'
import { lockOf, makeRoomForMirrors, useMirror } from '../../src/git/mirrors-room.ts'
import { testRepository } from '../support/git.ts'
import { type GitDaemon, gitDaemon } from '../support/git-daemon.ts'

const dir = mkdtempSync('/tmp/nixsig-mirrors-')
let daemon: GitDaemon
before(async () => {
  daemon = await gitDaemon(dir)
})
after(() => {
  daemon.close()
  rmSync(dir, { recursive: true, force: true })
})

const MIB = 1024 ** 2

function newParent(): string {
  return mkdtempSync(join(dir, 'mirrors-'))
}

/** A mirror with a pack of this size, last used at this second since 1970; never, for 0. */
function addMirror(parent: string, index: number, lastUse: number, bytes = 0): string {
  const mirror = join(parent, String(index).padStart(40, '0'))
  mkdirSync(join(mirror, 'objects/pack'), { recursive: true, mode: 0o700 })
  writeFileSync(join(mirror, 'config'), '')
  writeFileSync(join(mirror, 'objects/pack/a.pack'), Buffer.alloc(bytes))
  if (lastUse === 0) return mirror
  writeFileSync(`${mirror}.use.lock`, '', { mode: 0o600 })
  utimesSync(`${mirror}.use.lock`, lastUse, lastUse)
  return mirror
}

function mirrorsIn(parent: string): readonly string[] {
  return readdirSync(parent).filter(name => /^[0-9a-f]{40}$/.test(name))
}

/** A repository at the server with one commit; returns its URL and the commit. */
function served(name: string): readonly [string, string] {
  const { git } = testRepository(join(dir, name))
  git('commit', '-q', '--allow-empty', '-m', name)
  return [daemon.url(name), git('rev-parse', 'HEAD')]
}

describe('all mirrors together', () => {
  it('are within both limits, without those that are longest unused, whatever is in use', async () => {
    const mirror = fc.record({
      megabytes: fc.integer({ min: 0, max: 2 }),
      inUse: fc.constantFrom('read', 'written', 'no', 'no'),
    })
    const room = fc.record({ mirrors: fc.nat(4), bytes: fc.nat(6).map(count => count * MIB) })
    const kinds = fc.array(mirror, { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(kinds, room, fc.infiniteStream(fc.nat()), async (each, limits, order) => {
        const parent = newParent()
        const made = each.map((what, index) => {
          const lastUse = 1 + (order.next().value ?? 0)
          return { ...what, lastUse, path: addMirror(parent, index, lastUse, what.megabytes * MIB) }
        })
        const readers = made.filter(({ inUse }) => inUse === 'read')
        const releases = await Promise.all(readers.map(({ path }) => useMirror(path)))
        for (const { path, lastUse } of readers) utimesSync(`${path}.use.lock`, lastUse, lastUse)
        const writers = made.filter(({ inUse }) => inUse === 'written').map(({ path }) => path)
        const within = (paths: readonly string[]) =>
          paths.reduce<() => Promise<void>>(
            (next, path) => () => withLock(lockOf(path), next),
            () => makeRoomForMirrors(parent, limits),
          )()
        await within(writers)
        for (const release of releases) release()

        const isKept = ({ path }: { readonly path: string }) => existsSync(join(path, 'objects/pack/a.pack'))
        const unused = made.filter(({ inUse }) => inUse === 'no').sort((a, b) => a.lastUse - b.lastUse)
        assert.ok(made.filter(({ inUse }) => inUse !== 'no').every(isKept), 'what is in use stays')
        const ages = { kept: unused.filter(isKept), removed: unused.filter(one => !isKept(one)) }
        const oldest = ages.kept[0]?.lastUse ?? Infinity
        assert.ok(
          ages.removed.every(({ lastUse }) => lastUse <= oldest),
          'the longest unused go first',
        )
        const fits = (kept: readonly { readonly megabytes: number }[]) =>
          kept.length <= limits.mirrors &&
          kept.reduce((sum, { megabytes }) => sum + megabytes * MIB + 32 * 1024, 0) <= limits.bytes
        const kept = made.filter(isKept)
        if (ages.kept.length > 0) {
          assert.ok(kept.length <= limits.mirrors, 'no more than the limit, if others could go')
          const bytes = kept.reduce((sum, { megabytes }) => sum + megabytes * MIB, 0)
          assert.ok(bytes <= limits.bytes, 'no larger than the limit, if others could go')
        }
        const last = ages.removed.at(-1)
        if (last !== undefined) assert.ok(!fits([...kept, last]), 'no more go than have to')
        rmSync(parent, { recursive: true, force: true })
      }),
      { numRuns: Number(process.env['NIXSIG_CASES'] ?? 10) },
    )
  })

  it('are 64 at most when another is fetched', async () => {
    const parent = newParent()
    const old = Array.from({ length: 70 }, (_, index) => addMirror(parent, index, 1000 - index))
    const repository = await mirrorCommit(parent, ...served('another'))
    try {
      assert.equal(mirrorsIn(parent).length, 64)
      assert.deepEqual(
        old.map(path => existsSync(path)),
        old.map((_, index) => index < 63),
      )
      assert.equal(existsSync(`${old[69]}.use.lock`), false)
    } finally {
      repository.close()
    }
  })

  it('make room for a plain user as they do for root', { skip: process.getuid?.() !== 0 }, async () => {
    const parent = newParent()
    const old = Array.from({ length: 65 }, (_, index) => addMirror(parent, index, 1 + index))
    execFileSync('chown', ['-R', 'nobody:', parent])
    chmodSync(dir, 0o711)
    const wanted = served('plain')
    process.seteuid?.('nobody')
    try {
      const repository = await mirrorCommit(parent, ...wanted)
      repository.close()
    } finally {
      process.seteuid?.(0)
    }
    assert.equal(mirrorsIn(parent).length, 64)
    assert.deepEqual(
      old.slice(0, 3).map(path => existsSync(path)),
      [false, false, true],
    )
  })

  it('leave half of the space of a full disk to others', async () => {
    const parent = newParent()
    for (const index of [1, 2, 3, 4]) addMirror(parent, index, index, 2 * MIB)
    const limits = { mirrors: 64, bytes: 64 * MIB }
    await makeRoomForMirrors(parent, limits, 9 * MIB)
    assert.equal(mirrorsIn(parent).length, 4)
    await makeRoomForMirrors(parent, limits, 0)
    assert.deepEqual(
      mirrorsIn(parent).map(name => Number(name)),
      [3, 4],
    )
  })

  it('keep one that is open, also if it is the longest unused, until it is closed', async () => {
    const parent = newParent()
    const repository = await mirrorCommit(parent, ...served('open'))
    const [open = ''] = mirrorsIn(parent)
    utimesSync(join(parent, `${open}.use.lock`), 1, 1)
    await makeRoomForMirrors(parent, { mirrors: 0, bytes: 0 })
    assert.deepEqual(mirrorsIn(parent), [open])
    repository.close()
    await makeRoomForMirrors(parent, { mirrors: 0, bytes: 0 })
    assert.deepEqual(readdirSync(parent), [])
  })

  it('leave no half of a mirror if removing it was interrupted, and nothing else goes', async () => {
    const parent = newParent()
    const mirror = addMirror(parent, 1, 0)
    mkdirSync(`${mirror}.removed/objects`, { recursive: true })
    writeFileSync(join(parent, 'notes'), '')
    mkdirSync(join(parent, 'mine'))
    await makeRoomForMirrors(parent)
    assert.deepEqual(readdirSync(parent).sort(), [mirror.slice(-40), 'mine', 'notes'].sort())
    await makeRoomForMirrors(parent, { mirrors: 0, bytes: 0 })
    assert.deepEqual(readdirSync(parent).sort(), ['mine', 'notes'])
  })

  it('are released if what was asked for cannot be fetched', async () => {
    const parent = newParent()
    await assert.rejects(mirrorCommit(parent, daemon.url('nowhere'), '1'.repeat(40)), /cannot ask git:/)
    await makeRoomForMirrors(parent, { mirrors: 0, bytes: 0 })
    assert.deepEqual(mirrorsIn(parent), [])
  })
})
