import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { GitRevision } from '../../src/git/signature.ts'
import { verifyGitRevision } from '../../src/git/verify.ts'
import type { Key } from '../../src/policy/policy.ts'
import { type TestRepository, testRepository } from '../support/git.ts'
import { openGnupg } from '../support/gnupg.ts'

const dir = mkdtempSync('/tmp/nixsig-git-verify-')
const gnupg = openGnupg()
process.env['GNUPGHOME'] = gnupg.dir
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

function openPgpKey(name: string): Key {
  const fingerprint = gnupg.makeKey(name)
  const certificate = gnupg.exportTo(join(dir, `${name}.pgp`), fingerprint)
  return { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: name, fingerprint, certificate }
}

const alice = openPgpKey('alice')
const mallory = openPgpKey('mallory')

/** A repository with one commit and its tag v1.0, both signed by alice. */
function released(name: string): TestRepository {
  const repository = testRepository(join(dir, name), {
    'user.signingKey': alice.kind === 'openpgp' ? alice.fingerprint : '',
  })
  writeFileSync(join(repository.directory, 'file'), 'released\n')
  repository.git('add', 'file')
  repository.git('commit', '-q', '-S', '-m', 'Release')
  repository.git('tag', '-s', 'v1.0', '-m', 'Release 1.0')
  return repository
}

async function outcomes(repository: TestRepository, revision: GitRevision, keys: readonly Key[] = [alice]) {
  const { results } = await verifyGitRevision(repository.directory, revision, keys)
  return results.map(({ outcome }) => outcome)
}

/** The verdict of git itself. */
function gitAccepts(
  repository: TestRepository,
  command: 'verify-tag' | 'verify-commit',
  name: string,
): boolean {
  return spawnSync('git', ['-C', repository.directory, command, name]).status === 0
}

/** Stores a changed copy of an object under its new id. */
function forge(
  repository: TestRepository,
  type: string,
  name: string,
  change: (text: string) => string,
): string {
  const args = ['-C', repository.directory, 'cat-file', type, name]
  const original = spawnSync('git', args, { encoding: 'latin1' }).stdout
  const changed = change(original)
  assert.notEqual(changed, original)
  const made = spawnSync(
    'git',
    ['-C', repository.directory, 'hash-object', '-t', type, '-w', '--literally', '--stdin'],
    {
      input: Buffer.from(changed, 'latin1'),
      encoding: 'utf8',
    },
  )
  assert.equal(made.status, 0, made.stderr)
  return made.stdout.trim()
}

describe('a git revision', () => {
  it('signed by a listed key is good, and its files are bound to a NAR hash', async () => {
    const repository = released('good')
    assert.deepEqual(await outcomes(repository, { tag: 'v1.0' }), ['good'])
    assert.equal(gitAccepts(repository, 'verify-tag', 'v1.0'), true)
    const commit = repository.git('rev-parse', 'HEAD')
    const verified = await verifyGitRevision(repository.directory, { commit }, [mallory, alice])
    assert.deepEqual(
      verified.results.map(({ outcome }) => outcome),
      ['unknown-signer', 'good'],
    )
    assert.equal(gitAccepts(repository, 'verify-commit', commit), true)
    const tree = join(dir, 'good-tree')
    spawnSync('sh', ['-c', `mkdir ${tree}; git -C ${repository.directory} archive v1.0 | tar -x -C ${tree}`])
    const byNix = spawnSync('nix-hash', ['--type', 'sha256', tree], { encoding: 'utf8' }).stdout.trim()
    assert.equal(verified.narHash, byNix)
  })

  it('attack: a commit whose tree was exchanged under the signature is bad', async () => {
    const repository = released('exchanged')
    writeFileSync(join(repository.directory, 'file'), 'evil\n')
    repository.git('add', 'file')
    const tree = repository.git('write-tree')
    const commit = forge(repository, 'commit', 'HEAD', text => text.replace(/^tree \w+/, `tree ${tree}`))
    assert.deepEqual(await outcomes(repository, { commit }), ['bad-signature'])
    assert.equal(gitAccepts(repository, 'verify-commit', commit), false)
  })

  it('attack: a tag moved to another commit under the signature is bad', async () => {
    const repository = released('moved')
    writeFileSync(join(repository.directory, 'file'), 'evil\n')
    repository.git('commit', '-qam', 'Evil')
    const evil = repository.git('rev-parse', 'HEAD')
    const tag = forge(repository, 'tag', 'v1.0', text => text.replace(/^object \w+/, `object ${evil}`))
    repository.git('update-ref', 'refs/tags/v1.0', tag)
    assert.deepEqual(await outcomes(repository, { tag: 'v1.0' }), ['bad-signature'])
    assert.equal(gitAccepts(repository, 'verify-tag', 'v1.0'), false)
  })

  it('attack: an old signed tag with a new name is refused, though git accepts it', async () => {
    const repository = released('renamed')
    repository.git('update-ref', 'refs/tags/v2.0', repository.git('rev-parse', 'refs/tags/v1.0'))
    assert.equal(gitAccepts(repository, 'verify-tag', 'v2.0'), true)
    await assert.rejects(outcomes(repository, { tag: 'v2.0' }), /calls v2\.0 was signed as v1\.0/)
  })

  it('attack: the signature of the tag does not sign the commit', async () => {
    const repository = released('crossed')
    const signature = repository.git('cat-file', 'tag', 'v1.0').replace(/^[\s\S]*?(?=-----BEGIN)/, '')
    const commit = forge(repository, 'commit', 'HEAD', text =>
      text.replace(
        /gpgsig [\s\S]*?-----END PGP SIGNATURE-----/,
        `gpgsig ${signature.trim().replaceAll('\n', '\n ')}`,
      ),
    )
    assert.deepEqual(await outcomes(repository, { commit }), ['bad-signature'])
    assert.equal(gitAccepts(repository, 'verify-commit', commit), false)
  })

  it('signed by an unlisted key has an unknown signer', async () => {
    assert.deepEqual(await outcomes(released('stranger'), { tag: 'v1.0' }, [mallory]), ['unknown-signer'])
  })

  it('is refused without a signature: a lightweight tag, a plain tag, a plain commit', async () => {
    const repository = released('unsigned')
    repository.git('tag', 'light')
    repository.git('tag', '-a', 'plain', '-m', 'unsigned')
    repository.git('commit', '--allow-empty', '-qm', 'unsigned')
    await assert.rejects(
      outcomes(repository, { tag: 'light' }),
      /light is a lightweight tag, a name for a commit and .* where a tag is needed that somebody signed; next: if the commit/,
    )
    await assert.rejects(outcomes(repository, { tag: 'plain' }), /tag plain of commit \w+ is not signed/)
    await assert.rejects(
      outcomes(repository, { commit: repository.git('rev-parse', 'HEAD') }),
      /is not signed/,
    )
  })

  it('is refused if it is absent, or not a valid tag name', async () => {
    const repository = released('absent')
    await assert.rejects(outcomes(repository, { tag: 'v9' }), /there is no tag v9/)
    await assert.rejects(outcomes(repository, { tag: '--upload-pack=evil' }), /cannot be the name of a tag/)
    await assert.rejects(outcomes(repository, { tag: '../heads/main' }), /cannot be the name of a tag/)
    await assert.rejects(outcomes(repository, { commit: '1'.repeat(40) }), /bad object/)
    await assert.rejects(outcomes(repository, { commit: 'HEAD' }), /HEAD is not an object id/)
  })
})
