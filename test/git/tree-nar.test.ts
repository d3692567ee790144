import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { layoutOf } from '../../src/git/layout.ts'
import { openGitObjects } from '../../src/git/objects.ts'
import { receiveLocal } from '../../src/git/receive.ts'
import type { Checkout } from '../../src/git/tree.ts'
import { narHashOfGitTree } from '../../src/git/tree-nar.ts'
import { testRepository } from '../support/git.ts'

const dir = mkdtempSync('/tmp/nixsig-git-nar-')
after(() => rmSync(dir, { recursive: true, force: true }))

/** The hash that Nix computes for the files of a tree. */
function hashByNix(tree: string): string {
  return execFileSync('nix-hash', ['--type', 'sha256', tree], { encoding: 'utf8' }).trim()
}

async function hashByUs(repository: string, tree: string, checkout: Checkout = {}): Promise<string> {
  const own = mkdtempSync(join(dir, 'own-'))
  const received = await receiveLocal(own, layoutOf(repository), { id: tree, type: 'tree' })
  const objects = openGitObjects(received)
  try {
    return await narHashOfGitTree(objects, tree, checkout)
  } finally {
    objects.close()
  }
}

it('hashes a commit as Nix hashes its checkout', async () => {
  const { directory, git } = testRepository(join(dir, 'plain'))
  writeFileSync(join(directory, 'readme'), 'hello\n')
  writeFileSync(join(directory, 'run'), '#!/bin/sh\n')
  chmodSync(join(directory, 'run'), 0o755)
  symlinkSync('readme', join(directory, 'link'))
  writeFileSync(join(directory, 'empty'), '')
  // Git sorts a directory `a` after `a.c`, a NAR does not.
  mkdirSync(join(directory, 'a/b'), { recursive: true })
  writeFileSync(join(directory, 'a.c'), 'c')
  writeFileSync(join(directory, 'a-c'), 'c')
  writeFileSync(join(directory, 'a/b/\u00e9'), 'x'.repeat(100_001))
  git('add', '-A')
  git('commit', '-qm', 'all')
  const checkout = join(dir, 'checkout')
  mkdirSync(checkout)
  execFileSync('sh', ['-c', `git -C ${directory} archive HEAD | tar -x -C ${checkout}`])
  assert.equal(await hashByUs(directory, git('rev-parse', 'HEAD^{tree}')), hashByNix(checkout))
})

it('reads repositories with SHA-256 ids', async () => {
  const directory = join(dir, 'sha256')
  execFileSync('git', ['init', '--quiet', '--object-format=sha256', directory])
  writeFileSync(join(directory, 'file'), 'contents')
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', directory, '-c', 'user.name=a', '-c', 'user.email=b', ...args], {
      encoding: 'utf8',
    })
  git('add', 'file')
  git('commit', '-qm', 'one')
  rmSync(join(dir, 'sha256-tree'), { recursive: true, force: true })
  mkdirSync(join(dir, 'sha256-tree'))
  writeFileSync(join(dir, 'sha256-tree/file'), 'contents')
  assert.equal(
    await hashByUs(directory, git('rev-parse', 'HEAD^{tree}').trim()),
    hashByNix(join(dir, 'sha256-tree')),
  )
})

it('refuses a submodule, whose files are unknown here', async () => {
  const { directory, git } = testRepository(join(dir, 'submodule'))
  git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},lib`)
  git('commit', '-qm', 'sub')
  await assert.rejects(hashByUs(directory, git('rev-parse', 'HEAD^{tree}')), /lib is a submodule/)
})

it('attack: an object that was replaced on disk is refused', async () => {
  const { directory, git } = testRepository(join(dir, 'corrupt'))
  writeFileSync(join(directory, 'file'), 'good')
  git('add', 'file')
  git('commit', '-qm', 'one')
  writeFileSync(join(directory, 'evil'), 'evil')
  const [good, evil] = [git('rev-parse', 'HEAD:file'), git('hash-object', '-w', 'evil')]
  const fileOf = (id: string) => join(directory, '.git/objects', id.slice(0, 2), id.slice(2))
  chmodSync(fileOf(good), 0o644)
  execFileSync('cp', [fileOf(evil), fileOf(good)])
  await assert.rejects(hashByUs(directory, git('rev-parse', 'HEAD^{tree}')), /corrupt|missing|git ended/)
})

it('attack: a replacement (git replace) is ignored', async () => {
  const { directory, git } = testRepository(join(dir, 'replace'))
  writeFileSync(join(directory, 'file'), 'good')
  git('add', 'file')
  git('commit', '-qm', 'one')
  const tree = git('rev-parse', 'HEAD^{tree}')
  const before = await hashByUs(directory, tree)
  writeFileSync(join(directory, 'evil'), 'evil')
  git('replace', git('rev-parse', 'HEAD:file'), git('hash-object', '-w', 'evil'))
  assert.equal(git('show', 'HEAD:file'), 'evil')
  assert.equal(await hashByUs(directory, tree), before)
})

it('hashes many directories, large files and submodules as Nix does', async () => {
  const { directory, git } = testRepository(join(dir, 'many'), { 'core.autocrlf': 'false' })
  const checkout = join(dir, 'many-checkout')
  const write = (path: string, contents: string) => {
    for (const place of [directory, checkout]) {
      mkdirSync(join(place, path, '..'), { recursive: true })
      writeFileSync(join(place, path), contents)
    }
  }
  for (let index = 0; index < 200; index++)
    write(`d${index % 7}/d${index}/f.${index}`, 'x'.repeat(index * index))
  write('large', 'y'.repeat(1_000_003))
  write('.gitattributes', '* export-ignore\n')
  git('add', '-A')
  git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},d1/lib`)
  git('commit', '-qm', 'many')
  mkdirSync(join(checkout, 'd1/lib'))
  const tree = git('rev-parse', 'HEAD^{tree}')
  assert.equal(await hashByUs(directory, tree, { submodules: 'empty' }), hashByNix(checkout))
  rmSync(join(checkout, 'd2'), { recursive: true })
  const leavesOut = (path: string) => /^d2\/.*\/f/.test(path)
  assert.equal(
    await hashByUs(directory, tree, { submodules: 'empty', leavesOut, prunes: true }),
    hashByNix(checkout),
  )
  for (let index = 2; index < 200; index += 7) mkdirSync(join(checkout, `d2/d${index}`), { recursive: true })
  assert.equal(await hashByUs(directory, tree, { submodules: 'empty', leavesOut }), hashByNix(checkout))
})
