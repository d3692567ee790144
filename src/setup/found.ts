import type { Policy } from '../policy/policy.ts'
import type { AfterBuild } from './after-build.ts'
import type { Carried } from './carry/carried.ts'
import type { FileState } from './file-state.ts'
import type { Installation } from './installation.ts'
import type { Setting } from './nix-conf.ts'
import type { Role, SetupRecord, UnitState } from './record.ts'

/** The files that setup changes, in their current state. */
export interface FoundFiles {
  readonly nixConf: {
    /** The real path, after symbolic links. */
    readonly path: string
    readonly state: FileState | undefined
    readonly hasDirectory: boolean
  }
  readonly included: FileState | undefined
  readonly unit: FileState | undefined
  readonly socketUnit: FileState | undefined
  readonly rootConf: {
    readonly path: string
    readonly state: FileState | undefined
    /** Whether another program generates it. */
    readonly isMade: boolean
  }
  /** The list of programs that run after a build. */
  readonly afterBuild?: { readonly path: string; readonly state: FileState | undefined }
  readonly record: SetupRecord | undefined
  /** Whether the directory of the doorkeepers is there. */
  readonly hasDoorkeepers: boolean
  readonly hasSystemd: boolean
}

/** Everything that a plan depends on. */
export interface Found extends FoundFiles {
  readonly afterBuild?: AfterBuild
  /** What a first policy says, or would say. */
  readonly carried: Carried
  /** The files that hold its secrets, as they are now, by their names there. */
  readonly secrets: ReadonlyMap<string, FileState | undefined>
  readonly installation: Installation
  /**
   * The settings of nix.conf and the files that it includes, in order, without nixsig's own file.
   */
  readonly settings: readonly Setting[]
  /** Settings that Nix reads after these. */
  readonly later: readonly Setting[]
  /** Undefined if there is no policy yet. */
  readonly policy: Pick<Policy, 'mode' | 'gate' | 'nix' | 'principals' | 'http'> | undefined
  readonly hasMachineKey: boolean
  /** The gate's public key; undefined if there is none yet. */
  readonly gateKey: string | undefined
  /** What systemd makes of the units of the gate, whoever wrote them, by their roles. */
  readonly unitStates?: ReadonlyMap<Role, readonly UnitState[]>
  /** The units of nix-daemon that have failed. */
  readonly failedUnits?: readonly string[]
}
