/** Random histories in which much is authorized and some is not, under both semantics. */
import fc from 'fast-check'
import { ALL_RIGHTS, certificateOf, DAY, guixFile, KEYS, policyFile, revocation } from './history-cases.ts'
import { SIGNED_AT, type SignedHistory } from './signed-history.ts'

const { alice, bob, mallory } = KEYS
const ALICE = { certificates: [certificateOf(alice)], rights: ALL_RIGHTS }
const HARD = revocation(bob, 2, SIGNED_AT + DAY)

/** What a commit's files say, in both semantics. */
const FILES = {
  both: {
    guix: guixFile(alice, bob),
    policy: policyFile({ alice: ALICE, bob: { certificates: [certificateOf(bob)] } }),
  },
  alice: { guix: guixFile(alice), policy: policyFile({ alice: ALICE }) },
  revoked: {
    guix: guixFile(alice, bob),
    policy: policyFile({ alice: ALICE, bob: { certificates: [certificateOf(bob, [HARD])] } }),
  },
  none: undefined,
} as const

/** One more commit. */
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
  const own =
    files === undefined ? {} : { '.guix-authorizations': files.guix, 'openpgp-policy.toml': files.policy }
  return { ...own, index: String(index) }
}

type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never

/** The commits of a random history after its introduction. */
export const STEPS: fc.Arbitrary<readonly Step[]> = fc.array(STEP, { minLength: 4, maxLength: 6 })

/** Makes the commits; returns their ids, the introduction first. */
export function makeSteps(history: SignedHistory, steps: readonly Step[]): readonly string[] {
  const ids = [history.commit({ files: contentsOf('both', 0), by: alice })]
  for (const [index, { parents, by, files }] of steps.entries()) {
    const chosen = parents.map(parent => ids[Math.max(0, ids.length - 1 - (parent % 3))] ?? '')
    const signed = by === undefined ? {} : { by }
    ids.push(
      history.commit({ files: contentsOf(files, index + 1), parents: [...new Set(chosen)], ...signed }),
    )
  }
  return ids
}
