import assert from 'node:assert/strict'
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { FileError } from '../../src/files/regular-file.ts'
import { putBack } from '../../src/quarantine/take-out.ts'
import { narHashOfTree } from '../../src/store/disk-tree-nar.ts'

const NAME = '0123456789abcdfghijklmnpqrsvwxyz-hello'

/** A store, an entry of the quarantine with this content, and a victim outside both. */
function scene(t: TestContext, make: (content: string) => void) {
  const root = mkdtempSync(join(tmpdir(), 'nixsig-put-back-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  const [store, directory, victim] = ['store', 'entry', 'victim'].map(name => join(root, name)) as [
    string,
    string,
    string,
  ]
  for (const each of [store, directory, victim]) mkdirSync(each)
  writeFileSync(join(victim, 'file'), 'precious')
  make(join(directory, 'content'))
  const narHash = async () => (await narHashOfTree(join(directory, 'content'))).narHash
  return { store, directory, victim, path: join(store, NAME), narHash }
}

const file = (content: string) => writeFileSync(content, 'hello\n')
const tree = (content: string) => {
  mkdirSync(join(content, 'bin'), { recursive: true })
  writeFileSync(join(content, 'bin/hello'), '#!/bin/sh\n', { mode: 0o755 })
  symlinkSync('bin/hello', join(content, 'link'))
}

for (const [name, make] of Object.entries({ file, tree })) {
  test(`a ${name} is put back as it was, and nothing else is written`, async t => {
    const { store, directory, path, narHash } = scene(t, make)
    await putBack(directory, path, await narHash())
    assert.equal((await narHashOfTree(path)).narHash, await narHash())
    assert.deepEqual(readdirSync(store), [NAME])
    assert.notEqual(lstatSync(path).ino, lstatSync(join(directory, 'content')).ino, 'a fresh copy')
  })
}

test('attack: a builder leaves a link at the path that is put back', async t => {
  const { directory, victim, path, narHash } = scene(t, file)
  symlinkSync(join(victim, 'file'), path)
  await putBack(directory, path, await narHash())
  assert.equal(readFileSync(join(victim, 'file'), 'utf8'), 'precious')
  assert.ok(lstatSync(path).isFile())
  assert.equal(readFileSync(path, 'utf8'), 'hello\n')
})

test('attack: a link to a directory in the place of a tree is not followed', async t => {
  const { store, directory, victim, path, narHash } = scene(t, tree)
  symlinkSync(victim, path)
  await assert.rejects(putBack(directory, path, await narHash()), FileError)
  assert.equal(readlinkSync(path), victim)
  assert.deepEqual(readdirSync(victim), ['file'])
  assert.deepEqual(readdirSync(store), [NAME], 'nothing is left beside it')
})

test('attack: nothing is moved into a directory in the place of a file', async t => {
  const { directory, path, narHash } = scene(t, file)
  mkdirSync(path)
  await assert.rejects(putBack(directory, path, await narHash()), FileError)
  assert.deepEqual(readdirSync(path), [])
})

test('attack: content that changed in quarantine is not put back', async t => {
  const { store, directory, path, narHash } = scene(t, tree)
  const judged = await narHash()
  writeFileSync(join(directory, 'content/bin/hello'), '#!/bin/evil\n')
  await assert.rejects(putBack(directory, path, judged), /changed while it was put back/)
  assert.deepEqual(readdirSync(store), [])
})
