/** A short version of `npm run fuzz`. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openCampaign } from '../../fuzz/campaign.ts'
import { EXTREMES } from '../../fuzz/extremes.ts'
import { report } from '../../fuzz/report.ts'
import { allTargets } from '../../fuzz/targets.ts'

const SEED = 1
const CASES = 300
const SLOW_CASES = 30

const scratch = mkdtempSync(join(tmpdir(), 'nixsig-fuzz-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const targets = allTargets(scratch)

test('names of targets are unique, and extremes belong to targets', () => {
  const names = targets.map(({ name }) => name)
  assert.deepEqual([...new Set(names)], names)
  assert.deepEqual(
    Object.keys(EXTREMES).filter(name => !names.includes(name)),
    [],
  )
})

test('the first seed of each target is accepted', async () => {
  for (const { name, seeds, check } of targets) {
    const [seed] = seeds
    assert.ok(seed, name)
    assert.doesNotMatch(await check(seed), /^\w+Error: /, name)
  }
})

for (const target of targets) {
  const cases = target.isSlow ? SLOW_CASES : CASES
  test(`${target.name}: ${cases} cases break nothing`, async () => {
    // The extremes are large; only long runs use them.
    const campaign = openCampaign({ ...target, extremes: [] }, SEED)
    await campaign.run({ cases, time: Number.POSITIVE_INFINITY })
    assert.equal(campaign.count().cases, cases)
    assert.equal(campaign.failures.length, 0, report(campaign, SEED))
  })
}
