// What is remembered never changes a verdict: random histories, asked about commit by commit.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, it } from 'node:test'
import fc from 'fast-check'
import type { Answer } from '../../../src/git/authenticate/authenticate.ts'
import {
  ALL_RIGHTS,
  certificateOf,
  DAY,
  guixFile,
  KEYS,
  policyFile,
  revocation,
  writeCase,
} from '../../support/history-cases.ts'
import { judged } from '../../support/history-verdicts.ts'
import { SIGNED_AT, signedHistory } from '../../support/signed-history.ts'

const dir = mkdtempSync('/tmp/nixsig-remembered-histories-')
after(() => rmSync(dir, { recursive: true, force: true }))

const { alice, bob, mallory } = KEYS
const ALICE = { certificates: [certificateOf(alice)], rights: ALL_RIGHTS }
const HARD = revocation(bob, 2, SIGNED_AT + DAY)

/** What a commit's files say, in both semantics. */
const FILES = {
  both: { guix: guixFile(alice, bob), policy: policyFile({ alice: ALICE, bob: { certificates: [certificateOf(bob)] } }) },
  alice: { guix: guixFile(alice), policy: policyFile({ alice: ALICE }) },
  revoked: {
    guix: guixFile(alice, bob),
    policy: policyFile({ alice: ALICE, bob: { certificates: [certificateOf(bob, [HARD])] } }),
  },
  none: undefined,
} as const

const STEP = fc.record({
  parents: fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
  by: fc.oneof(
    { weight: 5, arbitrary: fc.constant(alice) },
    { weight: 3, arbitrary: fc.constant(bob) },
    { weight: 1, arbitrary: fc.constantFrom(mallory, undefined) },
  ),
  files: fc.oneof(
    { weight: 6, arbitrary: fc.constant('both' as const) },
    { weight: 2, arbitrary: fc.constantFrom('alice' as const, 'revoked' as const) },
    { weight: 1, arbitrary: fc.constant('none' as const) },
  ),
})

function contentsOf(name: keyof typeof FILES, index: number): Record<string, string> {
  const files = FILES[name]
  const own = files === undefined ? {} : { '.guix-authorizations': files.guix, 'openpgp-policy.toml': files.policy }
  return { ...own, index: String(index) }
}

/** The verdict, and what is refused. Which of several faults is told may differ. */
function outcomeOf(answer: Answer): string {
  return answer.outcome
}

const CASES = Number(process.env['NIXSIG_CASES'] ?? 2)

for (const semantics of ['guix', 'sequoia-git'] as const) {
  it(`a remembered history has the verdict that it has as a whole (${semantics})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 4, maxLength: 6 }), async steps => {
        const place = mkdtempSync(join(dir, 'case-'))
        const history = signedHistory(join(place, 'repository'))
        const ids = [history.commit({ files: contentsOf('both', 0), by: alice })]
        for (const [index, { parents, by, files }] of steps.entries()) {
          const chosen = parents.map(parent => ids[Math.max(0, ids.length - 1 - (parent % 3))] ?? '')
          ids.push(
            history.commit({
              files: contentsOf(files, index + 1),
              parents: [...new Set(chosen)],
              ...(by === undefined ? {} : { by }),
            }),
          )
        }
        const [introduction = ''] = ids
        const made = { introduction, tip: ids.at(-1) ?? '' }
        writeCase(history, made)
        for (const revision of ids.slice(2)) {
          const known = await judged({ history, made }, semantics, { revision, memory: join(place, 'memory') })
          const whole = await judged({ history, made }, semantics, { revision })
          assert.equal(outcomeOf(known), outcomeOf(whole))
        }
      }),
      { numRuns: CASES },
    )
  })
}
