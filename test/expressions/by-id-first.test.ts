// A commit is judged by its ids before anything is done with its tree.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { signEnvelope } from '../../src/crypto/envelope.ts'
import { judgeRevision, type RevisionQuestion } from '../../src/expressions/judge-revision.ts'
import { readRevision } from '../../src/expressions/read-revision.ts'
import type { Revision } from '../../src/expressions/revision.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import { printRevisionStatement } from '../../src/formats/in-toto/revision-statement.ts'
import { sshFingerprint } from '../../src/formats/ssh/key.ts'
import { type OpenRepository, openRepository } from '../../src/git/open-repository.ts'
import { exitCode } from '../../src/policy/exit-code.ts'
import { grounds } from '../../src/policy/wording.ts'
import type { TestRepository } from '../support/git.ts'
import {
  annotate,
  gitSigLine,
  gitSigText,
  type SigningTeam,
  signingTeam,
} from '../support/signers-of-commits.ts'

let team: SigningTeam
before(() => {
  team = signingTeam()
  process.env['GNUPGHOME'] = team.gnupg.dir
})
after(() => team.remove())

const now = Math.floor(Date.now() / 1000)

async function opened<T>(
  { directory }: TestRepository,
  use: (open: OpenRepository) => Promise<T>,
): Promise<T> {
  const repository = openRepository(directory)
  try {
    return await use(repository)
  } finally {
    repository.close()
  }
}

async function questionOn(repository: OpenRepository): Promise<RevisionQuestion> {
  return { repository, url: 'https://example.org/x', commit: await repository.resolve('HEAD') }
}

/** A line that erin signs about a revision. */
function lineByErin({ commit, tree, narHash }: Revision): string {
  const by = signerUri('verifier', sshFingerprint(team.erin.key.publicKey))
  const said = { role: 'reviewer', signer: by, signedOn: now } as const
  return signEnvelope(printRevisionStatement({ commit, tree, narHash, ...said }), team.erin.key)
}

describe('a commit whose tree is hashed only if that can matter', () => {
  it('has the verdict that it has with its tree hashed, whoever signed it how', async () => {
    const repository = team.repository('either-way')
    const revision = await opened(
      repository,
      async open => (await readRevision(open, await open.resolve('HEAD'), 'hashed')).revision,
    )
    const text = gitSigText(repository)
    const lines = [
      ['signatures', gitSigLine(team, 'alice', text)],
      ['signatures', gitSigLine(team, 'bob', text)],
      ['signatures', gitSigLine(team, 'mallory', text)],
      ['signatures', 'sig:v0:nothing'],
      ['nixsig', lineByErin(revision)],
      ['nixsig', lineByErin({ ...revision, narHash: 'ab'.repeat(32) })],
    ] as const
    const some = fc.subarray([...lines])
    await fc.assert(
      fc.asyncProperty(some, fc.constantFrom('"one"', '"two"', '"three"'), async (chosen, require) => {
        for (const ref of ['signatures', 'nixsig']) repository.git('update-ref', '-d', `refs/notes/${ref}`)
        for (const [ref, line] of chosen) annotate(repository, line, 'HEAD', ref)
        await opened(repository, async open => {
          const question = await questionOn(open)
          const policy = team.policy(require)
          const ifNeeded = await judgeRevision(policy, question, now)
          const hashed = await judgeRevision(policy, { ...question, contents: 'hashed' }, now)
          const isHashed = ifNeeded.revision?.narHash !== ''
          const said = (verdict: typeof hashed.verdict) => [
            verdict.outcome,
            exitCode(verdict),
            grounds(verdict),
          ]
          assert.deepEqual(said(ifNeeded.verdict), said(hashed.verdict))
          assert.deepEqual(ifNeeded.signatures, hashed.signatures)
          if (hashed.verdict.outcome === 'trusted') assert.equal(isHashed, true)
          if (isHashed) assert.deepEqual(ifNeeded, hashed)
        })
      }),
      { numRuns: 25 },
    )
  })
})

describe('attack: a tree that costs more than anybody has', () => {
  it('is not looked at for a commit that nobody signed', async () => {
    const repository = team.repository('bomb')
    await opened(repository, async open => {
      const touched: string[] = []
      const watched: OpenRepository = {
        ...open,
        examined: commit => {
          touched.push(commit)
          return open.examined(commit)
        },
        objects: {
          ...open.objects,
          read: (id, type) => {
            if (type === 'tree') touched.push(id)
            return open.objects.read(id, type)
          },
        },
      }
      const { verdict, revision } = await judgeRevision(team.policy('"one"'), await questionOn(watched), now)
      assert.equal(verdict.outcome, 'untrusted')
      assert.match(grounds(verdict), /needs/)
      assert.equal(revision?.narHash, '')
      assert.deepEqual(touched, [])
    })
  })
})
