// Tags and commits signed with an SSH key, also compared with git, which calls ssh-keygen.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { GitRevision } from '../../src/git/signature.ts'
import { verifyGitRevision } from '../../src/git/verify.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import type { Key } from '../../src/policy/policy.ts'
import { type TestRepository, testRepository } from '../support/git.ts'

const dir = mkdtempSync('/tmp/nixsig-git-ssh-')
after(() => rmSync(dir, { recursive: true, force: true }))

/** A key of ssh-keygen, in the form of a policy. */
function sshKey(name: string, ...args: readonly string[]): Key {
  execFileSync('ssh-keygen', ['-q', '-N', '', '-f', join(dir, name), ...args])
  return parseKey(readFileSync(join(dir, `${name}.pub`), 'utf8').trim())
}

const KEYS = {
  ed25519: sshKey('ed25519', '-t', 'ed25519'),
  ecdsa: sshKey('ecdsa', '-t', 'ecdsa', '-b', '384'),
  rsa: sshKey('rsa', '-t', 'rsa', '-b', '3072'),
}
const mallory = sshKey('mallory', '-t', 'ed25519')

/**
 * A repository with a commit and a tag, signed with a key of this name, which is in git's list of
 * signers.
 */
function released(name: string, key: string): TestRepository {
  const signers = join(dir, `${name}.signers`)
  writeFileSync(signers, `dev@example.org namespaces="git" ${readFileSync(join(dir, `${key}.pub`), 'utf8')}`)
  const repository = testRepository(join(dir, name), {
    'gpg.format': 'ssh',
    'user.signingKey': join(dir, `${key}.pub`),
    'gpg.ssh.allowedSignersFile': signers,
  })
  writeFileSync(join(repository.directory, 'file'), 'released\n')
  repository.git('add', 'file')
  repository.git('commit', '-q', '-S', '-m', 'Release')
  repository.git('tag', '-s', 'v1.0', '-m', 'Release 1.0')
  return repository
}

async function outcomeOf(repository: TestRepository, revision: GitRevision, key: Key) {
  const { results } = await verifyGitRevision(repository.directory, revision, [key])
  return results[0]?.outcome
}

describe('an SSH signature in a git repository', () => {
  for (const [name, key] of Object.entries(KEYS)) {
    it(`by ${name} is good on a tag and a commit, as git says`, async () => {
      const repository = released(`good-${name}`, name)
      const commit = repository.git('rev-parse', 'HEAD')
      repository.git('verify-tag', 'v1.0')
      repository.git('verify-commit', commit)
      assert.equal(await outcomeOf(repository, { tag: 'v1.0' }, key), 'good')
      assert.equal(await outcomeOf(repository, { commit }, key), 'good')
      assert.equal(await outcomeOf(repository, { tag: 'v1.0' }, mallory), 'unknown-signer')
    })
  }

  it('attack: a signature over the same bytes as a file does not count', async () => {
    const repository = released('namespace', 'ed25519')
    const body = repository.git('cat-file', 'tag', 'v1.0').replace(/-----BEGIN[\s\S]*/, '')
    writeFileSync(join(dir, 'body'), body)
    execFileSync('ssh-keygen', [
      '-q',
      '-Y',
      'sign',
      '-n',
      'file',
      '-f',
      join(dir, 'ed25519'),
      join(dir, 'body'),
    ])
    const tag = body + readFileSync(join(dir, 'body.sig'), 'utf8')
    const args = ['-C', repository.directory, 'hash-object', '-t', 'tag', '-w', '--stdin']
    const id = execFileSync('git', args, { input: tag, encoding: 'utf8' }).trim()
    repository.git('update-ref', 'refs/tags/v1.0', id)
    assert.notEqual(spawnSync('git', ['-C', repository.directory, 'verify-tag', 'v1.0']).status, 0)
    assert.equal(await outcomeOf(repository, { tag: 'v1.0' }, KEYS.ed25519), 'unacceptable')
  })

  it('by a key that the policy only lets sign files is unacceptable', async () => {
    const repository = released('limited', 'ed25519')
    const key = { ...KEYS.ed25519, namespaces: ['file'] } as Key
    assert.equal(await outcomeOf(repository, { tag: 'v1.0' }, key), 'unacceptable')
    const both = { ...KEYS.ed25519, namespaces: ['file', 'git'] } as Key
    assert.equal(await outcomeOf(repository, { tag: 'v1.0' }, both), 'good')
  })

  it('attack: a tag that was changed under its signature is bad', async () => {
    const repository = released('changed', 'ed25519')
    const tag = repository.git('cat-file', 'tag', 'v1.0').replace('Release 1.0', 'Release 1.1')
    const args = ['-C', repository.directory, 'hash-object', '-t', 'tag', '-w', '--stdin']
    const id = execFileSync('git', args, { input: `${tag}\n`, encoding: 'utf8' }).trim()
    repository.git('update-ref', 'refs/tags/v1.0', id)
    assert.equal(await outcomeOf(repository, { tag: 'v1.0' }, KEYS.ed25519), 'bad-signature')
  })
})
