import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { compareVersions } from '../../src/release/deploy.ts'
import { treeDigest } from '../../src/release/tree.ts'
import { addVersion, currentIn, previousIn, switchTo, tidyUp } from '../../src/release/versions-home.ts'
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
