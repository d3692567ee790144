/** Plans what unsetup does on a machine in its current state. Pure. */
import { printable } from '../primitives/printable.ts'
import { type FileState, isSameState, publicFile, textOf } from './file-state.ts'
import type { FoundFiles } from './found.ts'
import { hasInclude, withoutInclude } from './include-line.ts'
import { isOwnFile, originalOf, priorOf } from './original.ts'
import type { SetupPlaces } from './places.ts'
import { isAsLeft } from './record.ts'
import { hasBuildHook, withoutBuildHook } from './root-conf.ts'
import { fileStep, type Step } from './step.ts'
import { restoringUnits, unitsIn } from './unit-steps.ts'

/** A plan of unsetup. */
export interface LeavePlan {
  readonly steps: readonly Step[]
  /** Whether afterwards nothing of setup is left, except for what unsetup keeps on purpose. */
  readonly isWhole: boolean
  readonly isEmpty: boolean
  /**
   * What was not restored, or not byte for byte, with the reason and what to do: one sentence each.
   */
  readonly notes: readonly string[]
}

/** How one file is restored. */
interface Restored {
  readonly steps: readonly Step[]
  /** Why the file is left although it differs from its original. */
  readonly kept?: string
  readonly note?: string
}

/** Plans unsetup: restores each file that setup changed, as far as that is safe. */
export function planLeave(found: FoundFiles, places: SetupPlaces): LeavePlan {
  const nixConf = restoreNixConf(found, places)
  const rootConf = restoreRootConf(found, places)
  const [change] = nixConf.steps
  const left = change?.kind === 'file' ? change.after : found.nixConf.state
  const included = restoreIncluded(found, places, stillIncludes(left, places))
  const units = restoreUnits(found, places)
  const afterBuild = restoreAfterBuild(found)
  const isNamed = [nixConf, rootConf, included].some(({ kept }) => kept !== undefined)
  const doorkeepers = removeDoorkeepers(found, places, isNamed)
  const changes = [nixConf, rootConf, included].flatMap(({ steps }) => steps)
  const restarts = found.hasSystemd && changes.length > 0
  const steps: readonly Step[] = [
    // nixsig.conf must exist as long as nix.conf includes it.
    ...nixConf.steps,
    ...rootConf.steps,
    ...(restarts ? [{ kind: 'restart-daemon' } as const] : []),
    ...included.steps,
    ...units.steps,
    ...afterBuild.steps,
    ...doorkeepers.steps,
  ]
  const parts = [nixConf, rootConf, included, units, afterBuild, doorkeepers]
  const isWhole = parts.every(({ kept }) => kept === undefined)
  const notes = parts.flatMap(({ kept, note }) => [kept, note].filter(text => text !== undefined))
  return { steps, isWhole, isEmpty: steps.length === 0 && isWhole && found.record === undefined, notes }
}

function restoreNixConf(found: FoundFiles, places: SetupPlaces): Restored {
  const { path, state } = found.nixConf
  const name = printable(path)
  const before = originalOf('nix.conf', state, found, places)
  const prior = priorOf('nix.conf', found)
  const lost = found.record?.files.get('nix.conf')
  const other = lost !== undefined && lost.path !== path ? { note: ledElsewhere(name, lost.path) } : {}
  if (prior !== undefined && isAsLeft(state, prior))
    return { steps: fileStep('nix.conf', path, state, before), ...other }
  const text = textOf(state)
  if (hasInclude(text, places.included)) {
    const after =
      before === undefined
        ? undefined
        : { ...before, bytes: publicFile(withoutInclude(text, places.included)).bytes }
    return { steps: fileStep('nix.conf', path, state, after), note: linesTakenOut(name, found), ...other }
  }
  if (!stillIncludes(state, places)) return { steps: [], ...other }
  return {
    steps: [],
    kept: `${name} includes ${places.included} on a line that setup did not write: take that line out, and run unsetup again`,
  }
}

function restoreRootConf(found: FoundFiles, places: SetupPlaces): Restored {
  const { path, state, isMade } = found.rootConf
  if (isMade || state === undefined) return { steps: [] }
  const before = originalOf('root.conf', state, found, places)
  const prior = priorOf('root.conf', found)
  if (prior !== undefined && isAsLeft(state, prior))
    return { steps: fileStep('root.conf', path, state, before) }
  if (!hasBuildHook(textOf(state))) return { steps: [] }
  const after = before && { ...before, bytes: publicFile(withoutBuildHook(textOf(state))).bytes }
  return { steps: fileStep('root.conf', path, state, after), note: linesTakenOut(printable(path), found) }
}

/** Why a file is not restored byte for byte. */
function linesTakenOut(name: string, { record }: FoundFiles): string {
  const why =
    record === undefined ? `what setup noted of ${name} is missing` : `${name} was changed since setup`
  return `${why}: nixsig's two lines were taken out, all others are as they were`
}

function ledElsewhere(name: string, path: string): string {
  return `${name} is not the file that setup changed: check ${printable(path)}`
}

function restoreIncluded(found: FoundFiles, places: SetupPlaces, isIncluded: boolean): Restored {
  const { included: state } = found
  const prior = priorOf('nixsig.conf', found)
  const before = originalOf('nixsig.conf', state, found, places)
  if (state === undefined || isSameState(state, before)) return { steps: [] }
  if (isIncluded && before === undefined) return { steps: [], kept: `${places.included} stays until then` }
  if (prior === undefined ? isOwnFile(state) : isAsLeft(state, prior))
    return { steps: fileStep('nixsig.conf', places.included, state, before) }
  return {
    steps: [],
    kept: `${places.included} was changed since setup and is left as it is; Nix reads it no longer: delete it if you do not need it`,
  }
}

function restoreUnits(found: FoundFiles, places: SetupPlaces): Restored {
  const kept: string[] = []
  const restored = unitsIn(found, places).flatMap(({ role, name, path, state }) => {
    const prior = priorOf(role, found)
    const before = originalOf(role, state, found, places)
    if (state === undefined || isSameState(state, before)) return []
    if (prior === undefined ? isOwnFile(state) : isAsLeft(state, prior))
      return [{ name, steps: fileStep(role, path, state, before), was: before && prior?.was }]
    if (prior !== undefined)
      kept.push(
        `${path} was changed since setup and is left as it is: systemctl disable --now ${name}, and delete it`,
      )
    return []
  })
  const steps = restoringUnits(restored, found.hasSystemd)
  return kept.length === 0 ? { steps } : { steps, kept: kept.join('\n') }
}

/** Nothing reads the list without nixsig, so one that was changed since can stay. */
function restoreAfterBuild(found: FoundFiles): Restored {
  const prior = priorOf('after-build', found)
  if (prior === undefined || found.afterBuild === undefined) return { steps: [] }
  const { path, state } = found.afterBuild
  if (isAsLeft(state, prior)) return { steps: fileStep('after-build', path, state, prior.before) }
  if (state === undefined) return { steps: [] }
  return {
    steps: [],
    note: `${printable(path)} was changed since setup and is left as it is; nothing reads it without nixsig`,
  }
}

/** What nix.conf may still name stays. */
function removeDoorkeepers(found: FoundFiles, places: SetupPlaces, isNamed: boolean): Restored {
  const { doorkeepers: directory } = places
  if (!found.hasDoorkeepers || isNamed) return { steps: [] }
  if (found.rootConf.isMade) {
    const note = `${directory} stays: ${printable(found.rootConf.path)} is made by another program and may name it; delete it when that no longer does`
    return { steps: [], note }
  }
  return { steps: [{ kind: 'doorkeepers', directory, programs: undefined }] }
}

/** Whether Nix would fail without nixsig's file: an include line still names it. */
function stillIncludes(state: FileState | undefined, { included }: SetupPlaces): boolean {
  return textOf(state)
    .split('\n')
    .some(line => /^[ \t\r]*!?include[ \t]/.test(line) && line.replace(/#.*/s, '').includes(baseOf(included)))
}

function baseOf(file: string): string {
  return file.replace(/^.*\//, '')
}
