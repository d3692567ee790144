import type { Policy } from '../policy/policy.ts'
import type { FileState } from './file-state.ts'
import type { Installation } from './installation.ts'
import type { Setting } from './nix-conf.ts'
import type { SetupRecord } from './record.ts'

/** The files that setup changes, as they are. */
export interface FoundFiles {
  readonly nixConf: {
    /** Where it really lies, after symbolic links. */
    readonly path: string
    readonly state: FileState | undefined
    readonly hasDirectory: boolean
  }
  readonly included: FileState | undefined
  readonly unit: FileState | undefined
  readonly rootConf: {
    readonly path: string
    readonly state: FileState | undefined
    /** Another program makes it. */
    readonly isMade: boolean
  }
  readonly record: SetupRecord | undefined
  readonly hasSystemd: boolean
}

/** All that a plan rests on. */
export interface Found extends FoundFiles {
  readonly installation: Installation
  /** What nix.conf and the files that it includes set, in order; nixsig's own file is left out. */
  readonly settings: readonly Setting[]
  /** What Nix reads after it. */
  readonly later: readonly Setting[]
  /** Undefined: there is none yet. */
  readonly policy: Pick<Policy, 'mode' | 'gate'> | undefined
  readonly hasMachineKey: boolean
  /** The public half; undefined: there is none yet. */
  readonly gateKey: string | undefined
}
