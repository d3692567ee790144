// Who signed a commit, in every way in which people sign commits.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { grounds } from '../../src/policy/wording.ts'
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

describe('who signed a commit', () => {
  it('is nobody, if nothing is signed', async () => {
    const found = await judged(team, team.repository('unsigned'), '"alice"')
    assert.equal(resultOf(found).status, 10, grounds(found.verdict))
    assert.deepEqual(found.signatures, [])
  })

  it('is one person, who signed the commit, a tag on it and a note', async () => {
    const repository = team.repository('one')
    commitTo(repository, 'signed', '-S')
    repository.git('tag', '-s', 'v1', '-m', 'one')
    annotate(repository, gitSigLine(team, 'alice', gitSigText(repository)))
    const one = await judged(team, repository, '"alice"')
    assert.equal(resultOf(one).status, 0, grounds(one.verdict))
    assert.deepEqual(
      one.signatures.map(({ way, principal }) => `${principal}: ${way}`),
      ['alice: commit', 'alice: tag', 'alice: git-sig'],
    )
    const two = await judged(team, repository, '"two"')
    assert.equal(resultOf(two).status, 12)
    assert.match(grounds(two.verdict), /needs 2 of 6 two for its expressions, found 1 \(alice\)/)
  })

  it('are three: in the commit, in a note with a subkey, in an SSH tag', async () => {
    const repository = team.repository('three')
    commitTo(repository, 'signed', '-S')
    annotate(repository, gitSigLine(team, 'bob', gitSigText(repository)))
    repository.git('-c', 'gpg.format=ssh', '-c', `user.signingKey=${team.dave}`, 'tag', '-s', 'v1', '-m', 'x')
    const found = await judged(team, repository, '"three"')
    assert.equal(resultOf(found).status, 0, grounds(found.verdict))
    assert.deepEqual(
      found.signatures.map(({ way, principal }) => `${principal}: ${way}`),
      ['alice: commit', 'dave: tag', 'bob: git-sig'],
    )
  })
})
