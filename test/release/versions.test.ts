import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { treeDigest } from '../../src/release/tree.ts'
import {
  addVersion,
  currentIn,
  lastIn,
  previousIn,
  switchSteps,
  switchTo,
  tidyUp,
  type Version,
} from '../../src/release/versions-home.ts'
import { compareVersions } from '../../src/setup/version-order.ts'
import { lastingPath } from '../../src/setup/versions.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nixsig-versions-'))
  mkdirSync(join(root, 'home'))
})
afterEach(() => rmSync(root, { recursive: true }))

function programs(version: string, name = version): string {
  const directory = join(root, name)
  mkdirSync(join(directory, 'cli'), { recursive: true })
  writeFileSync(join(directory, 'package.json'), `{ "type": "commonjs", "version": "${version}" }\n`)
  writeFileSync(join(directory, 'nixsig'), '#!/bin/sh\n')
  chmodSync(join(directory, 'nixsig'), 0o755)
  return directory
}

test('versions as semantic versioning orders them', () => {
  const ordered = [
    '0.1.0-alpha',
    '0.1.0-alpha.1',
    '0.1.0-beta.2',
    '0.1.0-beta.11',
    '0.1.0',
    '0.2.0',
    '0.10.0',
    '1.0.0',
  ]
  for (const [i, a] of ordered.entries())
    for (const [j, b] of ordered.entries())
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} ${b}`)
})

test('the hash of the files is over names, contents and what can be run, and nothing else', () => {
  const [a, b] = [programs('0.1.0', 'a'), programs('0.1.0', 'b')]
  chmodSync(join(b, 'package.json'), 0o600)
  assert.equal(treeDigest(a), treeDigest(b))
  chmodSync(join(b, 'nixsig'), 0o644)
  assert.notEqual(treeDigest(a), treeDigest(b))
  symlinkSync('/etc/passwd', join(a, 'link'))
  assert.throws(() => treeDigest(a), /link is not a regular file/)
})

test('added, switched, switched back; older ones go', () => {
  const home = join(root, 'home')
  const [one, two, three] = ['0.1.0', '0.2.0', '0.3.0'].map(version => addVersion(home, programs(version)))
  assert.ok(one && two && three)
  assert.equal(currentIn(home), undefined)
  switchTo(home, one, currentIn(home))
  assert.equal(previousIn(home), undefined)
  switchTo(home, two, currentIn(home))
  switchTo(home, two, currentIn(home))
  assert.deepEqual([currentIn(home), previousIn(home)], [two, one])
  assert.equal(lastingPath(two.directory), join(home, 'current'))
  assert.equal(lastingPath(one.directory), one.directory)
  mkdirSync(join(home, '.0.9.0-0123456789ab.1~'))
  switchTo(home, three, currentIn(home))
  tidyUp(home)
  assert.deepEqual(readdirSync(home).sort(), [two.name, three.name, 'current', 'previous'].sort())
})

test('a version that was changed where it lies is not taken for it', () => {
  const home = join(root, 'home')
  const { directory } = addVersion(home, programs('0.1.0'))
  writeFileSync(join(directory, 'nixsig'), '#!/bin/sh\nevil\n')
  assert.throws(() => addVersion(home, join(root, '0.1.0')), /was changed since it was installed: delete it/)
})

test('a link that leads out of the directory names no version', () => {
  const home = join(root, 'home')
  symlinkSync('/usr', join(home, 'current'))
  symlinkSync('/nowhere', join(home, 'previous'))
  assert.deepEqual([currentIn(home), previousIn(home)], [undefined, undefined])
})

/** The version in force, and the one to go back to. */
function inForce(home: string): readonly (string | undefined)[] {
  return [currentIn(home)?.name, previousIn(home)?.name]
}

test('killed after any step of any switch, the pair is that from before or that from after', () => {
  const sources = ['0.1.0', '0.2.0', '0.3.0', '0.4.0'].map(version => programs(version))
  const action = fc.record({
    to: fc.option(fc.nat(sources.length - 1), { nil: 'previous' as const }),
    kill: fc.nat(8),
  })
  let count = 0
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 8 }), actions => {
      const home = join(root, `home-${count++}`)
      mkdirSync(home)
      for (const { to, kill } of actions) {
        const before = lastIn(home)
        const version: Version | undefined =
          to === 'previous' ? previousIn(home) : addVersion(home, sources[to] ?? '')
        if (version === undefined) continue
        const old = inForce(home)
        const isChanged = before !== undefined && before.name !== version.name
        const kept = old[1] === version.name ? undefined : old[1]
        const wanted = [version.name, isChanged ? before.name : kept]
        const steps = switchSteps(home, version, before)
        for (const [index, take] of steps.entries()) {
          if (index === kill) break
          take()
          const now = inForce(home)
          if (index === steps.length - 1) assert.deepEqual(now, wanted)
          else assert.ok([`${old}`, `${wanted}`].includes(`${now}`), `${old} ${wanted}: ${now}`)
        }
        if (kill < steps.length) continue
        tidyUp(home)
        assert.deepEqual(inForce(home), wanted)
        assert.ok(!readdirSync(home).includes('.before'))
      }
      rmSync(home, { recursive: true })
    }),
    { numRuns: Number(process.env['NIXSIG_CASES'] ?? 60) },
  )
})

test('attack: a kill that left both links at the bad version hides no good version', () => {
  const home = join(root, 'home')
  const [good, bad] = ['0.1.0', '0.2.0'].map(version => addVersion(home, programs(version)))
  assert.ok(good && bad)
  symlinkSync(bad.name, join(home, 'current'))
  symlinkSync(bad.name, join(home, 'previous'))
  assert.deepEqual(previousIn(home), good)
  tidyUp(home)
  assert.deepEqual(previousIn(home), good)
  switchTo(home, good, lastIn(home))
  assert.deepEqual(inForce(home), [good.name, bad.name])
})

test('attack: the link to the version in force was deleted: a rollback keeps the newer version', () => {
  const home = join(root, 'home')
  const [older, newer] = ['0.1.0', '0.2.0'].map(version => addVersion(home, programs(version)))
  assert.ok(older && newer)
  switchTo(home, older, undefined)
  switchTo(home, newer, older)
  rmSync(join(home, 'current'))
  tidyUp(home)
  assert.deepEqual(lastIn(home), newer)
  assert.deepEqual(previousIn(home), older)
  switchTo(home, older, lastIn(home))
  tidyUp(home)
  assert.deepEqual(inForce(home), [older.name, newer.name])
})

test('a version that was added and never switched to is none to go back to', () => {
  const home = join(root, 'home')
  switchTo(home, addVersion(home, programs('0.2.0')), undefined)
  addVersion(home, programs('0.1.0'))
  assert.equal(previousIn(home), undefined)
})

test('a directory in place of the link is named, with what to do', () => {
  const home = join(root, 'home')
  const version = addVersion(home, programs('0.1.0'))
  mkdirSync(join(home, 'current'))
  assert.throws(
    () => switchTo(home, version, undefined),
    /current has to be a link to a version, and is a directory; next: mv \S+current \S+current\.old, and call/,
  )
})
