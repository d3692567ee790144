/** Plans what setup does on a machine in its current state. Pure. */
import { dirname, join } from 'node:path'
import { parsePolicy } from '../policy/language/parse.ts'
import { withHook } from './after-build.ts'
import { secretsOf } from './carry/carried.ts'
import { type FileState, publicFile, secretFile, textOf } from './file-state.ts'
import type { Found } from './found.ts'
import { withInclude } from './include-line.ts'
import type { Front } from './installation.ts'
import { NO_FEATURES, settingValue } from './nix-conf.ts'
import { notesOn } from './notes.ts'
import { obstaclesIn } from './obstacles.ts'
import { originalOf } from './original.ts'
import type { SetupPlaces } from './places.ts'
import { isAsLeft, markOf, printRecord, type RecordedFile, type Role, type SetupRecord } from './record.ts'
import { withBuildHook } from './root-conf.ts'
import { frontsIn, type GateAddress, type InForce, settingsText, valueIn } from './settings.ts'
import { starterPolicy } from './starter-policy.ts'
import { fileStep, type Step } from './step.ts'
import { socketText, unitText } from './unit.ts'
import { listenIn, unitSteps } from './unit-steps.ts'
import { lostPlugin, versionNotes } from './upgraded.ts'

/** A plan of setup. */
export interface Plan {
  /** In order; the machine is usable after each. */
  readonly steps: readonly Step[]
  readonly newKeys: readonly ('machine' | 'gate')[]
  /** The record to keep when all steps are done. */
  readonly record: SetupRecord
  /** Whether there is anything to do. */
  readonly isEmpty: boolean
  /** Notes for whoever runs setup. */
  readonly notes: readonly string[]
  /** What has to be fixed by hand first; nothing is done before. */
  readonly obstacles: readonly string[]
}

/** Stands for the gate's key in a displayed plan, as long as the gate has none. */
const KEY_TO_COME = '<the key that the gate gets>'

/** Plans the setup. `without`: fronts that are left out, each once. */
export function planSetup(found: Found, places: SetupPlaces, without: readonly Front[]): Plan {
  const inForce = inForceOn(found, without)
  const isUnfinished = found.record !== undefined && !found.record.finished
  const newKeys = newKeysOf(found, without)
  const policy = policySteps(found, places)
  const afterBuild = afterBuildStep(found, inForce)
  const included = fileStep('nixsig.conf', places.included, found.included, publicFile(settingsText(inForce)))
  const unit = unitSteps(found, places, inForce, isUnfinished || newKeys.length + policy.length > 0)
  const nixConf = nixConfStep(found, places)
  const rootConf = rootConfStep(found, places, inForce)
  const doorkeepers = doorkeeperStep(found)
  const isChanged = doorkeepers.length + included.length + nixConf.length + rootConf.length > 0
  const failed = found.failedUnits ?? []
  const restarts = found.hasSystemd && (isChanged || isUnfinished || failed.length > 0)
  const steps: readonly Step[] = [
    ...policy,
    ...afterBuild,
    ...doorkeepers,
    ...included,
    ...unit,
    ...nixConf,
    ...rootConf,
    ...(restarts ? [{ kind: 'restart-daemon', failed } as const] : []),
  ]
  const record = recordOf(found, places, inForce)
  const isRecorded = found.record !== undefined && printRecord(found.record) === printRecord(record)
  return {
    steps,
    newKeys,
    record,
    isEmpty: steps.length === 0 && newKeys.length === 0 && isRecorded,
    notes: [...versionNotes(found), ...notesOn(found, inForce)],
    obstacles: [...lostPlugin(found, without), ...obstaclesIn(found, places, inForce)],
  }
}

/** The record while steps are carried out: each file may be as it was found or as planned. */
export function recordUnderWay(plan: Plan, found: Found): SetupRecord {
  const files = new Map(plan.record.files)
  for (const step of plan.steps) {
    if (step.kind !== 'file') continue
    const { role, path, before, after } = step
    if (role === 'policy' || role === 'secret') continue
    const prior = found.record?.files.get(role)
    const original = files.get(role)?.before ?? prior?.before
    const wasLeftSo = prior !== undefined && isAsLeft(before, prior)
    files.set(role, {
      ...files.get(role),
      path,
      before: original,
      after: [markOf(after), ...(wasLeftSo ? [markOf(before)] : [])],
    })
  }
  return { ...plan.record, files, finished: false }
}

/** What nix.conf names has to be there before it does. */
function doorkeeperStep({ installation: { doorkeepers } }: Found): readonly Step[] {
  if (doorkeepers === undefined || doorkeepers.areInPlace) return []
  const { directory, programs } = doorkeepers
  return [{ kind: 'doorkeepers', directory, programs }]
}

function inForceOn(found: Found, without: readonly Front[]): InForce {
  const { installation, settings } = found
  return {
    installation,
    without,
    gate: gateIn(found, without),
    otherPlugins: (settingValue(settings, 'plugin-files') ?? []).filter(file => file !== installation.plugin),
    trustedUsers: found.policy?.nix.acceptTrustedUsers ?? [],
    hasFlakes:
      (settingValue([NO_FEATURES, ...settings], 'experimental-features') ?? []).includes('flakes') ||
      settings.some(({ name }) => name === 'accept-flake-config'),
  }
}

function gateIn({ policy, gateKey }: Found, without: readonly Front[]): GateAddress | undefined {
  if (without.includes('gate')) return undefined
  const { host, port } = listenIn(policy)
  // A gate that listens on all addresses is reached at this machine's own.
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const address = reached.includes(':') ? `[${reached}]` : reached
  return { url: `http://${address}:${port}`, publicKey: gateKey ?? KEY_TO_COME }
}

function newKeysOf({ hasMachineKey, gateKey }: Found, without: readonly Front[]): Plan['newKeys'] {
  return [
    ...(hasMachineKey ? [] : (['machine'] as const)),
    ...(gateKey !== undefined || without.includes('gate') ? [] : (['gate'] as const)),
  ]
}

/**
 * The first policy, after the secrets that it names. Throws PolicyError, before anything is done.
 */
function policySteps({ policy, carried, secrets }: Found, places: SetupPlaces): readonly Step[] {
  if (policy !== undefined) return []
  const directory = dirname(places.policy)
  const toml = starterPolicy(carried, join(directory, 'attestations'))
  parsePolicy({ toml, file: places.policy, directory, certificate: () => Buffer.alloc(0) })
  const written = secretsOf(carried).flatMap(({ file, value }) =>
    fileStep('secret', join(directory, file), secrets.get(file), secretFile(`${value}\n`)),
  )
  const after = publicFile(toml)
  return [...written, { kind: 'file', role: 'policy', path: places.policy, before: undefined, after }]
}

function afterBuildStep({ afterBuild }: Found, inForce: InForce): readonly Step[] {
  if (afterBuild === undefined || !frontsIn(inForce).includes('hooks')) return []
  return fileStep('after-build', afterBuild.path, afterBuild.state, withHook(afterBuild))
}

function nixConfStep({ nixConf: { path, state } }: Found, places: SetupPlaces): readonly Step[] {
  return fileStep('nix.conf', path, state, includingState(state, places))
}

/** nix.conf with nixsig's lines. */
function includingState(state: FileState | undefined, { included }: SetupPlaces): FileState {
  const { bytes } = publicFile(withInclude(textOf(state), included))
  return state === undefined ? publicFile(bytes.toString('latin1')) : { ...state, bytes }
}

function rootConfStep(found: Found, places: SetupPlaces, inForce: InForce): readonly Step[] {
  const { path, state, isMade } = found.rootConf
  return isMade ? [] : fileStep('root.conf', path, state, rootConfState(found, places, inForce))
}

/** root's nix.conf with nixsig's lines; without them if the front is left out. */
function rootConfState(found: Found, places: SetupPlaces, inForce: InForce): FileState | undefined {
  const { state } = found.rootConf
  const hook = valueIn(inForce, 'build-hook')
  if (hook === undefined) return originalOf('root.conf', state, found, places)
  const text = withBuildHook(textOf(state), hook)
  return { ...(state ?? publicFile('')), bytes: publicFile(text).bytes }
}

function recordOf(found: Found, places: SetupPlaces, inForce: InForce): SetupRecord {
  const { nixConf, record, installation, hasSystemd } = found
  const recorded = (role: Role, path: string, state: FileState | undefined, after: FileState) => {
    const before = originalOf(role, state, found, places)
    const prior = record?.files.get(role)
    const was = prior === undefined ? before && found.unitStates?.get(role) : prior.was
    const file: RecordedFile = { path, before, after: [markOf(after)], ...(was?.length ? { was } : {}) }
    return [role, file] as const
  }
  const unit = publicFile(unitText(installation))
  const socket = publicFile(socketText(listenIn(found.policy)))
  const recordedSocket = recorded('socket-unit', places.socketUnit, found.socketUnit, socket)
  const hasUnit = inForce.gate !== undefined && hasSystemd
  const { rootConf } = found
  const hook = rootConf.isMade ? undefined : valueIn(inForce, 'build-hook')
  const named = hook === undefined ? undefined : rootConfState(found, places, inForce)
  const [list] = afterBuildStep(found, inForce)
  // Left as it was recorded unless setup writes it: what somebody adds to it later is not setup's.
  const appended =
    list?.kind === 'file' && list.after !== undefined
      ? recorded('after-build', list.path, list.before, list.after)[1]
      : record?.files.get('after-build')
  return {
    directory: installation.directory,
    ...(installation.version === undefined ? {} : { program: installation.version }),
    without: inForce.without,
    finished: true,
    nixConfDirectoryMade: record?.nixConfDirectoryMade ?? !nixConf.hasDirectory,
    files: new Map([
      recorded('nix.conf', nixConf.path, nixConf.state, includingState(nixConf.state, places)),
      recorded('nixsig.conf', places.included, found.included, publicFile(settingsText(inForce))),
      ...(hasUnit ? [recorded('unit', places.unit, found.unit, unit), recordedSocket] : []),
      ...(named === undefined ? [] : [recorded('root.conf', rootConf.path, rootConf.state, named)]),
      ...(appended === undefined ? [] : [['after-build', appended] as const]),
    ]),
  }
}
