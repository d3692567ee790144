/** All doors, in the order in which they are reported. */
import * as build from './build-doors.ts'
import * as cache from './cache-doors.ts'
import * as canary from './canary-doors.ts'
import * as configuration from './configuration-doors.ts'
import type { Finding } from './door.ts'
import * as effect from './effect-door.ts'
import type { Facts } from './facts.ts'
import * as hook from './hook-doors.ts'
import * as log from './log-door.ts'
import * as machine from './machine-doors.ts'
import * as policy from './policy-doors.ts'
import type { DoorName } from './wording.ts'

/** A finding with the name of its door. */
export interface Door extends Finding {
  readonly door: DoorName
}

const DOORS: Readonly<Record<DoorName, (facts: Facts) => Finding>> = {
  'nix.conf': configuration.configuration,
  'nix.conf-protection': configuration.confFiles,
  'daemon-age': configuration.daemonAge,
  'daemon-overrides': configuration.daemonOverrides,
  'nix-version': hook.nixVersion,
  'nix-advisories': hook.nixAdvisories,
  sqlite: hook.sqlite,
  'plugin-files': hook.pluginFiles,
  'plugin-loaded': hook.pluginLoaded,
  'pre-build-hook': hook.preBuildHook,
  'post-build-hook': hook.postBuildHook,
  'build-hook': hook.buildHook,
  sandbox: build.sandbox,
  'sandbox-fallback': build.sandboxFallback,
  'experimental-features': build.experimentalFeatures,
  'trusted-users': build.trustedUsers,
  'allowed-users': build.allowedUsers,
  'accept-flake-config': build.acceptFlakeConfig,
  builders: build.builders,
  'import-from-derivation': build.importFromDerivation,
  'substitute-and-fallback': build.substituteAndFallback,
  substituters: cache.substituters,
  'trusted-substituters': cache.trustedSubstituters,
  'trusted-public-keys': cache.trustedPublicKeys,
  'trusted-stores': cache.trustedStores,
  'require-sigs': cache.requireSigs,
  'narinfo-ttl': cache.narinfoTtl,
  'secret-key-files': cache.secretKeyFiles,
  policy: policy.policy,
  mode: policy.mode,
  'policy-dates': policy.policyDates,
  lists: policy.lists,
  'gate-socket': machine.gateSocket,
  'gate-http': machine.gateHttp,
  store: machine.store,
  state: machine.state,
  ledger: machine.ledger,
  'decision-log': log.decisionLog,
  bundle: machine.bundle,
  versions: machine.versions,
  clock: machine.clock,
  'import-by-root': canary.importByRoot,
  'import-by-daemon': canary.importByDaemon,
  'build-by-root': canary.buildByRoot,
  'build-by-daemon': canary.buildByDaemon,
  'kept-build-by-root': canary.keptBuildByRoot,
  'kept-build-by-daemon': canary.keptBuildByDaemon,
  effects: effect.effects,
  leftovers: canary.leftovers,
}

/** Doors that only an attempt to come in by them shows. */
export const TRIED_DOORS: readonly DoorName[] = [
  'import-by-root',
  'import-by-daemon',
  'build-by-root',
  'build-by-daemon',
  'kept-build-by-root',
  'kept-build-by-daemon',
  'effects',
  'leftovers',
]

/** Judges all doors. */
export function judgeDoors(facts: Facts): readonly Door[] {
  return Object.entries(DOORS).map(([door, judge]) => ({ door: door as DoorName, ...judge(facts) }))
}
