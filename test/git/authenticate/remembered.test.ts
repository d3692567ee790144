// What is remembered never changes a verdict: random histories, asked about commit by commit.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import fc from 'fast-check'
import { writeCase } from '../../support/history-cases.ts'
import { judged } from '../../support/history-verdicts.ts'
import { makeSteps, STEPS } from '../../support/random-histories.ts'
import { signedHistory } from '../../support/signed-history.ts'

const dir = mkdtempSync('/tmp/nixsig-remembered-histories-')
after(() => rmSync(dir, { recursive: true, force: true }))

/** Long runs set NIXSIG_CASES. */
const CASES = Number(process.env['NIXSIG_CASES'] ?? 2)

for (const semantics of ['guix', 'sequoia-git'] as const) {
  it(`a remembered history has the verdict that it has as a whole (${semantics})`, async () => {
    await fc.assert(
      fc.asyncProperty(STEPS, async steps => {
        const place = mkdtempSync(join(dir, 'case-'))
        const history = signedHistory(join(place, 'repository'))
        const ids = makeSteps(history, steps)
        const made = { introduction: ids[0] ?? '', tip: ids.at(-1) ?? '' }
        writeCase(history, made)
        for (const revision of ids.slice(2)) {
          const memory = join(place, 'memory')
          const known = await judged({ history, made }, semantics, { revision, memory })
          const whole = await judged({ history, made }, semantics, { revision })
          assert.equal(known.outcome, whole.outcome)
        }
      }),
      { numRuns: CASES },
    )
  })
}
