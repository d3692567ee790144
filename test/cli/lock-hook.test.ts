// The hook of git that docs/how-to/locks.md shows: it judges what will be committed.
// needs: dist
import assert from 'node:assert/strict'
import { execSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { commandsOf } from '../docs/markdown.ts'
import { everyBlockWasRun, markRun } from '../docs/ran.ts'
import type { TestRepository } from '../support/git.ts'
import { flakeLock, type LockWorld, lockedGit, lockWorld } from '../support/lock-world.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
let world: LockWorld
let repository: TestRepository
let [good, bad] = ['', '']

before(() => {
  world = lockWorld()
  // `nixsig` of the hook is the one that is built, with the policy of the test.
  const policy = cli.write('policy.toml', world.policyText('[[inputs]]\nurl = "*"\nrequire = "alice"\n'))
  mkdirSync(join(cli.dir, 'bin'))
  const options = `--policy ${policy} --state ${join(cli.dir, 'state')}`
  const program = cli.write(
    'bin/nixsig',
    `#!/bin/sh\nexec ${process.execPath} ${cli.program} "$@" ${options}\n`,
  )
  chmodSync(program, 0o755)
  process.env['PATH'] = `${join(cli.dir, 'bin')}:${process.env['PATH']}`
  const lib = world.repository('lib', { file: 'x' })
  const locked = lockedGit(lib)
  good = flakeLock({ lib: locked })
  bad = flakeLock({ lib: { ...locked, narHash: `sha256-${Buffer.alloc(32).toString('base64')}` } })
  repository = world.repository('project', { 'flake.nix': '' })
  const [hook = assert.fail(), executable = assert.fail()] = commandsOf(
    'docs/how-to/locks.md',
    'In a hook and in CI',
  )
  assert.match(hook.script, /^#!\/bin\/sh\n/)
  const file = join(repository.directory, '.git/hooks/pre-commit')
  mkdirSync(join(repository.directory, '.git/hooks'), { recursive: true })
  writeFileSync(file, hook.script)
  execSync(executable.script, { cwd: repository.directory })
  markRun(hook, 'here')
  markRun(executable, 'here')
})
after(() => {
  cli.remove()
  world.remove()
})

/** Stages one lock, leaves another in the work tree, and commits. Whether that was let through. */
function commit(file: string, staged: string, inTree: string): boolean {
  const { directory, git } = repository
  mkdirSync(join(directory, 'npins'), { recursive: true })
  writeFileSync(join(directory, file), staged)
  git('add', file)
  writeFileSync(join(directory, file), inTree)
  try {
    git('commit', '-q', '-m', 'a lock')
    return true
  } catch (error) {
    assert.match(String((error as { stderr?: string }).stderr), /other-contents|unreadable/)
    return false
  }
}

it('lets a lock through whose inputs pass, and commits without a lock', () => {
  repository.git('commit', '-q', '--allow-empty', '-m', 'no lock')
  assert.equal(commit('flake.lock', good, good), true)
})

it('attack: the lock that is staged is not the one in the work tree', () => {
  assert.equal(commit('flake.lock', bad, good), false)
  assert.equal(commit('npins/sources.json', '{}', '{"pins":{},"version":5}'), false)
  repository.git('reset', '-q', '--hard')
})

it('takes no notice of a lock that stays out of the commit, or goes', () => {
  assert.equal(commit('flake.lock', `${good} `, bad), true)
  repository.git('rm', '-q', '-f', 'flake.lock')
  repository.git('commit', '-q', '-m', 'without a lock')
})

everyBlockWasRun('cli/lock-hook')
