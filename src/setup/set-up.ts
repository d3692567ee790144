/** `nixsig setup`, but for what it says. Heavy: reached by `import()` alone. */
import { withLock } from '../files/lock.ts'
import { FileError } from '../files/regular-file.ts'
import { gateKey, machineKey } from '../verifier/machine-key.ts'
import { announcePolicy, type GateReload } from './announce-policy.ts'
import { carryOut, writeRecord } from './carry-out.ts'
import { makeDirectory } from './file-state.ts'
import type { Found } from './found.ts'
import type { Front } from './installation.ts'
import { lockFile, look } from './look.ts'
import type { SetupPlaces } from './places.ts'
import { type Plan, planSetup, recordUnderWay, type Step } from './plan.ts'

export interface SetupWish {
  /** Where nixsig lies, without symbolic links. */
  readonly directory: string
  readonly without: readonly Front[]
}

export type SetupOutcome =
  | { readonly kind: 'nothing' | 'blocked' | 'declined' }
  | { readonly kind: 'done'; readonly settled: GateReload }
  /** What was done stays; setup goes on from there when it is run again. */
  | { readonly kind: 'failed'; readonly problem: string }

/**
 * Puts nixsig in force, if `agree` does so when it is shown what would be done. It is not asked where there is nothing to
 * do, and nothing is done where something stands in the way: `agree` is shown the plan then as well, and its answer does
 * not matter. Throws what `look` throws, and what the system does.
 */
export async function setUp(
  places: SetupPlaces,
  wish: SetupWish,
  agree: (plan: Plan) => Promise<boolean>,
): Promise<SetupOutcome> {
  const shown = planFor(places, wish)
  if (shown.plan.isEmpty && shown.plan.obstacles.length === 0) return { kind: 'nothing' }
  const agreed = await agree(shown.plan)
  if (shown.plan.obstacles.length > 0) return { kind: 'blocked' }
  if (!agreed) return { kind: 'declined' }
  makeDirectory(places.state)
  return withLock(lockFile(places), async () => {
    makeKeys(places, wish)
    // With the key that the gate has now.
    const { found, plan } = planFor(places, wish)
    if (befores(plan.steps) !== befores(shown.plan.steps) || plan.obstacles.length > 0)
      throw new FileError('files changed while the plan was read: run setup again')
    writeRecord(places, recordUnderWay(plan, found))
    const problem = await carryOut(places, plan.steps)
    if (problem !== undefined) return { kind: 'failed', problem }
    const settled = await announcePolicy(places)
    writeRecord(places, plan.record)
    return { kind: 'done', settled }
  })
}

function planFor(
  places: SetupPlaces,
  { directory, without }: SetupWish,
): { readonly found: Found; readonly plan: Plan } {
  const found = look(places, directory)
  return { found, plan: planSetup(found, places, without) }
}

function makeKeys({ state }: SetupPlaces, { without }: SetupWish): void {
  machineKey(state)
  if (!without.includes('gate')) gateKey(state)
}

/** What the files of some steps hold now. */
function befores(steps: readonly Step[]): string {
  const files = steps.map(step => (step.kind === 'file' ? [step.path, step.before] : step.kind))
  return JSON.stringify(files)
}
