/** A well-configured machine, for tests that make one hole. */

import type { Door } from '../../src/doctor/doors.ts'
import { judgeDoors } from '../../src/doctor/doors.ts'
import type { Facts, ProgramFile, RefusingFront, View } from '../../src/doctor/facts.ts'
import type { DoorName } from '../../src/doctor/wording.ts'
import { parseNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import type { Settings } from '../../src/nix-config/settings.ts'
import { policyOf } from '../policy/policies.ts'

export const NOW = 1_800_000_000
export const GATE_KEY = 'gate-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='
export const OTHER_KEY = 'gate-1:EpTFvmwt6KlmMeKIgfrH1LoEaPN6igaL2wh+9bEyRUw='
const URL = 'http://127.0.0.1:4649'

const SETTINGS: Readonly<Record<string, string>> = {
  'accept-flake-config': 'false',
  'allow-import-from-derivation': 'true',
  'allowed-users': '*',
  'build-hook': '/opt/nixsig/build-hook',
  builders: '@/etc/nix/machines',
  'experimental-features': 'flakes nix-command',
  fallback: 'false',
  'narinfo-cache-negative-ttl': '0',
  'narinfo-cache-positive-ttl': '0',
  'plugin-files': '/opt/nixsig/native/nixsig-plugin.so',
  'post-build-hook': '/opt/nixsig/native/post-build-hook',
  'pre-build-hook': '/opt/nixsig/native/pre-build-hook',
  'require-sigs': 'true',
  sandbox: 'true',
  'sandbox-fallback': 'false',
  'secret-key-files': '',
  store: 'auto',
  substitute: 'true',
  substituters: URL,
  'trusted-public-keys': GATE_KEY,
  'trusted-substituters': '',
  'trusted-users': 'root',
}

const CONF = { path: '/etc/nix/nix.conf', changed: 1_700_000_000_000 }

/** One Nix with good settings, except for these. */
export function view(who: View['who'], settings: Readonly<Record<string, string>> = {}): View {
  return {
    who,
    settings: { value: new Map(Object.entries({ ...SETTINGS, ...settings })) satisfies Settings },
    configuration: { files: [CONF], assignments: [], problems: [], missing: [] },
    version: { value: 'nix (Nix) 2.34.8' },
  }
}

const good = (part: ProgramFile['part']): ProgramFile => ({ problem: undefined, part })
const loaded = { value: { plugin: 'loaded', offersSqlite: true } } as const
const refusedBy = <Front extends RefusingFront>(front: Front) =>
  ({ value: { kind: 'refused', by: 'nixsig: refused it', front } }) as const

export const WELL: Facts = {
  now: NOW,
  views: [view('root'), view('nix-daemon')],
  daemon: { value: { started: 1_750_000_000_000, optionNames: [], isForcedToTrust: false, loaded } },
  versions: {
    value: { own: '/opt/nixsig', programs: '/opt/nixsig', gates: ['/opt/nixsig'], plugin: undefined },
  },
  ownProcess: loaded,
  files: {
    programs: new Map([
      ['/opt/nixsig/native/pre-build-hook', good('pre-build-hook')],
      ['/opt/nixsig/native/post-build-hook', good('post-build-hook')],
      ['/opt/nixsig/build-hook', good('build-hook')],
      ['/opt/nixsig/native/nixsig-plugin.so', good('plugin')],
      ['/usr/bin/other', good(undefined)],
      ['/opt/open.so', { problem: '/opt/open.so is writable by others', part: undefined }],
    ]),
    secretKeys: new Map(),
    machines: new Map([['/etc/nix/machines', { value: false }]]),
    confProblems: { value: [] },
    acceptedFlakeSettings: { value: 0 },
  },
  respite: { value: undefined },
  policy: {
    value: policyOf(
      'version = 1\nmode = "enforce"\n[default]\nrequire = { source = "nothing", derivation = "nothing", output = "nothing" }\n',
    ),
  },
  lists: { value: [] },
  gate: {
    urls: { value: [URL, 'http://localhost:4649'] },
    keys: { value: [parseNixPublicKey(GATE_KEY)] },
    socket: {
      value: {
        kind: 'answered',
        reply: { outcome: 'refuse', sentence: 'no', notice: '', telling: { isByLine: false, versions: [] } },
      },
    },
    health: { value: { status: 200, text: 'ok' } },
    narinfo: { value: { status: 404, text: '' } },
  },
  machine: {
    ledger: { value: { isThere: true, system: { known: 7, paths: 7 } } },
    storeProblems: { value: [] },
    stateProblems: { value: [] },
    bundleProblems: { value: [] },
    newestFile: { value: NOW - 10 },
  },
  log: { value: { lines: 7, unfolded: 7, problems: [] } },
  canaries: {
    importByRoot: refusedBy('plugin'),
    importByDaemon: refusedBy('plugin'),
    buildByRoot: refusedBy('build-hook'),
    buildByDaemon: refusedBy('build-hook'),
    keptBuildByRoot: refusedBy('pre-build-hook'),
    keptBuildByDaemon: refusedBy('pre-build-hook'),
    leftovers: [],
  },
  mended: [],
}

/** A machine that is well configured except for these settings, of its daemon or of every Nix. */
export function withSettings(
  settings: Readonly<Record<string, string>>,
  who: 'nix-daemon' | 'both' = 'both',
): Facts {
  const root = who === 'both' ? view('root', settings) : view('root')
  return { ...WELL, views: [root, view('nix-daemon', settings)] }
}

/** The finding about one door. */
export function judge(door: DoorName, facts: Facts): Door {
  const found = judgeDoors(facts).find(one => one.door === door)
  if (found === undefined) throw new Error(`there is no door ${door}`)
  return found
}

/** The names of the doors that are not closed, with their states. */
export function holes(facts: Facts): readonly string[] {
  return judgeDoors(facts)
    .filter(({ state }) => state === 'open' || state === 'unknown')
    .map(({ door, state }) => `${door} ${state}`)
}
