import { type FileState, isSameState, publicFile, textOf } from './file-state.ts'
import type { FoundFiles } from './found.ts'
import { withoutInclude } from './include-line.ts'
import type { SetupPlaces } from './places.ts'
import { isAsLeft, type RecordedFile, type Role } from './record.ts'
import { hasBuildHook, withoutBuildHook } from './root-conf.ts'
import { HEADER } from './unit.ts'

/**
 * The state of a file before nixsig, or without nixsig's lines if somebody changed it since;
 * undefined if it was absent. Without a record, the lines of an earlier setup are recognised by
 * their text.
 */
export function originalOf(
  role: Role,
  state: FileState | undefined,
  found: FoundFiles,
  { included }: SetupPlaces,
): FileState | undefined {
  const prior = priorOf(role, found)
  if (prior !== undefined && (isSameState(state, prior.before) || isAsLeft(state, prior))) return prior.before
  if (role !== 'nix.conf' && role !== 'root.conf') {
    if (prior !== undefined) return prior.before
    return isOwnFile(state) ? undefined : state
  }
  if (state === undefined) return undefined
  const text = role === 'nix.conf' ? withoutInclude(textOf(state), included) : withoutBuildHook(textOf(state))
  const wasMissing = prior === undefined ? hasBuildHook(textOf(state)) : prior.before === undefined
  return wasMissing && text === '' ? undefined : { ...state, bytes: publicFile(text).bytes }
}

/** What an earlier setup recorded about a file. */
export function priorOf(role: Role, { record, nixConf, rootConf }: FoundFiles): RecordedFile | undefined {
  const prior = record?.files.get(role)
  // A link that now leads elsewhere leads to a file that setup has not recorded.
  const lies = {
    'nix.conf': nixConf.path,
    'root.conf': rootConf.path,
    'nixsig.conf': prior?.path,
    unit: prior?.path,
    'socket-unit': prior?.path,
    'after-build': prior?.path,
  }
  return prior?.path === lies[role] ? prior : undefined
}

/** Whether a file's own header says that nixsig wrote it. */
export function isOwnFile(state: FileState | undefined): boolean {
  return textOf(state).startsWith(`# ${HEADER}\n`)
}
