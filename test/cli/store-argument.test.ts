import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findStorePath, storePathOf } from '../../src/cli/store-argument.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-argument-'))
after(() => rmSync(dir, { recursive: true }))

const TOOL = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-tool-1.0'

test('a store path is itself, there or not', () => {
  assert.equal(storePathOf(TOOL), TOOL)
})

test('the name of a store path alone means that path, where no file has it', () => {
  assert.equal(storePathOf(TOOL.slice('/nix/store/'.length)), TOOL)
  assert.throws(() => storePathOf('tool-1.0'), /next: give a path/)
})

test('a file in a store path means that store path', () => {
  assert.equal(storePathOf(`${TOOL}/bin/tool`), TOOL)
  assert.equal(storePathOf(`${TOOL}/`), TOOL)
  assert.equal(storePathOf(`/nix/../nix/store/./${TOOL.slice(11)}`), TOOL)
})

test('links are followed until they lead into the store', () => {
  symlinkSync(TOOL, join(dir, 'result'))
  symlinkSync('result', join(dir, 'again'))
  symlinkSync(`${TOOL}/bin/tool`, join(dir, 'tool'))
  mkdirSync(join(dir, 'sub'))
  symlinkSync('../again', join(dir, 'sub/up'))
  for (const link of ['result', 'again', 'tool', 'sub/up']) assert.equal(storePathOf(join(dir, link)), TOOL)
})

test('the store itself is in no store path, also where there is no store yet', () => {
  symlinkSync('/nix/store', join(dir, 'store'))
  for (const argument of ['/nix/store', '/nix/store/', '/nix/../nix/store/.', join(dir, 'store')]) {
    assert.equal(findStorePath(argument), undefined)
    assert.throws(() => storePathOf(argument), /is not in \/nix\/store/)
  }
})

test('a plain file outside the store is in no store path', () => {
  writeFileSync(join(dir, 'plain'), '')
  assert.equal(findStorePath(join(dir, 'plain')), undefined)
  assert.throws(() => storePathOf(join(dir, 'plain')), /plain is not in \/nix\/store/)
})

test('links that lead in a circle, and to nothing, are errors', () => {
  symlinkSync('b', join(dir, 'a'))
  symlinkSync('a', join(dir, 'b'))
  symlinkSync('nothing', join(dir, 'dangling'))
  assert.throws(() => storePathOf(join(dir, 'a')), /too many links/)
  assert.throws(() => storePathOf(join(dir, 'dangling')), /cannot follow/)
})

test('attack: what only looks like a store path', () => {
  for (const path of [
    '/nix/store/../../etc/passwd',
    '/nix/storex/y',
    '/nix/store/.links/x',
    `${TOOL}/../../../etc`,
  ]) {
    assert.throws(() => storePathOf(path), /UsageError/)
  }
})
