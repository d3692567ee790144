/** `nixsig setup`, without its messages. Heavy: loaded only by `import()`. */
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
import { type Plan, planSetup, recordUnderWay } from './plan.ts'
import type { Role, UnitState } from './record.ts'
import type { Step } from './step.ts'
import { unitsIn } from './unit-steps.ts'
import { olderThanInForce } from './upgraded.ts'

/** What the user asked for. */
export interface SetupWish {
  /** The directory of nixsig's programs, without symbolic links. */
  readonly directory: string
  readonly without: readonly Front[]
  /** Whether they may be older than those that set the machine up; refused if it is not said. */
  readonly older?: 'taken' | 'refused'
}

/** How setup ended. `blocked`: obstacles have to be removed first, and nothing was done. */
export type SetupOutcome =
  | { readonly kind: 'nothing' | 'blocked' | 'declined' }
  | { readonly kind: 'done'; readonly settled: GateReload }
  /** Completed steps stay; the next run of setup continues from there. */
  | { readonly kind: 'failed'; readonly problem: string }

/**
 * Enables nixsig on this machine if `agree`, which is shown the plan, agrees. It is not called if
 * there is nothing to do. If something stands in the way, `agree` is shown the plan too, but its
 * answer does not matter and nothing is done. Throws what `look` throws, and the system's errors.
 */
export async function setUp(
  places: SetupPlaces,
  wish: SetupWish,
  agree: (plan: Plan) => Promise<boolean>,
): Promise<SetupOutcome> {
  const shown = await planFor(places, wish)
  if (shown.plan.isEmpty && shown.plan.obstacles.length === 0) return { kind: 'nothing' }
  const agreed = await agree(shown.plan)
  if (shown.plan.obstacles.length > 0) return { kind: 'blocked' }
  if (!agreed) return { kind: 'declined' }
  makeDirectory(places.state)
  return withLock(lockFile(places), async () => {
    makeKeys(places, wish)
    // Plan again, with the key that the gate has now.
    const { found, plan } = await planFor(places, wish)
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

async function planFor(
  places: SetupPlaces,
  { directory, without, older }: SetupWish,
): Promise<{ readonly found: Found; readonly plan: Plan }> {
  const found = await withUnits(look(places, directory), places)
  const plan = planSetup(found, places, without)
  const refused = older === 'taken' ? [] : olderThanInForce(found)
  return { found, plan: { ...plan, obstacles: [...refused, ...plan.obstacles] } }
}

/** What systemd says of units. */
async function withUnits(found: Found, places: SetupPlaces): Promise<Found> {
  if (!found.hasSystemd) return found
  const { failedDaemonUnits, statesOf } = await import('./systemd.ts')
  const unitStates = new Map<Role, readonly UnitState[]>()
  for (const { role, name, state } of unitsIn(found, places))
    if (state !== undefined) unitStates.set(role, await statesOf(name))
  return { ...found, unitStates, failedUnits: await failedDaemonUnits() }
}

function makeKeys({ state }: SetupPlaces, { without }: SetupWish): void {
  machineKey(state)
  if (!without.includes('gate')) gateKey(state)
}

/** The current contents of the files of some steps. */
function befores(steps: readonly Step[]): string {
  const files = steps.map(step => (step.kind === 'file' ? [step.path, step.before] : step.kind))
  return JSON.stringify(files)
}
