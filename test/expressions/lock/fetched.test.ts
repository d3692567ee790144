// Inputs whose commits are fetched from a server, and moved to newer ones.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { DEPTH } from '../../../src/expressions/lock/search-branch.ts'
import { type UpdateQuestion, updateInput } from '../../../src/expressions/lock/update-input.ts'
import { parseFlakeLock } from '../../../src/formats/locks/flake-lock.ts'
import type { TestRepository } from '../../support/git.ts'
import { type GitDaemon, gitDaemon } from '../../support/git-daemon.ts'
import {
  codesOf,
  commitFiles,
  flakeLock,
  type LockWorld,
  lockedGit,
  lockWorld,
  sriOfArchive,
  wordsOf,
} from '../../support/lock-world.ts'

const BY_ALICE = '[[inputs]]\nurl = "*"\nrequire = "alice"\n'
const BY_TWO = '[[inputs]]\nurl = "*"\nrequire = "two"\n'

let world: LockWorld
let daemon: GitDaemon
before(async () => {
  world = lockWorld()
  daemon = await gitDaemon(world.dir)
})
after(() => {
  daemon.close()
  world.remove()
})

function served(repository: TestRepository, name: string): object {
  return { ...lockedGit(repository), url: daemon.url(name) }
}

function projectWith(name: string, locked: object, original: object = { type: 'git', url: 'x' }): string {
  const lock = JSON.parse(flakeLock({ lib: locked }))
  lock.nodes.lib.original = original
  return world.project(name, { 'flake.lock': `${JSON.stringify(lock, null, 2)}\n` })
}

/** Adds commits that nobody signed, each with another file. */
function addUnsigned({ directory, git }: TestRepository, count: number): void {
  const one = (index: number) => `commit refs/heads/main
committer Dev <dev@example.org> 1704164645 +0000
data 1
x
${index === 0 ? 'from refs/heads/main^0\n' : ''}M 100644 inline many
data ${String(index).length}
${index}
`
  const input = Array.from({ length: count }, (_, index) => one(index)).join('')
  execFileSync('git', ['-C', directory, 'fast-import', '--quiet'], { input })
  git('reset', '-q', '--hard')
}

/** Files that all mirrors together have. */
function blobsIn(mirrors: string): number {
  const counts = readdirSync(mirrors)
    .filter(name => !name.endsWith('.lock'))
    .map(name => {
      const args = [
        '-C',
        join(mirrors, name),
        'cat-file',
        '--batch-all-objects',
        '--batch-check=%(objecttype)',
      ]
      return execFileSync('git', args, { encoding: 'utf8' })
        .split('\n')
        .filter(type => type === 'blob').length
    })
  return counts.reduce((sum, count) => sum + count, 0)
}

describe('a commit that is fetched', () => {
  it('comes with the tags on it and the notes beside it', async () => {
    const repository = world.repository('served', { file: 'x' })
    const project = projectWith('p-served', served(repository, 'served'))
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': [] })
    assert.deepEqual(codesOf(await world.verify(project, BY_TWO)), { 'inputs.lib': ['not-signed-enough'] })
    repository.git('-c', `user.signingKey=${join(world.dir, 'bob')}`, 'tag', '-s', 'v1', '-m', 'bob')
    const [verdict] = await world.verify(project, BY_TWO)
    assert.deepEqual(verdict?.findings, [])
    assert.deepEqual(
      verdict?.revision?.signatures.map(({ way }) => way),
      ['commit', 'tag'],
    )
  })

  it('attack: the server answers with another repository: the commit is not there', async () => {
    const repository = world.repository('honest', { file: 'x' })
    world.repository('impostor', { file: 'y' })
    const locked = { ...served(repository, 'honest'), url: daemon.url('impostor') }
    const verdicts = await world.verify(projectWith('p-impostor', locked), BY_ALICE)
    assert.deepEqual(codesOf(verdicts), { 'inputs.lib': ['unavailable'] })
    assert.equal(verdicts[0]?.findings[0]?.status, 20)
    assert.match(wordsOf(verdicts), /cannot fetch from git:.*--repo URL=DIR/)
  })

  it('comes from a clone that is named, and then from nowhere else', async () => {
    const repository = world.repository('cloned', { file: 'x' })
    const locked = { ...lockedGit(repository), url: 'https://git.example.invalid/lib.git' }
    const project = projectWith('p-cloned', locked)
    const places = {
      local: new Map([['https://git.example.invalid/lib', repository.directory]]),
      mirrors: join(world.dir, 'unused'),
    }
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE, { places })), { 'inputs.lib': [] })
  })

  it('attack: another user owns the mirror, or can write to it', async () => {
    const repository = world.repository('mirrored', { file: 'x' })
    const project = projectWith('p-mirrored', served(repository, 'mirrored'))
    for (const [name, spoil] of [
      ['owned', (dir: string) => chownSync(dir, 12345, 12345)],
      ['writable', (dir: string) => chmodSync(dir, 0o777)],
    ] as const) {
      const mirrors = join(world.dir, `mirrors-${name}`)
      mkdirSync(mirrors, { mode: 0o700 })
      spoil(mirrors)
      const verdicts = await world.verify(project, BY_ALICE, { places: { local: new Map(), mirrors } })
      assert.deepEqual(codesOf(verdicts), { 'inputs.lib': ['unavailable'] })
      assert.match(wordsOf(verdicts), /belongs to user 12345|writable by (?:others|everybody)/)
    }
  })

  it('attack: an object of the mirror was replaced: it is fetched again, or refused', async () => {
    const repository = world.repository('spoiled', { file: 'x' })
    const project = projectWith('p-spoiled', served(repository, 'spoiled'))
    const places = { local: new Map(), mirrors: join(world.dir, 'mirrors-spoiled') }
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE, { places })), { 'inputs.lib': [] })
    const [mirror = ''] = readdirSync(places.mirrors).filter(name => !name.endsWith('.lock'))
    const packs = join(places.mirrors, mirror, 'objects/pack')
    const [pack = ''] = readdirSync(packs).filter(name => name.endsWith('.pack'))
    const bytes = readFileSync(join(packs, pack))
    bytes.fill(0xff, 20, bytes.length - 20)
    renameSync(join(packs, pack), join(packs, `${pack}.old`))
    writeFileSync(join(packs, pack), bytes)
    renameSync(repository.directory, `${repository.directory}.away`)
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE, { places })), {
      'inputs.lib': ['unavailable'],
    })
    renameSync(`${repository.directory}.away`, repository.directory)
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE, { places })), { 'inputs.lib': [] })
    assert.notDeepEqual(readFileSync(join(packs, pack)), bytes)
  })

  it('misfortune: a git that was killed left locks and half of a mirror: it is made anew', async () => {
    const repository = world.repository('killed', { file: 'x' })
    const places = { local: new Map(), mirrors: join(world.dir, 'mirrors-killed') }
    const left: readonly ((mirror: string) => void)[] = [
      mirror => writeFileSync(join(mirror, 'shallow.lock'), ''),
      mirror => writeFileSync(join(mirror, 'config.lock'), ''),
      mirror => writeFileSync(join(mirror, 'shallow'), 'not an id\n'),
      mirror => writeFileSync(join(mirror, 'config'), ''),
      mirror => writeFileSync(join(mirror, 'config'), '[core'),
      mirror => rmSync(join(mirror, 'objects/pack'), { recursive: true }),
      mirror => rmSync(join(mirror, 'HEAD')),
      mirror => writeFileSync(join(mirror, 'packed-refs.lock'), ''),
      mirror => writeFileSync(`${mirror}.new`, 'a file'),
    ]
    for (const [index, leave] of [() => undefined, ...left].entries()) {
      for (const name of existsSync(places.mirrors) ? readdirSync(places.mirrors) : []) {
        if (!/\.(?:lock|new)$/.test(name)) leave(join(places.mirrors, name))
      }
      commitFiles(repository, { file: `${index}` })
      const project = projectWith(`p-killed-${index}`, served(repository, 'killed'))
      const codes = codesOf(await world.verify(project, BY_ALICE, { places }))
      assert.deepEqual(codes, { 'inputs.lib': [] }, `${leave}`)
    }
  })

  it('has a tag in whose way an older one was', async () => {
    const repository = world.repository('tagged', { file: 'x' })
    const project = projectWith('p-tagged', served(repository, 'tagged'))
    const tag = (name: string) =>
      repository.git('-c', `user.signingKey=${join(world.dir, 'bob')}`, 'tag', '-s', name, '-m', 'bob')
    for (const name of ['a', 'a/b', 'a/b/c', 'a']) {
      tag(name)
      assert.deepEqual(codesOf(await world.verify(project, BY_TWO)), { 'inputs.lib': [] }, name)
      repository.git('tag', '-d', name)
    }
  })
})

describe('lock update', () => {
  const update = (directory: string, rules: string, more: Partial<UpdateQuestion> = {}) =>
    updateInput({
      policy: world.policy(rules),
      now: Math.floor(Date.now() / 1000),
      places: { local: new Map(), mirrors: join(world.dir, 'mirrors') },
      directory,
      input: 'lib',
      depth: 100,
      allowOlder: false,
      minor: 26,
      ...more,
    })

  it('moves to the newest commit that meets the rule, and what it writes verifies', async () => {
    for (const place of ['local', 'served'] as const) {
      const name = `moving-${place}`
      const repository = world.repository(name, { file: '1' })
      const locked = place === 'local' ? lockedGit(repository) : served(repository, name)
      const project = projectWith(`p-${name}`, locked)
      const signed = commitFiles(repository, { file: '2' })
      commitFiles(repository, { file: '3' }, false)
      const updated = await update(project, BY_ALICE)
      assert.equal(updated.kind, 'moved')
      assert.equal(updated.kind === 'moved' && updated.found.commit, signed)
      const { nodes } = parseFlakeLock(readFileSync(join(project, 'flake.lock')))
      const pin = nodes.get('lib')?.pin
      assert.equal(pin?.kind === 'git' && pin.commit, signed)
      assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': [] })
      assert.equal((await update(project, BY_ALICE)).kind, 'unchanged')
    }
  })

  it('moves by more commits than are fetched first, with or without a server that can leave files out', async () => {
    for (const canFilter of [true, false]) {
      const name = `far-${canFilter}`
      const repository = world.repository(name, { file: '1' })
      if (canFilter) repository.git('config', 'uploadpack.allowFilter', 'true')
      const project = projectWith(`p-${name}`, served(repository, name))
      addUnsigned(repository, 700)
      const signed = commitFiles(repository, { file: '2' })
      addUnsigned(repository, 700)
      const mirrors = join(world.dir, `mirrors-${name}`)
      const places = { local: new Map(), mirrors }
      await assert.rejects(
        update(project, BY_ALICE, { places, depth: 1000 }),
        /is not in the last 1000 commits/,
      )
      const few = await update(project, BY_ALICE, { places, depth: 600 })
      assert.equal(few.kind === 'none' && few.looked, 600)
      const updated = await update(project, BY_ALICE, { places, depth: DEPTH })
      assert.equal(updated.kind === 'moved' && updated.found.commit, signed)
      assert.deepEqual(codesOf(await world.verify(project, BY_ALICE, { places })), { 'inputs.lib': [] })
      assert.equal(blobsIn(mirrors) < 10, canFilter, `${blobsIn(mirrors)} files`)
    }
  })

  it('mends what the lock says of a commit that stays, and keeps its inputs', async () => {
    const repository = world.repository('mending', { file: '1' })
    const honest = {
      ...lockedGit(repository),
      lastModified: Number(repository.git('log', '-1', '--format=%ct')),
    }
    const written = (project: string) => JSON.parse(readFileSync(join(project, 'flake.lock'), 'utf8')).nodes
    const standing = projectWith('p-honest', honest)
    const before = readFileSync(join(standing, 'flake.lock'), 'utf8')
    assert.equal((await update(standing, BY_ALICE)).kind, 'unchanged')
    assert.equal(readFileSync(join(standing, 'flake.lock'), 'utf8'), before)
    const wrong = [
      { narHash: `sha256-${Buffer.alloc(32, 7).toString('base64')}` },
      { lastModified: 1 },
      { revCount: 7 },
    ]
    for (const [index, each] of wrong.entries()) {
      const lock = JSON.parse(flakeLock({ lib: { ...honest, ...each }, other: honest }))
      lock.nodes.lib.inputs = { shared: ['other'] }
      const project = world.project(`p-wrong-${index}`, { 'flake.lock': JSON.stringify(lock) })
      assert.equal((await update(project, BY_ALICE)).kind, 'mended', JSON.stringify(each))
      assert.deepEqual(written(project).lib.locked, honest)
      assert.deepEqual(written(project).lib.inputs, { shared: ['other'] })
      assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), {
        'inputs.lib': [],
        'inputs.other': [],
      })
      assert.equal((await update(project, BY_ALICE)).kind, 'unchanged')
    }
  })

  it('changes nothing if no commit meets the rule, or only one before the locked one', async () => {
    const repository = world.repository('standing', { file: '1' }, false)
    const project = projectWith('p-standing', lockedGit(repository))
    const before = readFileSync(join(project, 'flake.lock'), 'utf8')
    const none = await update(project, BY_ALICE)
    assert.equal(none.kind, 'none')
    assert.equal(readFileSync(join(project, 'flake.lock'), 'utf8'), before)
    const older = world.repository('older', { file: '1' })
    commitFiles(older, { file: '2' }, false)
    const back = projectWith('p-older', lockedGit(older))
    await assert.rejects(update(back, BY_ALICE), /comes before the one that is locked/)
    assert.equal((await update(back, BY_ALICE, { allowOlder: true })).kind, 'moved')
  })

  it('attack: a server serves an older branch, and keeps back what came after', async () => {
    for (const place of ['local', 'served'] as const) {
      const name = `kept-back-${place}`
      const repository = world.repository(name, { file: '1' })
      const old = repository.git('rev-parse', 'HEAD')
      const newer = commitFiles(repository, { file: '2' })
      const locked = place === 'local' ? lockedGit(repository) : served(repository, name)
      const project = projectWith(`p-${name}`, locked)
      const before = readFileSync(join(project, 'flake.lock'), 'utf8')
      repository.git('branch', 'aside', newer)
      repository.git('reset', '-q', '--hard', old)
      // Where the server still has the locked commit, what came first is certain.
      await assert.rejects(update(project, BY_ALICE), /comes before the one that is locked/)
      repository.git('branch', '-q', '-D', 'aside')
      repository.git('reflog', 'expire', '--expire=now', '--all')
      repository.git('gc', '-q', '--prune=now')
      rmSync(join(world.dir, 'mirrors'), { recursive: true, force: true })
      await assert.rejects(
        update(project, BY_ALICE),
        /comes after the one that is locked is not in the last 100 commits/,
      )
      assert.equal(readFileSync(join(project, 'flake.lock'), 'utf8'), before)
      const moved = await update(project, BY_ALICE, { allowOlder: true })
      assert.equal(moved.kind === 'moved' && moved.isUnknownOrder && moved.found.commit, old)
    }
  })

  it('attack: a merge brings in what was signed elsewhere: the good successor is taken', async () => {
    for (const place of ['local', 'served'] as const) {
      const name = `sideways-${place}`
      const repository = world.repository(name, { file: '1' })
      const { git } = repository
      git('branch', 'side')
      commitFiles(repository, { file: 'locked' })
      const locked = place === 'local' ? lockedGit(repository) : served(repository, name)
      const good = commitFiles(repository, { file: 'good' })
      git('checkout', '-q', 'side')
      git('-c', 'user.name=Later', 'commit', '-q', '--allow-empty', '-S', '-m', 'experiment')
      git('checkout', '-q', 'main')
      git('merge', '-q', '-s', 'ours', '-m', 'unsigned', 'side')
      const updated = await update(projectWith(`p-${name}`, locked), BY_ALICE)
      assert.equal(updated.kind === 'moved' && updated.found.commit, good)
    }
  })

  it('follows the branch that the flake names, and no commit that it names', async () => {
    const repository = world.repository('branches', { file: '1' })
    const locked = lockedGit(repository)
    repository.git('checkout', '-q', '-b', 'stable')
    const stable = commitFiles(repository, { file: 'stable' })
    repository.git('checkout', '-q', 'main')
    commitFiles(repository, { file: 'main' })
    const project = projectWith('p-branches', locked, { type: 'git', url: 'x', ref: 'stable' })
    const updated = await update(project, BY_ALICE)
    assert.equal(updated.kind === 'moved' && updated.found.commit, stable)
    const fixed = projectWith('p-fixed', locked, { type: 'git', url: 'x', rev: '1'.repeat(40) })
    await assert.rejects(update(fixed, BY_ALICE), /flake\.nix names the commit/)
  })

  it('takes over what the new commit locks, and keeps what the flake around it has it follow', async () => {
    const deep = world.repository('deep', { file: 'deep' })
    const files = { 'flake.nix': '{ inputs.deep.url = "x"; inputs.shared.url = "y"; outputs = _: { }; }' }
    const own = { ...files, 'flake.lock': flakeLock({ deep: lockedGit(deep), shared: lockedGit(deep) }) }
    const lib = world.repository('with-inputs', files)
    const lock = JSON.parse(flakeLock({ lib: lockedGit(lib), shared: lockedGit(deep) }))
    lock.nodes.lib.inputs = { shared: ['shared'] }
    const project = world.project('p-inputs', { 'flake.lock': JSON.stringify(lock) })
    await assert.rejects(
      update(project, '[[inputs]]\nurl = "*"\nrequire = "nothing"\n', { allowOlder: true }).then(each => {
        // The same commit is not moved to; a newer one without a lock is refused.
        assert.notEqual(each.kind, 'moved')
        commitFiles(lib, { other: 'x' })
        return update(project, BY_ALICE)
      }),
      /inputs that no flake\.lock of it pins/,
    )
    commitFiles(lib, own)
    assert.equal((await update(project, BY_ALICE)).kind, 'moved')
    const { nodes } = JSON.parse(readFileSync(join(project, 'flake.lock'), 'utf8'))
    assert.deepEqual(nodes.lib.inputs, { deep: 'deep', shared: ['shared'] })
    assert.equal(nodes.deep.locked.narHash, sriOfArchive(deep))
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), {
      'inputs.lib': [],
      'inputs.shared': [],
      'inputs.lib.inputs.deep': [],
    })
  })
})
