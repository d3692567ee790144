/** Facts about a machine, for the doors to judge. Text is raw unless stated otherwise. */

import type { LogHealth } from '../decisions/health.ts'
import type { NixPublicKey } from '../formats/nix/nix-key.ts'
import type { Asked } from '../gate/ask-resident.ts'
import type { Respite } from '../ledger/respite.ts'
import type { Configuration } from '../nix-config/conf-files.ts'
import type { Settings } from '../nix-config/settings.ts'
import type { Policy } from '../policy/policy.ts'
import type { VersionsInForce } from '../setup/in-force.ts'
import type { Learned } from './door.ts'

/** All facts that the doors are judged by. */
export interface Facts {
  /** Seconds since 1970. */
  readonly now: number
  /** root's own Nix, and the daemon's if one runs. */
  readonly views: readonly [View, ...View[]]
  /** Which nixsig is in force, and the directory of the one that asks. */
  readonly versions: Learned<VersionsInForce & { readonly own: string }>
  /** Undefined: no daemon runs and no socket would start one. */
  readonly daemon: Learned<DaemonFacts | undefined>
  /** A Nix process that root has just started. */
  readonly ownProcess: Learned<Loaded>
  readonly files: FileFacts
  /** During a respite, the policy as the respite changes it. */
  readonly policy: Learned<Policy>
  /** The books of the policy's lists. */
  readonly lists: Learned<readonly ListFacts[]>
  /** The respite that was given last. */
  readonly respite: Learned<Respite | undefined>
  readonly gate: GateFacts
  readonly machine: MachineFacts
  /** The decision log; undefined where the policy keeps none. */
  readonly log: Learned<LogHealth | undefined>
  readonly canaries: CanaryFacts
  /** Advisories (CVE-… or GHSA-…) that are fixed in this machine's Nix, as the user states. */
  readonly mended: readonly string[]
}

/** A list that the policy names. */
export interface ListFacts {
  readonly name: string
  /** Why its book is not here or not whole; safe to print. Undefined: every byte of it was read. */
  readonly problem: string | undefined
  /** From when on it does not count, in seconds since 1970; undefined without a book. */
  readonly until: number | undefined
}

/** One Nix and the configuration that it uses. */
export interface View {
  readonly who: 'root' | 'nix-daemon'
  readonly settings: Learned<Settings>
  readonly configuration: Configuration
  /** As `nix --version` prints it. */
  readonly version: Learned<string>
}

/** A running nix-daemon. */
export interface DaemonFacts {
  /** Milliseconds since 1970. */
  readonly started: number
  /** The settings that its command line sets. */
  readonly optionNames: readonly string[]
  readonly isForcedToTrust: boolean
  readonly loaded: Learned<Loaded>
}

/** What a Nix process has loaded into memory. */
export interface Loaded {
  /** `replaced`: the file was replaced since. */
  readonly plugin: 'loaded' | 'replaced' | 'absent'
  /** Whether a plugin can find its SQLite by symbol name. */
  readonly offersSqlite: boolean
}

/** The parts of this installation that a setting can name. */
export type Part = 'pre-build-hook' | 'post-build-hook' | 'build-hook' | 'plugin'

/** A program or plugin that a setting names. */
export interface ProgramFile {
  /** It is absent, not executable, or could have been written by another user; safe to print. */
  readonly problem: string | undefined
  /** Which part of this installation it is; undefined if it is not one. */
  readonly part: Part | undefined
}

/** Facts about the files that settings name. */
export interface FileFacts {
  /** By the name in the setting. */
  readonly programs: ReadonlyMap<string, ProgramFile>
  /** For the files in `secret-key-files`: their public keys, 32 raw bytes. */
  readonly secretKeys: ReadonlyMap<string, Learned<Uint8Array>>
  /** For the files in `builders`: whether they list a machine. */
  readonly machines: ReadonlyMap<string, Learned<boolean>>
  /** What is wrong with the protection of nix.conf and its includes; safe to print. */
  readonly confProblems: Learned<readonly string[]>
  /** How many settings of flakes root has accepted permanently. */
  readonly acceptedFlakeSettings: Learned<number>
}

/** Facts about the gate. */
export interface GateFacts {
  /** Addresses under which this machine's Nix may know the gate, without a trailing slash. */
  readonly urls: Learned<readonly string[]>
  /** Empty while it has no key yet; several while a fleet replaces its key. */
  readonly keys: Learned<readonly NixPublicKey[]>
  readonly socket: Learned<Asked>
  readonly health: Learned<HttpAnswer>
  /** The answer to a request for a path that cannot exist. */
  readonly narinfo: Learned<HttpAnswer>
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

/** What the ledger of this machine knows. */
export interface LedgerFacts {
  /** Whether there is a state directory at all. */
  readonly isThere: boolean
  /** How many of the paths of the running system have an entry; undefined where it is not NixOS. */
  readonly system: { readonly known: number; readonly paths: number } | undefined
}

/** Facts about files on disk, other than the configuration. */
export interface MachineFacts {
  readonly ledger: Learned<LedgerFacts>
  /**
   * What lets users other than root write to the store or its database; safe to print, as are the
   * next two.
   */
  readonly storeProblems: Learned<readonly string[]>
  readonly stateProblems: Learned<readonly string[]>
  readonly bundleProblems: Learned<readonly string[]>
  /**
   * The newest time of the files in the state directory and of the program itself: seconds since
   * 1970.
   */
  readonly newestFile: Learned<number>
}

/** The front that nixsig was asked by, according to Nix's message around the refusal. */
export type RefusingFront = 'plugin' | 'pre-build-hook' | 'build-hook' | 'post-build-hook'

/** The result of an attempt to bring something in. */
export type Canary =
  | { readonly kind: 'refused'; readonly by: string; readonly front: RefusingFront }
  /** It did not come in, but for another reason; safe to print. */
  | { readonly kind: 'failed'; readonly why: string }
  /** `isJudged`: according to the ledger the policy let it in. */
  | { readonly kind: 'let in'; readonly isJudged: boolean }

/** The results of all attempts. */
export interface CanaryFacts {
  readonly importByRoot: Learned<Canary>
  readonly buildByRoot: Learned<Canary>
  /**
   * A build that runs locally (`preferLocalBuild`), about which Nix does not ask the build-hook.
   */
  readonly keptBuildByRoot: Learned<Canary>
  /** Undefined: no daemon runs. */
  readonly importByDaemon: Learned<Canary> | undefined
  readonly buildByDaemon: Learned<Canary> | undefined
  readonly keptBuildByDaemon: Learned<Canary> | undefined
  /** Paths that could not be removed again. */
  readonly leftovers: readonly string[]
}
