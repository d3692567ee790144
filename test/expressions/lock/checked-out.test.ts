// Whether the work tree around a lock is the commit that was judged, with all that is evaluated.
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { untrackedPaths } from '../../../src/expressions/lock/untracked.ts'
import type { TreeFiles } from '../../../src/expressions/lock/work-tree.ts'
import { codesOf, flakeLock, type LockWorld, lockWorld, wordsOf } from '../../support/lock-world.ts'

const BY_ALICE = '[[inputs]]\nurl = "*"\nrequire = "alice"\n'
const NPINS = JSON.stringify({ pins: {}, version: 8 })

let world: LockWorld
before(() => {
  world = lockWorld()
})
after(() => world.remove())

function verify(directory: string, more: object = {}) {
  const self = { url: undefined, allowDirty: false, ...more }
  return world.verify(directory, BY_ALICE, { self, minor: 30 })
}

describe('a project that is evaluated where it lies', () => {
  it('attack: it has files that its commit lacks, ignored ones too', async () => {
    const locks = { 'npins/sources.json': NPINS, 'nix/sources.json': '{}' }
    for (const [lock, text] of Object.entries(locks)) {
      const name = `in-place-${lock.split('/')[0]}`
      const files = { [lock]: text, '.gitignore': '*.local.nix\n', 'overlays/a.nix': '1' }
      const { directory } = world.repository(name, files)
      assert.deepEqual(codesOf(await verify(directory)), { self: [] })
      writeFileSync(join(directory, 'overlays/z.local.nix'), 'evil')
      mkdirSync(join(directory, 'more'))
      symlinkSync('/nix/store', join(directory, 'result'))
      const verdicts = await verify(directory)
      assert.deepEqual(codesOf(verdicts), { self: ['dirty'] })
      assert.match(wordsOf(verdicts), /does not have: more\/, overlays\/z\.local\.nix, result: evaluate/)
      const allowed = await verify(directory, { allowUntracked: true })
      assert.deepEqual(codesOf(allowed), { self: [] })
      assert.match(wordsOf(allowed), /overlays\/z\.local\.nix/)
      writeFileSync(join(directory, 'overlays/a.nix'), 'evil')
      assert.deepEqual(codesOf(await verify(directory, { allowUntracked: true })), { self: ['dirty'] })
    }
  })

  it('a flake is not: Nix copies what its commit has', async () => {
    const { directory } = world.repository('copied', { 'flake.lock': flakeLock({}) })
    writeFileSync(join(directory, 'untracked.nix'), '')
    assert.deepEqual(codesOf(await verify(directory)), { self: [] })
  })

  it('property: what the commit lacks is found, and nothing else', () => {
    const name = fc.constantFrom('a', 'b', 'c.nix', '.git', '\u00e9', ' ')
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(names => names.join('/'))
    let serial = 0
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 8 }), fc.nat(255), (paths, bits) => {
        const top = join(world.dir, `untracked-${serial++}`)
        mkdirSync(top)
        const there: string[] = []
        for (const each of paths) {
          // A file where another path has a directory cannot be written.
          if (paths.some(other => other.startsWith(`${each}/`))) continue
          mkdirSync(join(top, each, '..'), { recursive: true })
          writeFileSync(join(top, each), '')
          there.push(each)
        }
        const bytes = (text: string) => Buffer.from(text).toString('latin1')
        const entry = { kind: 'file', id: '' } as const
        const tracked = there.filter((_, index) => (bits >> index) & 1)
        const files: TreeFiles = new Map(tracked.map(each => [bytes(each), { ...entry, name: '' }]))
        const found = untrackedPaths(top, files)
        const covers = (each: string) =>
          found.some(known => known === bytes(each) || (known.endsWith('/') && bytes(each).startsWith(known)))
        for (const each of there) {
          const isOwn = each === '.git' || each.startsWith('.git/')
          assert.equal(covers(each), !tracked.includes(each) && !isOwn, each)
        }
        rmSync(top, { recursive: true })
      }),
      { numRuns: 200 },
    )
  })
})

describe('the submodules of the tree around a lock', () => {
  it('attack: one is changed, or at another commit than the tree names', async () => {
    const inner = world.repository('inner', { 'v.nix': 'honest', 'w/x': '' }, false)
    for (const lock of ['flake.lock', 'npins/sources.json']) {
      const name = `outer-${lock.length}`
      const outer = world.repository(name, { [lock]: lock === 'flake.lock' ? flakeLock({}) : NPINS })
      const { directory } = outer
      const quiet = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet']
      outer.git(...quiet, 'add', inner.directory, 'lib/sub')
      outer.git('commit', '-q', '-S', '-m', 'with a submodule')
      const sub = join(directory, 'lib/sub')
      assert.deepEqual(codesOf(await verify(directory)), { self: [] })
      writeFileSync(join(sub, 'v.nix'), 'evil')
      const changed = await verify(directory)
      assert.deepEqual(codesOf(changed), { self: ['dirty'] })
      assert.match(wordsOf(changed), /is not its commit: lib\/sub\/v\.nix/)
      outer.git('-C', sub, '-c', 'user.name=m', '-c', 'user.email=m', 'commit', '-q', '-a', '-m', 'evil')
      const moved = await verify(directory)
      assert.match(wordsOf(moved), /is not its commit: lib\/sub:/)
      assert.deepEqual(codesOf(await verify(directory, { allowDirty: true })), { self: [] })
      outer.git(...quiet, 'update')
      assert.deepEqual(codesOf(await verify(directory)), { self: [] })
      writeFileSync(join(sub, 'w/untracked'), '')
      const codes = lock === 'flake.lock' ? [] : ['dirty']
      assert.deepEqual(codesOf(await verify(directory)), { self: codes })
      rmSync(join(sub, 'w/untracked'))
      writeFileSync(join(sub, '.git'), 'gitdir: nowhere\n')
      assert.deepEqual(codesOf(await verify(directory)), { self: ['dirty'] })
      rmSync(sub, { recursive: true })
      mkdirSync(sub)
      assert.deepEqual(codesOf(await verify(directory)), { self: [] }, 'not checked out')
    }
  })
})
