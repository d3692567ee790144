// Signatures of commits that do not count, each by its name. What git-sig lets through is refused.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { grounds } from '../../src/policy/wording.ts'
import type { TestRepository } from '../support/git.ts'
import {
  annotate,
  commitTo,
  gitSigLine,
  gitSigText,
  judged,
  resultOf,
  teamOfFile,
} from '../support/signers-of-commits.ts'

const team = teamOfFile()

/** Runs git in a repository with this standard input; returns its output, trimmed. */
function gitWith({ directory }: TestRepository, input: string | Buffer, ...args: readonly string[]): string {
  const options = { input, maxBuffer: 1024 * 1024 } as const
  return execFileSync('git', ['-C', directory, ...args], options)
    .toString()
    .trim()
}

/** Makes these entries, as mktree reads them, the tree of the notes of a reference. */
function setNotes(repository: TestRepository, tree: string, ref = 'refs/notes/signatures'): void {
  const commit = repository.git('commit-tree', '-m', 'notes', tree)
  repository.git('update-ref', ref, commit)
}

async function verdict(repository: TestRepository, require = '"alice"', revision = 'HEAD') {
  const found = await judged(team, repository, require, revision)
  return { ...resultOf(found), text: grounds(found.verdict) }
}

describe('attack: a note of git-sig', () => {
  it('has the bytes of an old signature on a new body', async () => {
    const repository = team.repository('pasted')
    const old = gitSigLine(team, 'alice', gitSigText(repository))
    commitTo(repository, 'evil')
    annotate(repository, `${gitSigText(repository)}:${old.split(':').at(-1)}`)
    assert.deepEqual((await verdict(repository)).status, 13)
  })

  it('has a signature over its body and a newline, or over half of it', async () => {
    for (const [name, signed] of [
      ['newline', (text: string) => `${text}\n`],
      ['colon', (text: string) => `${text}:`],
      ['half', (text: string) => text.slice(0, 60)],
    ] as const) {
      const repository = team.repository(name)
      const text = gitSigText(repository)
      annotate(repository, gitSigLine(team, 'alice', text, { signed: signed(text) }))
      const { status, strays } = await verdict(repository)
      assert.deepEqual({ status, strays }, { status: 13, strays: ['bad-signature'] }, name)
    }
  })

  it('is by an expired key, though made before it expired', async () => {
    const repository = team.repository('expired')
    annotate(repository, gitSigLine(team, 'ex', gitSigText(repository), { at: '20230115T000000' }))
    const { status, text } = await verdict(repository, '"ex"')
    assert.equal(status, 14, text)
    assert.match(text, /the key of ex ended 2023-02-01/)
  })

  it('is by a revoked key', async () => {
    const repository = team.repository('revoked')
    annotate(repository, gitSigLine(team, 'rev', gitSigText(repository)))
    assert.equal((await verdict(repository, '"rev"')).status, 0)
    team.revoke()
    const { status, text } = await verdict(repository, '"rev"')
    assert.equal(status, 14, text)
  })

  it('is for another commit, or another tree: it is skipped and reported, and others count', async () => {
    const repository = team.repository('other')
    const first = gitSigText(repository)
    commitTo(repository, 'second')
    const here = gitSigText(repository)
    const otherTree = here
      .split(':')
      .with(3, first.split(':')[3] ?? '')
      .join(':')
    annotate(repository, gitSigLine(team, 'alice', first))
    annotate(repository, gitSigLine(team, 'alice', otherTree))
    const refused = await verdict(repository)
    assert.deepEqual(refused.strays, ['other-subject', 'other-subject'])
    assert.equal(refused.status, 10)
    annotate(repository, gitSigLine(team, 'alice', here))
    assert.equal((await verdict(repository)).status, 0)
  })

  it('lies under the name of another commit', async () => {
    const repository = team.repository('renamed')
    const good = gitSigLine(team, 'alice', gitSigText(repository))
    commitTo(repository, 'evil')
    annotate(repository, good)
    const { status, strays } = await verdict(repository)
    assert.deepEqual({ status, strays }, { status: 10, strays: ['other-subject'] })
  })

  it("is an outsider's: it is ignored and reported, alone or beside others", async () => {
    const repository = team.repository('outsider')
    annotate(repository, gitSigLine(team, 'mallory', gitSigText(repository)))
    const alone = await verdict(repository)
    assert.deepEqual([alone.status, alone.strays], [11, ['unknown-signer']])
    annotate(repository, gitSigLine(team, 'alice', gitSigText(repository)))
    const beside = await verdict(repository)
    assert.deepEqual([beside.status, beside.strays], [0, ['unknown-signer']])
  })

  it('is by a subkey and by the primary key of one person, who is one', async () => {
    const repository = team.repository('subkey')
    const { bob } = team.fingerprints
    const text = gitSigText(repository)
    const [primary, subkey] = [`${bob}!`, bob].map(key => gitSigLine(team, 'bob', text, { key }))
    assert.notEqual(primary, subkey)
    for (const line of [primary ?? '', subkey ?? '']) annotate(repository, line)
    const { status, text: words } = await verdict(repository, '"two"')
    assert.equal(status, 12)
    assert.match(words, /found 1 \(bob\)/)
  })

  it('is armoured, of another version, of another kind, double, or has more or fewer fields', async () => {
    const repository = team.repository('malformed')
    const text = gitSigText(repository)
    const good = gitSigLine(team, 'alice', text)
    const signature = Buffer.from(good.slice(text.length + 1), 'base64')
    const armour = team.gnupg.gpg(['--enarmor'], { input: signature.toString('latin1') })
    const pgp = armour.toString().replaceAll('ARMORED FILE', 'SIGNATURE')
    writeFileSync(join(team.dir, 'text'), text)
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'git', '-f', team.dave, join(team.dir, 'text')])
    const ssh = readFileSync(join(team.dir, 'text.sig'))
    const lines = [
      `${text}:${Buffer.from(pgp).toString('base64')}`,
      `${text}:${ssh.toString('base64')}`,
      `${text}:${Buffer.concat([signature, signature]).toString('base64')}`,
      good.replace('sig:v0', 'sig:v1'),
      good.replace(':pgp:', ':ssh:'),
      `${good}:`,
      good.slice(0, -4),
      good.replace(':null:', ':NULL:'),
      good.replace(/:[0-9a-f]{40}:/, ':abcdef:'),
    ]
    for (const line of lines) annotate(repository, line)
    const { status, strays } = await verdict(repository, '{ committer = "one" }')
    assert.equal(status, 10)
    assert.deepEqual(
      strays,
      lines.map(() => 'unreadable'),
    )
    annotate(repository, good)
    assert.equal((await verdict(repository)).status, 0)
  })
})

describe('attack: notes', () => {
  it('with a file of 100 MB are not read, and what else was signed counts', async () => {
    const repository = team.repository('large')
    commitTo(repository, 'signed', '-S')
    const file = join(team.dir, 'large.bin')
    writeFileSync(file, Buffer.alloc(100 * 1024 * 1024, 10))
    const blob = repository.git('hash-object', '-w', file)
    setNotes(
      repository,
      gitWith(repository, `100644 blob ${blob}\t${repository.git('rev-parse', 'HEAD')}\n`, 'mktree'),
    )
    const { status, strays } = await verdict(repository)
    assert.deepEqual({ status, strays }, { status: 0, strays: ['unreadable'] })
  })

  it('are found in any directories, all of them, and odd names beside them are passed over', async () => {
    const repository = team.repository('odd')
    const commit = repository.git('rev-parse', 'HEAD')
    const text = gitSigText(repository)
    const [one, two] = (['alice', 'bob'] as const).map(who =>
      gitWith(repository, gitSigLine(team, who, text), 'hash-object', '-w', '--stdin'),
    )
    const mktree = (lines: readonly string[]) => gitWith(repository, `${lines.join('\n')}\n`, 'mktree')
    const inner = mktree([`100644 blob ${one}\t${commit.slice(4)}`, `100644 blob ${two}\tREADME`])
    const outer = mktree([`040000 tree ${inner}\t${commit.slice(2, 4)}`, `100644 blob ${one}\tzz`])
    setNotes(
      repository,
      mktree([
        `040000 tree ${outer}\t${commit.slice(0, 2)}`,
        `100644 blob ${two}\t${commit}`,
        `100644 blob ${two}\t${'0'.repeat(40)}`,
        `120000 blob ${two}\t${'1'.repeat(40)}`,
        `100644 blob ${two}\t-rf`,
      ]),
    )
    assert.equal((await verdict(repository, '"two"')).status, 0)
  })

  it('are a link by the name of the commit: it is not followed', async () => {
    const repository = team.repository('link')
    const line = gitSigLine(team, 'alice', gitSigText(repository))
    const blob = gitWith(repository, line, 'hash-object', '-w', '--stdin')
    const entry = `120000 blob ${blob}\t${repository.git('rev-parse', 'HEAD')}\n`
    setNotes(repository, gitWith(repository, entry, 'mktree'))
    assert.equal((await verdict(repository)).status, 10)
  })

  it('are no commit, or their tree is missing: undecided', async () => {
    const repository = team.repository('broken')
    repository.git('update-ref', 'refs/notes/nixsig', repository.git('hash-object', '-w', 'file'))
    const { status, text } = await verdict(repository)
    assert.equal(status, 20)
    assert.match(text, /where a commit is needed/)
  })
})

describe('attack: a commit', () => {
  /** Writes a changed copy of HEAD and makes it HEAD. */
  function rewrite(repository: TestRepository, change: (text: string) => string): void {
    const raw = execFileSync('git', ['-C', repository.directory, 'cat-file', 'commit', 'HEAD']).toString(
      'latin1',
    )
    const changed = Buffer.from(change(raw), 'latin1')
    const id = gitWith(repository, changed, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally')
    repository.git('update-ref', 'HEAD', id)
  }

  it('was changed under its signature', async () => {
    const repository = team.repository('tampered')
    const evil = commitTo(repository, 'evil')
    const tree = repository.git('rev-parse', `${evil}^{tree}`)
    commitTo(repository, 'honest', '-S')
    assert.equal((await verdict(repository)).status, 0)
    rewrite(repository, text => text.replace(/^tree .*/, `tree ${tree}`))
    const { status, strays } = await verdict(repository)
    assert.deepEqual({ status, strays }, { status: 13, strays: ['bad-signature'] })
  })

  it('has two signatures', async () => {
    const repository = team.repository('twice')
    commitTo(repository, 'honest', '-S')
    rewrite(repository, text => text.replace(/(gpgsig [\s\S]*?END PGP SIGNATURE-----\n)/, '$1$1'))
    annotate(repository, gitSigLine(team, 'alice', gitSigText(repository)))
    const { status, text } = await verdict(repository)
    assert.equal(status, 20)
    assert.match(text, /more than one signature/)
  })

  it('is replaced (git replace), grafted or cut off: the real one is judged', async () => {
    const repository = team.repository('replaced')
    const signed = commitTo(repository, 'signed', '-S')
    const evil = commitTo(repository, 'evil')
    repository.git('replace', evil, signed)
    assert.equal(repository.git('show', '-s', '--format=%s', evil), 'signed')
    appendFileSync(join(repository.directory, '.git/info/grafts'), `${evil} ${signed}\n`)
    appendFileSync(join(repository.directory, '.git/shallow'), `${evil}\n`)
    assert.equal((await verdict(repository, '"alice"', evil)).status, 10)
    assert.equal((await verdict(repository, '"alice"', signed)).status, 0)
  })

  it('has its objects in another repository (alternates): undecided, as they are not here', async () => {
    const from = team.repository('lender')
    const commit = commitTo(from, 'signed', '-S')
    const repository = team.repository('borrower')
    const info = join(repository.directory, '.git/objects/info')
    mkdirSync(info, { recursive: true })
    writeFileSync(join(info, 'alternates'), `${join(from.directory, '.git/objects')}\n`)
    repository.git('update-ref', 'refs/heads/lent', commit)
    await assert.rejects(verdict(repository, '"alice"', 'lent'), /there is no commit lent/)
  })

  it('has a file that was exchanged on the disk', async () => {
    const repository = team.repository('corrupt')
    commitTo(repository, 'signed', '-S')
    const [good, evil] = [
      repository.git('rev-parse', 'HEAD:file'),
      gitWith(repository, 'evil\n', 'hash-object', '-w', '--stdin'),
    ]
    const fileOf = (id: string) => join(repository.directory, '.git/objects', id.slice(0, 2), id.slice(2))
    chmodSync(fileOf(good), 0o644)
    execFileSync('cp', [fileOf(evil), fileOf(good)])
    assert.equal((await verdict(repository)).status, 20)
  })
})

describe('attack: a tag', () => {
  it('is on another commit: it counts for that one alone', async () => {
    const repository = team.repository('tags')
    repository.git('tag', '-s', 'v1', '-m', 'one')
    commitTo(repository, 'second')
    assert.equal((await verdict(repository, '"alice"', 'HEAD~1')).status, 0)
    assert.equal((await verdict(repository)).status, 10)
    repository.git('pack-refs', '--all')
    assert.equal((await verdict(repository, '"alice"', 'HEAD~1')).status, 0)
    assert.equal((await verdict(repository)).status, 10)
  })

  it('was moved to another name, or packed-refs says that it is of another commit', async () => {
    const repository = team.repository('moved')
    repository.git('tag', '-s', 'v1', '-m', 'one')
    const [tag, first] = [repository.git('rev-parse', 'refs/tags/v1'), repository.git('rev-parse', 'HEAD')]
    const evil = commitTo(repository, 'evil')
    repository.git('update-ref', 'refs/tags/v2', tag)
    repository.git('update-ref', '-d', 'refs/tags/v1')
    const renamed = await verdict(repository, '"alice"', first)
    assert.deepEqual([renamed.status, renamed.strays], [10, ['other-subject']])
    repository.git('update-ref', '-d', 'refs/tags/v2')
    writeFileSync(join(repository.directory, '.git/packed-refs'), `${tag} refs/tags/v1\n^${evil}\n`)
    assert.equal((await verdict(repository)).status, 10)
  })

  it('has two signatures: it is reported and does not count', async () => {
    const repository = team.repository('double')
    repository.git('tag', '-s', 'v1', '-m', 'one')
    const raw = execFileSync('git', ['-C', repository.directory, 'cat-file', 'tag', 'v1']).toString()
    const doubled = raw + raw.slice(raw.indexOf('-----BEGIN'))
    const id = gitWith(repository, doubled, 'hash-object', '-t', 'tag', '-w', '--stdin', '--literally')
    repository.git('update-ref', 'refs/tags/v1', id)
    const { status, strays } = await verdict(repository)
    assert.deepEqual({ status, strays }, { status: 10, strays: ['unreadable'] })
  })
})
