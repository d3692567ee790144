// A commit is judged by its ids before anything is done with its tree.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { judgeRevision, type RevisionQuestion } from '../../src/expressions/judge-revision.ts'
import type { OpenRepository } from '../../src/git/open-repository.ts'
import { exitCode } from '../../src/policy/exit-code.ts'
import { grounds } from '../../src/policy/wording.ts'
import {
  annotate,
  gitSigLine,
  gitSigText,
  lineByErin,
  opened,
  revisionOf,
  teamOfFile,
} from '../support/signers-of-commits.ts'

const team = teamOfFile()

const now = Math.floor(Date.now() / 1000)

async function questionOn(repository: OpenRepository): Promise<RevisionQuestion> {
  return { repository, url: 'https://example.org/x', commit: await repository.resolve('HEAD') }
}

describe('a commit whose tree is hashed only if that can matter', () => {
  it('has the verdict that it has with its tree hashed, whoever signed it how', async () => {
    const repository = team.repository('either-way')
    const revision = { ...(await revisionOf(repository)), role: 'reviewer' } as const
    const text = gitSigText(repository)
    const lines = [
      ['signatures', gitSigLine(team, 'alice', text)],
      ['signatures', gitSigLine(team, 'bob', text)],
      ['signatures', gitSigLine(team, 'mallory', text)],
      ['signatures', 'sig:v0:nothing'],
      ['nixsig', lineByErin(team, revision)],
      ['nixsig', lineByErin(team, { ...revision, narHash: 'ab'.repeat(32) })],
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
