import { type FileState, isSameState } from './file-state.ts'
import type { Role, UnitState } from './record.ts'

/** One action. */
export type Step =
  | {
      readonly kind: 'file'
      readonly role: Role | 'policy' | 'secret'
      readonly path: string
      readonly before: FileState | undefined
      /** Undefined: the file is deleted. */
      readonly after: FileState | undefined
    }
  /** `socket`: whether systemd goes on listening as it does, if it does. */
  | { readonly kind: 'start-gate'; readonly socket: 'kept' | 'renewed' }
  | { readonly kind: 'stop-gate'; readonly units: readonly string[] }
  /** A unit of the user's becomes again what it was. */
  | { readonly kind: 'resume'; readonly unit: string; readonly was: readonly UnitState[] }
  /** `failed`: its units that have failed, and are started again. */
  | { readonly kind: 'restart-daemon'; readonly failed?: readonly string[] }
  /** `programs`: where the doorkeepers' link leads; undefined removes them. */
  | { readonly kind: 'doorkeepers'; readonly directory: string; readonly programs: string | undefined }

/** The step that changes a file; none if it stays as it is. */
export function fileStep(
  role: Role | 'secret',
  path: string,
  before: FileState | undefined,
  after: FileState | undefined,
): readonly Step[] {
  return isSameState(before, after) ? [] : [{ kind: 'file', role, path, before, after }]
}
