/** The steps for the units of the gate. Pure. */
import type { Listen } from '../policy/gate-settings.ts'
import { DEFAULT_GATE } from '../policy/language/gate.ts'
import { publicFile } from './file-state.ts'
import type { Found, FoundFiles } from './found.ts'
import type { SetupPlaces } from './places.ts'
import { isAsLeft, type RecordedFile } from './record.ts'
import type { InForce } from './settings.ts'
import { fileStep, type Step } from './step.ts'
import { SOCKET_UNIT, socketText, UNIT, unitText } from './unit.ts'

/** Those of setup. `startsAnyway`: even if no unit changes. */
export function unitSteps(
  found: Found,
  places: SetupPlaces,
  { gate }: InForce,
  startsAnyway: boolean,
): readonly Step[] {
  const { unit, socketUnit, hasSystemd, record, installation, policy } = found
  if (gate !== undefined && hasSystemd) {
    const text = publicFile(socketText(listenIn(policy)))
    const opened = fileStep('socket-unit', places.socketUnit, socketUnit, text)
    const change = [...opened, ...fileStep('unit', places.unit, unit, publicFile(unitText(installation)))]
    if (change.length === 0 && !startsAnyway) return []
    const isKept = opened.length === 0 && record?.finished !== false
    return [...change, { kind: 'start-gate', socket: isKept ? 'kept' : 'renewed' }]
  }
  const restored = unitsIn(found, places).flatMap(({ role, name, path, state }) => {
    const recorded = record?.files.get(role)
    if (recorded === undefined || !isAsLeft(state, recorded)) return []
    return [
      { name, steps: fileStep(role, path, state, recorded.before), was: recorded.before && recorded.was },
    ]
  })
  return restoringUnits(restored, hasSystemd)
}

/** The units of the gate: the socket first, which would start the service again. */
export function unitsIn({ unit, socketUnit }: FoundFiles, places: SetupPlaces) {
  return [
    { role: 'socket-unit', name: SOCKET_UNIT, path: places.socketUnit, state: socketUnit },
    { role: 'unit', name: UNIT, path: places.unit, state: unit },
  ] as const
}

/** A unit of the gate that is restored. */
interface RestoredUnit {
  readonly name: string
  readonly steps: readonly Step[]
  readonly was: RecordedFile['was']
}

/** The steps that restore units, after they were stopped. */
export function restoringUnits(restored: readonly RestoredUnit[], hasSystemd: boolean): readonly Step[] {
  const steps = restored.flatMap(one => one.steps)
  if (!hasSystemd || restored.length === 0) return steps
  const resumed = restored.flatMap(({ name, was = [] }) =>
    was.length === 0 ? [] : [{ kind: 'resume', unit: name, was } as const],
  )
  return [{ kind: 'stop-gate', units: restored.map(({ name }) => name) }, ...steps, ...resumed]
}

/** Where the gate listens by a policy, or will by the first one. */
export function listenIn(policy: Found['policy']): Listen {
  return policy?.gate.listen ?? DEFAULT_GATE.listen
}
