// The configuration of an untrusted repository is never run, and its pointers to other objects are
// never followed.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { assertDetectsCollisions } from '../../src/git/collisions.ts'
import type { GitRevision } from '../../src/git/signature.ts'
import { verifyGitRevision } from '../../src/git/verify.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import { type TestRepository, testRepository } from '../support/git.ts'

const dir = mkdtempSync('/tmp/nixsig-git-untrusted-')
after(() => rmSync(dir, { recursive: true, force: true }))
const marker = join(dir, 'ran')
const program = join(dir, 'program')
writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> ${marker}\ncat\nexit 1\n`)
chmodSync(program, 0o755)
beforeEach(() => rmSync(marker, { force: true }))

spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')])
const key = parseKey(readFileSync(join(dir, 'key.pub'), 'utf8').trim())

let count = 0
function released(): TestRepository {
  count++
  const repository = testRepository(join(dir, `repository-${count}`), {
    'gpg.format': 'ssh',
    'user.signingKey': join(dir, 'key.pub'),
  })
  writeFileSync(join(repository.directory, 'file'), 'released\n')
  mkdirSync(join(repository.directory, 'sub'))
  writeFileSync(join(repository.directory, 'sub/other'), 'too\n')
  repository.git('add', '.')
  repository.git('commit', '-q', '-S', '-m', 'Before')
  writeFileSync(join(repository.directory, 'file'), 'released again\n')
  repository.git('commit', '-qa', '-S', '-m', 'Release')
  repository.git('tag', '-s', 'v1.0', '-m', 'Release 1.0')
  return repository
}

async function outcomes(place: string, revision: GitRevision = { tag: 'v1.0' }): Promise<readonly string[]> {
  const { results } = await verifyGitRevision(place, revision, [key])
  return results.map(({ outcome }) => outcome)
}

/** Whether git itself runs the program if somebody who trusts the repository runs git there. */
function gitRuns(directory: string, ...args: readonly string[]): boolean {
  const env = { PATH: process.env['PATH'], HOME: dir, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' }
  spawnSync('git', ['-C', directory, ...args], { env, timeout: 20_000, stdio: 'ignore' })
  const ran = existsSync(marker)
  rmSync(marker, { force: true })
  return ran
}

/** Settings that name a program. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a monitor of files': { 'core.fsmonitor': program },
  'a directory of hooks': { 'core.hooksPath': dir },
  'a pager': { 'core.pager': program, 'pager.cat-file': 'true' },
  'an editor': { 'core.editor': program, 'sequence.editor': program },
  'a program for ssh': { 'core.sshCommand': program },
  'a proxy': { 'core.gitProxy': program },
  'a program that asks': { 'core.askPass': program },
  'a program for signatures': { 'gpg.program': program, 'gpg.ssh.program': program },
  'a default key command': { 'gpg.ssh.defaultKeyCommand': program },
  'a helper for credentials': { 'credential.helper': `!${program}` },
  'a hook of upload-pack': { 'uploadpack.packObjectsHook': program },
  'programs of a remote': {
    'remote.origin.url': 'ssh://example.invalid/x',
    'remote.origin.uploadpack': program,
    'remote.origin.vcs': 'evil',
  },
  'other protocols': { 'protocol.allow': 'always', 'protocol.ext.allow': 'always' },
  'a command for references of others': { 'core.alternateRefsCommand': program },
  'a filter and a driver': {
    'filter.evil.smudge': program,
    'filter.evil.clean': program,
    'filter.evil.process': program,
    'filter.evil.required': 'true',
    'diff.evil.textconv': program,
    'merge.evil.driver': program,
    'core.attributesFile': join(dir, 'attributes'),
  },
  'a worktree elsewhere': { 'core.worktree': '/' },
  'an alias for what is run': { 'alias.cat-file': `!${program}`, 'alias.pack-objects': `!${program}` },
  'a command of its maintenance': {
    'maintenance.auto': 'true',
    'gc.auto': '1',
    'gc.recentObjectsHook': program,
  },
}
writeFileSync(join(dir, 'attributes'), '* filter=evil diff=evil merge=evil\n')
for (const hook of [
  'post-checkout',
  'reference-transaction',
  'pre-auto-gc',
  'post-index-change',
  'fsmonitor-watchman',
]) {
  symlinkSync(program, join(dir, hook))
}

describe('attack: a repository whose configuration names', () => {
  for (const [what, settings] of Object.entries(SETTINGS)) {
    it(`${what} is read, and nothing of it runs`, async () => {
      const repository = released()
      for (const [name, value] of Object.entries(settings)) repository.git('config', name, value)
      assert.deepEqual(await outcomes(repository.directory), ['good'])
      assert.deepEqual(await outcomes(`file://${repository.directory}`), ['good'])
      assert.equal(existsSync(marker), false)
    })
  }

  it('all of these by an include, or is malformed', async () => {
    const repository = released()
    writeFileSync(join(dir, 'included'), `[core]\n\tfsmonitor = ${program}\n\tsshCommand = ${program}\n`)
    repository.git('config', 'include.path', join(dir, 'included'))
    assert.equal(gitRuns(repository.directory, 'status'), true)
    assert.deepEqual(await outcomes(repository.directory), ['good'])
    writeFileSync(join(repository.directory, '.git/config'), '[broken')
    assert.deepEqual(await outcomes(repository.directory), ['good'])
    assert.equal(existsSync(marker), false)
  })

  it('a promisor remote for absent objects: they are missing, and it is not contacted', async () => {
    const repository = released()
    const blob = repository.git('rev-parse', 'HEAD:file')
    const settings = {
      'core.repositoryFormatVersion': '1',
      'extensions.partialClone': 'origin',
      'remote.origin.url': 'ssh://example.invalid/x',
      'remote.origin.promisor': 'true',
      'core.sshCommand': program,
    }
    for (const [name, value] of Object.entries(settings)) repository.git('config', name, value)
    rmSync(join(repository.directory, '.git/objects', blob.slice(0, 2), blob.slice(2)))
    assert.equal(gitRuns(repository.directory, 'cat-file', '-p', blob), true)
    await assert.rejects(outcomes(repository.directory), /cannot read .*(unable to read|missing|bad)/)
    assert.equal(existsSync(marker), false)
  })
})

describe('attack: a repository with files that lead elsewhere', () => {
  it('is not followed to the objects of another one', async () => {
    const repository = released()
    const empty = testRepository(join(dir, 'borrowing'))
    const alternates = join(empty.directory, '.git/objects/info/alternates')
    writeFileSync(alternates, `${join(repository.directory, '.git/objects')}\n`)
    const tag = repository.git('rev-parse', 'refs/tags/v1.0')
    empty.git('update-ref', 'refs/tags/v1.0', tag)
    assert.equal(empty.git('cat-file', '-t', tag), 'tag')
    await assert.rejects(
      outcomes(empty.directory),
      /where a tag is needed|elsewhere, by objects\/info\/alternates/,
    )
  })

  it('has a tag that is a link, or symbolic, or another file: its contents are not shown', async () => {
    const secret = join(dir, 'secret')
    writeFileSync(secret, 'a secret\n')
    const repository = released()
    const tags = join(repository.directory, '.git/refs/tags')
    symlinkSync(secret, join(tags, 'v2'))
    writeFileSync(join(tags, 'v3'), 'ref: refs/tags/v1.0\n')
    writeFileSync(join(tags, 'v4'), 'a secret\n')
    for (const tag of ['v2', 'v3', 'v4']) {
      await assert.rejects(outcomes(repository.directory, { tag }), (error: Error) => {
        assert.match(error.message, /cannot read|holds no object id/)
        assert.doesNotMatch(error.message, /a secret/)
        return true
      })
    }
  })

  it('replaces and grafts objects: the signed ones count', async () => {
    const repository = released()
    const { narHash } = await verifyGitRevision(repository.directory, { tag: 'v1.0' }, [key])
    const [commit, parent] = [repository.git('rev-parse', 'HEAD'), repository.git('rev-parse', 'HEAD~1')]
    repository.git('replace', commit, parent)
    writeFileSync(join(repository.directory, '.git/shallow'), `${commit}\n`)
    const again = await verifyGitRevision(repository.directory, { tag: 'v1.0' }, [key])
    assert.equal(again.narHash, narHash)
  })

  it('has one object under the id of another', async () => {
    const repository = released()
    const objects = join(repository.directory, '.git/objects')
    const place = (id: string) => join(objects, id.slice(0, 2), id.slice(2))
    const [file, other] = ['HEAD:file', 'HEAD:sub/other'].map(name => repository.git('rev-parse', name))
    chmodSync(place(file ?? ''), 0o644)
    writeFileSync(place(file ?? ''), readFileSync(place(other ?? '')))
    await assert.rejects(outcomes(repository.directory), /cannot read|corrupt|missing/)
  })
})

describe('a repository', () => {
  it('with packs, packed references, linked work trees and SHA-256 ids is read', async () => {
    const repository = released()
    repository.git('gc', '-q')
    repository.git('pack-refs', '--all')
    assert.equal(existsSync(join(repository.directory, '.git/refs/tags/v1.0')), false)
    assert.deepEqual(await outcomes(repository.directory), ['good'])
    assert.deepEqual(await outcomes(join(repository.directory, '.git')), ['good'])
    repository.git('worktree', 'add', '-q', join(dir, 'worktree'), 'HEAD~1')
    assert.deepEqual(await outcomes(join(dir, 'worktree')), ['good'])
    const commit = repository.git('rev-parse', 'HEAD')
    assert.deepEqual(await outcomes(repository.directory, { commit }), ['good'])
    spawnSync('git', ['clone', '-q', '--depth=1', `file://${repository.directory}`, join(dir, 'shallow')])
    assert.deepEqual(await outcomes(join(dir, 'shallow'), { commit }), ['good'])
    spawnSync('git', ['clone', '-q', '--bare', repository.directory, join(dir, 'bare.git')])
    assert.deepEqual(await outcomes(join(dir, 'bare.git')), ['good'])
  })

  it('is named by its top directory: a directory inside a work tree, or any other, is refused', async () => {
    const repository = released()
    await assert.rejects(
      outcomes(join(repository.directory, 'sub')),
      /is not a git repository, bare or the top/,
    )
    await assert.rejects(outcomes('/etc'), /is not a git repository/)
    const odd = join(dir, 'odd')
    mkdirSync(odd)
    writeFileSync(join(odd, '.git'), 'gitdir: a\nb\n')
    await assert.rejects(outcomes(odd), /does not say where the repository is/)
  })

  it('with reftables is refused, with advice', async () => {
    const repository = released()
    mkdirSync(join(repository.directory, '.git/reftable'))
    await assert.rejects(outcomes(repository.directory), /give the whole id of the commit/)
    const commit = repository.git('rev-parse', 'HEAD')
    assert.deepEqual(await outcomes(repository.directory, { commit }), ['good'])
  })

  it('leaves nothing behind', async () => {
    const scratch = join(dir, 'scratch')
    mkdirSync(scratch)
    const { TMPDIR } = process.env
    process.env['TMPDIR'] = scratch
    try {
      await outcomes(released().directory)
      await assert.rejects(outcomes('/etc'))
      assert.deepEqual(readdirSync(scratch), [])
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = TMPDIR
    }
  })
})

it('the installed git refuses a known collision', async () => {
  await assertDetectsCollisions(dir)
})

it('git would run the programs of these attacks', () => {
  const repository = released()
  repository.git('config', 'core.fsmonitor', program)
  assert.equal(gitRuns(repository.directory, 'status'), true)
  repository.git('config', '--unset', 'core.fsmonitor')
  repository.git('config', 'gpg.ssh.program', program)
  repository.git('config', 'gpg.ssh.allowedSignersFile', '/dev/null')
  assert.equal(gitRuns(repository.directory, 'verify-tag', 'v1.0'), true)
  appendFileSync(join(repository.directory, '.git/info/attributes'), '* filter=evil\n')
  repository.git('config', 'filter.evil.clean', program)
  writeFileSync(join(repository.directory, 'file'), 'another\n')
  assert.equal(gitRuns(repository.directory, 'add', 'file'), true)
})

describe('attack: anything but a regular file among the objects is refused at once', () => {
  const fifo = join(dir, 'fifo')
  spawnSync('mkfifo', [fifo])

  function firstSingle(objects: string): string {
    const [name = ''] = readdirSync(objects).filter(each => /^[0-9a-f]{2}$/.test(each))
    const [rest = ''] = readdirSync(join(objects, name))
    return join(objects, name, rest)
  }

  const PLACES: Readonly<Record<string, (repository: TestRepository, objects: string) => string>> = {
    'a single object': (_, objects) => firstSingle(objects),
    'a pack': (repository, objects) => {
      repository.git('gc', '-q')
      const [pack = ''] = readdirSync(join(objects, 'pack')).filter(name => name.endsWith('.pack'))
      return join(objects, 'pack', pack)
    },
    'an index of a pack that is not there': (_, objects) =>
      join(objects, 'pack', `pack-${'0'.repeat(40)}.idx`),
  }
  const KINDS: Readonly<Record<string, (place: string) => void>> = {
    'a pipe': place => spawnSync('mkfifo', [place]),
    'a link to a pipe': place => symlinkSync(fifo, place),
    'a link to a device': place => symlinkSync('/dev/zero', place),
    'a directory': place => mkdirSync(place),
  }
  for (const [what, placeIn] of Object.entries(PLACES)) {
    for (const [kind, put] of Object.entries(KINDS)) {
      it(`${kind} in place of ${what}`, { timeout: 60_000 }, async () => {
        const repository = released()
        const place = placeIn(repository, join(repository.directory, '.git/objects'))
        rmSync(place, { force: true })
        mkdirSync(join(place, '..'), { recursive: true })
        put(place)
        await assert.rejects(outcomes(repository.directory), /not a regular file: .*objects/)
      })
    }
  }
})
