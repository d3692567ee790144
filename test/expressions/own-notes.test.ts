// nixsig's own notes about commits: what they bind, who may sign them, and what does not count.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { openSigner } from '../../src/crypto/signers/open-signer.ts'
import { judgeRevision } from '../../src/expressions/judge-revision.ts'
import { reviewText } from '../../src/expressions/reviews.ts'
import { type RevisionWord, signRevision } from '../../src/expressions/sign-revision.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import type { RevisionStatement } from '../../src/formats/in-toto/revision-statement.ts'
import { openRepository } from '../../src/git/open-repository.ts'
import { grounds } from '../../src/policy/wording.ts'
import { type TestRepository, testRepository } from '../support/git.ts'
import {
  annotate,
  commitTo,
  judged,
  lineByErin,
  resultOf,
  revisionOf,
  teamOfFile,
} from '../support/signers-of-commits.ts'
import { sha256 } from '../support/trust.ts'

const team = teamOfFile()

async function sign(repository: TestRepository, signerName: string, word: RevisionWord): Promise<string> {
  const signer = await openSigner(signerName, { passphrase: async () => '' })
  try {
    const revision = await revisionOf(repository)
    return await signRevision(repository.directory, revision, word, { signer, now: 1_800_000_000 })
  } finally {
    signer.close()
  }
}

/** A line signed by erin, whose statement is true but for what is changed in it. */
async function noteByErin(
  repository: TestRepository,
  change: Partial<RevisionStatement> = {},
): Promise<string> {
  return lineByErin(team, { ...(await revisionOf(repository)), ...change })
}

const committer: RevisionWord = { form: 'nixsig', role: 'committer', review: undefined }

describe('a signature in a note', () => {
  it('by a key of GnuPG and by one of nixsig are two people; git reads the notes', async () => {
    const repository = team.repository('signed')
    await sign(repository, `gpg:${team.fingerprints.bob}`, committer)
    annotate(repository, await noteByErin(repository), 'HEAD', 'nixsig')
    const found = await judged(team, repository, '"two"')
    assert.equal(resultOf(found).status, 0, grounds(found.verdict))
    assert.deepEqual(
      found.signatures.map(({ principal, way }) => `${principal} ${way}`),
      ['bob nixsig', 'erin nixsig'],
    )
    execFileSync('git', ['-C', repository.directory, 'fsck', '--strict', '--no-dangling'])
    assert.match(repository.git('notes', '--ref=nixsig', 'show'), /payloadType/)
  })

  it("in git-sig's form is exactly git-sig's line", async () => {
    const repository = team.repository('git-sig')
    await sign(repository, `gpg:${team.fingerprints.alice}`, { form: 'git-sig' })
    const [commit, tree] = ['HEAD', 'HEAD^{tree}'].map(name => repository.git('rev-parse', name))
    const note = repository.git('notes', '--ref=signatures', 'show')
    assert.match(note, new RegExp(`^sig:v0:${commit}:${tree}:null:pgp:[A-Za-z0-9+/]+=*$`))
    const body = note.slice(0, note.lastIndexOf(':'))
    const signature = Buffer.from(note.slice(body.length + 1), 'base64')
    const { gpg, dir } = team.gnupg
    writeFileSync(`${dir}/line.sig`, signature)
    gpg(['--verify', `${dir}/line.sig`, '-'], { input: body })
    assert.equal(resultOf(await judged(team, repository, '"alice"')).status, 0)
    await assert.rejects(
      sign(repository, `ssh:${team.dave}.pub`, { form: 'git-sig' }),
      /OpenPGP|agent|SSH_AUTH_SOCK/,
    )
  })

  it('covers a review, which is kept and found by its hash alone', async () => {
    const repository = team.repository('reviewed')
    const review = Buffer.from('Read twice.\n')
    await sign(repository, `gpg:${team.fingerprints.alice}`, { form: 'nixsig', role: 'reviewer', review })
    const found = await judged(team, repository, '{ reviewer = "alice" }')
    assert.equal(resultOf(found).status, 0, grounds(found.verdict))
    assert.equal(found.signatures[0]?.review, sha256(review))
    const opened = openRepository(repository.directory)
    try {
      assert.equal(await reviewText(opened, sha256(review)), 'Read twice.\n')
      assert.equal(await reviewText(opened, sha256('other')), undefined)
    } finally {
      opened.close()
    }
    assert.equal(resultOf(await judged(team, repository, '{ committer = "alice" }')).status, 10)
    const binary = { form: 'nixsig', role: 'reviewer', review: Buffer.from('a\u001b[2Jb') } as const
    await assert.rejects(
      sign(repository, `gpg:${team.fingerprints.alice}`, binary),
      /control character U\+001B: .*\(line 1\)/,
    )
  })

  it('is made in a repository with ids of SHA-256 as well', async () => {
    const directory = join(team.dir, 'sha256')
    execFileSync('git', ['init', '--quiet', '--object-format=sha256', directory])
    const repository = testRepository(directory, {})
    repository.git('commit', '-q', '--allow-empty', '-m', 'one')
    await sign(repository, `gpg:${team.fingerprints.alice}`, committer)
    await sign(repository, `gpg:${team.fingerprints.bob}`, { form: 'git-sig' })
    const found = await judged(team, repository, '"two"')
    assert.equal(resultOf(found).status, 0, grounds(found.verdict))
    assert.match(repository.git('notes', '--ref=nixsig', 'show'), /payloadType/)
  })

  it('is judged by ids alone if nothing is hashed, and by the contents otherwise', async () => {
    const repository = team.repository('by-id')
    annotate(repository, await noteByErin(repository, { narHash: sha256('other') }), 'HEAD', 'nixsig')
    const opened = openRepository(repository.directory)
    try {
      const question = { repository: opened, url: 'x:', commit: repository.git('rev-parse', 'HEAD') }
      const byId = await judgeRevision(team.policy('"erin"'), { ...question, contents: 'by-id' }, 1)
      assert.equal(byId.verdict.outcome, 'trusted')
      assert.equal((await judgeRevision(team.policy('"erin"'), question, 1)).verdict.outcome, 'untrusted')
    } finally {
      opened.close()
    }
  })
})

describe('attack: a note of nixsig', () => {
  const cases: Readonly<Record<string, readonly [Partial<RevisionStatement>, number, readonly string[]]>> = {
    'names another NAR hash: two trees of one id, or a lie': [{ narHash: sha256('evil') }, 13, []],
    'names another tree': [{ tree: '1'.repeat(40) }, 10, ['other-subject']],
    'names another commit': [{ commit: '1'.repeat(40) }, 10, ['other-subject']],
    'is the word of another signer': [{ signer: signerUri('verifier', 'SHA256:other') }, 10, ['unused']],
    'has a role that there is not': [{ role: 'approver' as 'reviewer' }, 10, ['unreadable']],
    'has ids of two lengths': [{ tree: '1'.repeat(64) }, 10, ['unreadable']],
  }
  for (const [name, [change, status, strays]] of Object.entries(cases)) {
    it(name, async () => {
      const repository = team.repository(name.slice(0, 30).replaceAll(/\W/g, '-'))
      annotate(repository, await noteByErin(repository, change), 'HEAD', 'nixsig')
      assert.deepEqual(resultOf(await judged(team, repository, '"erin"')), { status, strays })
    })
  }

  it('has an old signature on a new statement', async () => {
    const repository = team.repository('pasted')
    const old = JSON.parse(await noteByErin(repository))
    commitTo(repository, 'evil')
    const line = JSON.stringify({ ...JSON.parse(await noteByErin(repository)), signatures: old.signatures })
    annotate(repository, line, 'HEAD', 'nixsig')
    assert.deepEqual(resultOf(await judged(team, repository, '"erin"')), {
      status: 13,
      strays: ['bad-signature'],
    })
  })

  it('is by a stranger, is no envelope, or is an attestation of a store path', async () => {
    const repository = team.repository('strange')
    const line = await noteByErin(repository)
    const stranger = JSON.stringify({
      ...JSON.parse(line),
      signatures: [{ keyid: '', sig: Buffer.alloc(64).toString('base64') }],
    })
    const attestation = signEnvelope(
      Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}'),
      team.erin.key,
    )
    for (const each of [stranger, 'hello', attestation]) annotate(repository, each, 'HEAD', 'nixsig')
    const { status, strays } = resultOf(await judged(team, repository, '"erin"'))
    assert.equal(status, 11)
    assert.deepEqual([...strays].sort(), ['unknown-signer', 'unreadable', 'unreadable'])
  })
})
