// What is a repository and what a commit of it: nothing that lies on the disk decides that.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { repositoryArguments, repositoryPlace } from '../../src/cli/repository-argument.ts'
import { openRepository } from '../../src/git/open-repository.ts'
import { remoteOf } from '../../src/git/remote.ts'
import { isWrittenAsDirectory } from '../../src/git/written-place.ts'
import { type TestRepository, testRepository } from '../support/git.ts'

const dir = realpathSync(mkdtempSync('/tmp/nixsig-arguments-'))
const before = process.cwd()
after(() => rmSync(dir, { recursive: true, force: true }))
afterEach(() => process.chdir(before))

/** A repository in whose work tree directories with these names are bare repositories. */
function hostile(name: string, names: readonly string[]): TestRepository {
  const repository = testRepository(join(dir, name))
  repository.git('commit', '-q', '--allow-empty', '-m', 'One')
  for (const each of names) {
    mkdirSync(join(repository.directory, each, '..'), { recursive: true })
    cpSync(join(repository.directory, '.git'), join(repository.directory, each), { recursive: true })
  }
  return repository
}

/** Names of branches, tags and remotes as git allows them. */
const refName = fc
  .stringMatching(/^[A-Za-z0-9_@#=+-][A-Za-z0-9_.@#=+-]{0,8}(?:\/[A-Za-z0-9_-]{1,6}){0,2}$/)
  .filter(name => !/\.\.|\.$|\.lock$|@\{|^@$/.test(name))

describe('attack: a directory that is called as what a word names', () => {
  it('is not taken for the repository, whatever the branch, tag or commit is called', () => {
    const names = ['main', 'HEAD', 'v1.0', 'feature/x', 'deadbeef']
    const { directory } = hostile('committed', names)
    process.chdir(directory)
    for (const name of names) {
      assert.deepEqual(repositoryArguments([name], 2), { place: directory, revisions: [name] })
      assert.deepEqual(repositoryArguments([name, 'main'], 2), {
        place: directory,
        revisions: [name, 'main'],
      })
      assert.equal(repositoryArguments([`./${name}`, 'main'], 2).place, join(directory, name))
      assert.equal(repositoryArguments([`${name}/`], 2).place, join(directory, name))
      assert.equal(repositoryPlace(name), join(directory, name))
    }
  })

  it('is not taken for the repository outside of any either: the next step says how to write it', () => {
    const place = join(dir, 'no-repository')
    mkdirSync(place)
    hostile('other', [])
    cpSync(join(dir, 'other'), join(place, 'main'), { recursive: true })
    process.chdir(place)
    assert.throws(
      () => repositoryArguments(['main'], 2),
      /main is taken for a commit, .* is not in a git repository; next: .*, write \.\/main$/,
    )
    assert.equal(repositoryArguments(['./main'], 2).place, join(place, 'main'))
  })

  it('property: what git allows as a name is never a place, and what is a place is never a name', () => {
    fc.assert(
      fc.property(refName, fc.constantFrom('', '~1', '^', '^{commit}', ':/text/', '@{1}'), (name, rest) => {
        assert.equal(isWrittenAsDirectory(`${name}${rest}`), false)
        for (const written of [`./${name}`, `../${name}`, `/${name}`, `${name}/`]) {
          assert.equal(isWrittenAsDirectory(written), true)
        }
      }),
    )
    for (const written of ['.', '..', '/', './', '../']) assert.equal(isWrittenAsDirectory(written), true)
    for (const word of ['', '@', '.git', '...', ':/a/', '..x', 'a..b']) {
      assert.equal(isWrittenAsDirectory(word), false, word)
    }
  })

  it('does not come before a remote of that name, with or without a slash in it', async () => {
    const { directory, git } = hostile('remotes', ['origin', 'team/fork'])
    git('remote', 'add', 'origin', 'https://example.org/origin')
    git('remote', 'add', 'team/fork', 'https://example.org/fork')
    process.chdir(directory)
    const opened = openRepository(directory)
    try {
      assert.deepEqual(await remoteOf('origin', directory, opened), { url: 'https://example.org/origin' })
      assert.deepEqual(await remoteOf('team/fork', directory, opened), { url: 'https://example.org/fork' })
      assert.deepEqual(await remoteOf('./origin', directory, opened), {
        directory: join(directory, 'origin'),
      })
      git('remote', 'remove', 'origin')
      await assert.rejects(remoteOf('origin', directory, opened), /no remote named origin; .*\.\/origin/)
    } finally {
      opened.close()
    }
  })
})

describe('attack: a name that has two meanings', () => {
  const resolve = async ({ directory }: TestRepository, word: string): Promise<string> => {
    const opened = openRepository(directory)
    try {
      return await opened.resolve(word)
    } finally {
      opened.close()
    }
  }

  it('a tag that is called as the branch is not taken in its place', async () => {
    const repository = hostile('two', [])
    const { git } = repository
    const old = git('rev-parse', 'HEAD')
    git('tag', '-a', 'main', '-m', 'x')
    assert.equal(await resolve(repository, 'main'), old)
    git('commit', '-q', '--allow-empty', '-m', 'Two')
    const recent = git('rev-parse', 'HEAD')
    for (const word of ['main', 'main~0', 'main^{commit}']) {
      await assert.rejects(
        resolve(repository, word),
        new RegExp(
          `several meanings: refs/tags/main.*\\(commit ${old}\\), refs/heads/main.*\\(commit ${recent}\\); next: .*refs/tags/main`,
        ),
      )
    }
    assert.equal(await resolve(repository, 'refs/tags/main'), old)
    for (const word of ['refs/heads/main', 'heads/main', 'HEAD', recent]) {
      assert.equal(await resolve(repository, word), recent, word)
    }
  })

  it('a branch that is called as the beginning of an id, or as HEAD, is not taken in its place', async () => {
    const repository = hostile('ids', [])
    const { git } = repository
    const old = git('rev-parse', 'HEAD')
    git('commit', '-q', '--allow-empty', '-m', 'Two')
    const recent = git('rev-parse', 'HEAD')
    git('update-ref', `refs/heads/${old.slice(0, 8)}`, recent)
    await assert.rejects(resolve(repository, old.slice(0, 8)), /several meanings/)
    assert.equal(await resolve(repository, old.slice(0, 9)), old)
    git('update-ref', 'refs/tags/HEAD', old)
    git('update-ref', `refs/tags/${recent}`, old)
    assert.equal(await resolve(repository, 'HEAD'), recent)
    assert.equal(await resolve(repository, '@'), recent)
    assert.equal(await resolve(repository, recent), recent)
  })

  it('a tag is not what HEAD means where nothing is checked out, or what a missing branch means', async () => {
    const repository = hostile('unborn', [])
    const { directory, git } = repository
    git('update-ref', 'refs/tags/HEAD', 'HEAD')
    git('update-ref', 'refs/tags/refs/heads/gone', 'HEAD')
    writeFileSync(join(directory, '.git/HEAD'), 'ref: refs/heads/gone\n')
    for (const word of ['HEAD', '@', 'HEAD~0', 'refs/heads/gone']) {
      await assert.rejects(resolve(repository, word), /there is no commit/, word)
    }
  })
})
