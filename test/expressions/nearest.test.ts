// The nearest commit that enough people signed, found without trusting what git says of the history.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Nearest, nearestTrusted } from '../../src/expressions/nearest.ts'
import type { TestRepository } from '../support/git.ts'
import {
  annotate,
  commitTo,
  gitSigLine,
  gitSigText,
  opened,
  teamOfFile,
} from '../support/signers-of-commits.ts'

const team = teamOfFile()

function nearest(
  place: string,
  require: string,
  { from = 'HEAD', until }: { readonly from?: string; readonly until?: string } = {},
): Promise<Nearest> {
  return opened({ directory: place }, async repository => {
    const commit = await repository.resolve(from)
    const end = until === undefined ? {} : { until: await repository.resolve(until) }
    const question = { repository, url: 'https://example.org/x', commit, ...end }
    return nearestTrusted(team.policy(require), question, Math.floor(Date.now() / 1000))
  })
}

/** Adds commits to a repository, as fast as git can. */
function addCommits({ directory, git }: TestRepository, count: number): void {
  const start = git('rev-parse', 'HEAD')
  const commit = (index: number) =>
    `commit refs/heads/main\ncommitter Dev <d@e> ${1_710_000_000 + index} +0000\ndata 4\nmore\n${index === 0 ? `from ${start}\n` : ''}\n`
  const input = Array.from({ length: count }, (_, index) => commit(index)).join('')
  execFileSync('git', ['-C', directory, 'fast-import', '--quiet', '--force'], { input })
}

describe('the nearest trusted commit', () => {
  it('is found far back, and the search ends there', async () => {
    const repository = team.repository('deep')
    addCommits(repository, 1000)
    const signed = repository.git('rev-parse', 'main')
    annotate(repository, gitSigLine(team, 'alice', gitSigText(repository, 'main')), 'main')
    addCommits(repository, 6000)
    const { found, walked } = await nearest(repository.directory, '"alice"', { from: 'main' })
    assert.equal(found?.commit, signed)
    assert.equal(walked, 6001)
  })

  it('may be on a branch that was merged, and is not one that has too few', async () => {
    const repository = team.repository('merged')
    repository.git('checkout', '-q', '-b', 'side')
    const signed = commitTo(repository, 'on the side', '-S')
    annotate(repository, gitSigLine(team, 'bob', gitSigText(repository)))
    repository.git('checkout', '-q', 'main')
    repository.git('commit', '-q', '--allow-empty', '-m', 'on main')
    repository.git('merge', '-q', '--no-ff', '-m', 'merged', 'side')
    commitTo(repository, 'one signer', '-S')
    const { found } = await nearest(repository.directory, '"two"')
    assert.equal(found?.commit, signed)
    assert.equal((await nearest(repository.directory, '"two"', { until: 'HEAD' })).found, undefined)
    assert.equal((await nearest(repository.directory, '"three"')).found, undefined)
  })

  it('attack: what an unsigned merge brings in is not between two commits', async () => {
    const repository = team.repository('sideways')
    const { git } = repository
    git('branch', 'side')
    const old = commitTo(repository, 'fix', '-S')
    git('tag', 'old')
    git('checkout', '-q', 'side')
    commitTo(repository, 'experiment with the hole', '-S')
    git('checkout', '-q', 'main')
    git('merge', '-q', '-s', 'ours', '-m', 'unsigned', 'side')
    assert.equal((await nearest(repository.directory, '"alice"', { until: 'old' })).found?.commit, old)
    git('reset', '-q', '--hard', 'old')
    const other = team.repository('another-project')
    commitTo(other, 'another project', '-S')
    git('fetch', '-q', other.directory, 'main')
    git('merge', '-q', '-s', 'ours', '--allow-unrelated-histories', '-m', 'unsigned', 'FETCH_HEAD')
    assert.equal((await nearest(repository.directory, '"alice"', { until: 'old' })).found?.commit, old)
    const good = commitTo(repository, 'good', '-S')
    assert.equal((await nearest(repository.directory, '"alice"', { until: 'old' })).found?.commit, good)
    const { found, walked } = await nearest(repository.directory, '"alice"', { from: 'old', until: 'main' })
    assert.deepEqual([found, walked], [undefined, 0])
  })

  it('property: in any history, it is the old commit itself or one that git, too, sees after it', async () => {
    const repository = team.repository('random')
    const { git } = repository
    const tree = git('rev-parse', 'HEAD^{tree}')
    let seed = 12345
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return seed % below
    }
    const commits: string[] = [git('rev-parse', 'HEAD')]
    for (let index = 0; index < 24; index++) {
      const parents = new Set(
        Array.from({ length: 1 + random(2) }, () => commits.at(-1 - random(Math.min(5, commits.length)))),
      )
      const args = [...parents].flatMap(each => ['-p', each ?? ''])
      const sign = random(3) === 0 ? ['-S'] : []
      commits.push(git('commit-tree', ...sign, '-m', `${index}`, ...args, tree))
    }
    const isAfter = (old: string, commit: string) =>
      git('rev-list', '--max-count=1', old, '--not', commit) === ''
    for (let tries = 0; tries < 12; tries++) {
      const [until = '', from = ''] = [commits[random(25)], commits[24 - random(6)]]
      git('update-ref', 'refs/heads/main', from)
      git('update-ref', 'refs/heads/old', until)
      const { found } = await nearest(repository.directory, '"alice"', { from, until })
      const fit = git('rev-list', from)
        .split('\n')
        .filter(each => isAfter(until, each))
      const isSigned = (each: string) => git('cat-file', 'commit', each).includes('gpgsig')
      assert.equal(found !== undefined, fit.some(isSigned), `${until} ${from}`)
      if (found !== undefined) assert.ok(fit.includes(found.commit) && isSigned(found.commit))
    }
  })

  it('attack: is not one that a forged signature is on', async () => {
    const repository = team.repository('forged')
    commitTo(repository, 'signed', '-S')
    const raw = execFileSync('git', ['-C', repository.directory, 'cat-file', 'commit', 'HEAD'])
    const changed = Buffer.from(raw.toString('latin1').replace('\n\nsigned', '\n\nforged'), 'latin1')
    const args = ['-C', repository.directory, 'hash-object', '-t', 'commit', '-w', '--stdin']
    repository.git('update-ref', 'HEAD', execFileSync('git', args, { input: changed }).toString().trim())
    const result = await nearest(repository.directory, '"alice"')
    assert.deepEqual([result.found, result.walked], [undefined, 2])
  })

  it('attack: a commit on the way was exchanged on the disk for one with another history', async () => {
    const repository = team.repository('exchanged')
    const signed = commitTo(repository, 'signed', '-S')
    const unsigned = repository.git('commit-tree', '-m', 'other', 'HEAD^{tree}')
    const between = repository.git('commit-tree', '-p', unsigned, '-m', 'between', 'HEAD^{tree}')
    const evil = repository.git('commit-tree', '-p', signed, '-m', 'evil', 'HEAD^{tree}')
    const head = repository.git('commit-tree', '-p', between, '-m', 'head', 'HEAD^{tree}')
    repository.git('update-ref', 'refs/heads/main', head)
    const fileOf = (id: string) => join(repository.directory, '.git/objects', id.slice(0, 2), id.slice(2))
    chmodSync(fileOf(between), 0o644)
    execFileSync('cp', [fileOf(evil), fileOf(between)])
    await assert.rejects(
      nearest(repository.directory, '"alice"', { from: head }),
      /corrupt|cannot read|ended/,
    )
  })

  it('in a clone that was cut off, the search ends where the history does', async () => {
    const repository = team.repository('whole')
    commitTo(repository, 'signed', '-S')
    for (const message of ['a', 'b', 'c']) commitTo(repository, message)
    const clone = join(team.dir, 'shallow')
    execFileSync('git', ['clone', '-q', '--depth=2', `file://${repository.directory}`, clone])
    const { found, walked, gaveUp = '' } = await nearest(clone, '"alice"')
    assert.deepEqual([found, walked], [undefined, 2])
    assert.match(gaveUp, /the clone is shallow: git fetch --unshallow/)
    assert.equal((await nearest(clone, '"alice"', { until: 'HEAD~1' })).gaveUp, undefined)
    assert.equal((await nearest(repository.directory, '"bob"')).gaveUp, undefined)
  })
})
