/** What was found out about a machine, for the doors to judge. Text in it is raw unless it says otherwise. */

import type { NixPublicKey } from '../formats/nix/nix-key.ts'
import type { Asked } from '../gate/ask-resident.ts'
import type { Respite } from '../ledger/respite.ts'
import type { Configuration } from '../nix-config/conf-files.ts'
import type { Settings } from '../nix-config/settings.ts'
import type { Policy } from '../policy/policy.ts'
import type { Learned } from './door.ts'

export interface Facts {
  /** Seconds since 1970. */
  readonly now: number
  /** Root's own Nix, and the daemon's where one runs. */
  readonly views: readonly [View, ...View[]]
  /** Undefined: none runs, and nobody waits to start one. */
  readonly daemon: Learned<DaemonFacts | undefined>
  /** A Nix that root has just started. */
  readonly ownProcess: Learned<Loaded>
  readonly files: FileFacts
  /** In a respite as it is taken then. */
  readonly policy: Learned<Policy>
  /** The one that was given last. */
  readonly respite: Learned<Respite | undefined>
  readonly gate: GateFacts
  readonly machine: MachineFacts
  readonly canaries: CanaryFacts
  /** Advisories (CVE-… or GHSA-…) of which whoever asks says that this machine's Nix has them mended. */
  readonly mended: readonly string[]
}

/** One Nix as it takes its configuration. */
export interface View {
  readonly who: 'root' | 'nix-daemon'
  readonly settings: Learned<Settings>
  readonly configuration: Configuration
  /** As `nix --version` prints it. */
  readonly version: Learned<string>
}

export interface DaemonFacts {
  /** Milliseconds since 1970. */
  readonly started: number
  /** Names of the settings that its command line sets. */
  readonly optionNames: readonly string[]
  readonly isForcedToTrust: boolean
  readonly loaded: Learned<Loaded>
}

/** What a process of Nix has in its memory. */
export interface Loaded {
  /** `replaced`: another file lies there by now. */
  readonly plugin: 'loaded' | 'replaced' | 'absent'
  /** Whether a plugin can find its SQLite by name. */
  readonly offersSqlite: boolean
}

/** What a file of this installation is for. */
export type Part = 'pre-build-hook' | 'post-build-hook' | 'build-hook' | 'plugin'

/** A program or plugin that a setting names. */
export interface ProgramFile {
  /** It is not there, not executable, or could be somebody else's work; safe to print. */
  readonly problem: string | undefined
  /** Which part of this installation it is; undefined: none. */
  readonly part: Part | undefined
}

export interface FileFacts {
  /** By the name that a setting has for it. */
  readonly programs: ReadonlyMap<string, ProgramFile>
  /** Of the files that `secret-key-files` names: the public halves, 32 raw bytes. */
  readonly secretKeys: ReadonlyMap<string, Learned<Uint8Array>>
  /** Of the files that `builders` names: whether they list any. */
  readonly machines: ReadonlyMap<string, Learned<boolean>>
  /** What is wrong with the protection of nix.conf and what it includes; safe to print. */
  readonly confProblems: Learned<readonly string[]>
  /** Flakes' settings that root once accepted for good: how many. */
  readonly acceptedFlakeSettings: Learned<number>
}

export interface GateFacts {
  /** Addresses under which this machine's Nix may know the gate, without a slash at the end. */
  readonly urls: Learned<readonly string[]>
  /** Undefined: it has none yet. */
  readonly key: Learned<NixPublicKey | undefined>
  readonly socket: Learned<Asked>
  readonly health: Learned<HttpAnswer>
  /** To a request for a path that nobody ever made. */
  readonly narinfo: Learned<HttpAnswer>
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

export interface MachineFacts {
  /** What lets others than root write to the store or its database; safe to print, as are the two below. */
  readonly storeProblems: Learned<readonly string[]>
  readonly stateProblems: Learned<readonly string[]>
  readonly bundleProblems: Learned<readonly string[]>
  /** The newest time that files of the state directory, or the program itself, have: seconds since 1970. */
  readonly newestFile: Learned<number>
}

/** By which of its fronts nixsig was asked, as Nix's own words around the refusal tell. */
export type RefusingFront = 'plugin' | 'pre-build-hook' | 'build-hook' | 'post-build-hook'

/** What came of trying to bring something in. */
export type Canary =
  | { readonly kind: 'refused'; readonly by: string; readonly front: RefusingFront }
  /** It did not come in, but for another reason, which is safe to print. */
  | { readonly kind: 'failed'; readonly why: string }
  /** `isJudged`: the ledger says that the policy let it in. */
  | { readonly kind: 'let in'; readonly isJudged: boolean }

export interface CanaryFacts {
  readonly importByRoot: Learned<Canary>
  readonly buildByRoot: Learned<Canary>
  /** A build that Nix keeps to itself (`preferLocalBuild`), and asks no build-hook about. */
  readonly keptBuildByRoot: Learned<Canary>
  /** Undefined: there is no daemon. */
  readonly importByDaemon: Learned<Canary> | undefined
  readonly buildByDaemon: Learned<Canary> | undefined
  readonly keptBuildByDaemon: Learned<Canary> | undefined
  /** What could not be removed again: paths. */
  readonly leftovers: readonly string[]
}
