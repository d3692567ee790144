// Histories under the semantics of sequoia-git, judged by nixsig and by sq-git itself.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { writeCase } from '../support/history-cases.ts'
import { judged, written } from '../support/history-verdicts.ts'
import { makeSteps, STEPS } from '../support/random-histories.ts'
import { SEQUOIA_GIT_CASES } from '../support/sequoia-git-cases.ts'
import { sidProgram } from '../support/sid-tools.ts'
import { signedHistory } from '../support/signed-history.ts'

const dir = mkdtempSync('/tmp/nixsig-sq-git-')
after(() => rmSync(dir, { recursive: true, force: true }))

const program = sidProgram('sq-git', dir)

/** Whether sq-git finds a way from the introduction to the tip, with nothing remembered. */
function acceptedBySqGit(repository: string, introduction: string, tip: string): boolean {
  const home = mkdtempSync(join(dir, 'home-'))
  const { status, stderr } = spawnSync(program, ['log', '--trust-root', introduction, tip], {
    cwd: repository,
    env: { HOME: home, XDG_CACHE_HOME: home, LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
  })
  assert.ok(status === 0 || (status === 1 && stderr.startsWith('Error: ')), `sq-git: ${status} ${stderr}`)
  return status === 0
}

describe('sq-git says the same of', () => {
  for (const each of SEQUOIA_GIT_CASES) {
    it(`${each.what}${each.tool === undefined ? '' : ', but for what is stricter here'}`, () => {
      const { history, made } = written(dir, each)
      const accepted = acceptedBySqGit(history.directory, made.introduction, made.tip)
      assert.equal(accepted, (each.tool ?? each.verdict) === 'authentic')
    })
  }

  it('every commit of random histories', async () => {
    await fc.assert(
      fc.asyncProperty(STEPS, async steps => {
        const history = signedHistory(join(mkdtempSync(join(dir, 'random-')), 'repository'))
        const ids = makeSteps(history, steps)
        const made = { introduction: ids[0] ?? '', tip: ids.at(-1) ?? '' }
        writeCase(history, made)
        for (const revision of ids.slice(1)) {
          const { outcome } = await judged({ history, made }, 'sequoia-git', { revision })
          const accepted = acceptedBySqGit(history.directory, made.introduction, revision)
          assert.equal(outcome === 'authentic', accepted, revision)
        }
      }),
      { numRuns: Number(process.env['NIXSIG_CASES'] ?? 3) },
    )
  })
})
