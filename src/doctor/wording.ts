/** The remedy for each door, and the text of findings. */
import { type Finding, isHole, type State } from './door.ts'

/** By the name of the door; docs/how-to/doctor.md explains each. */
const REMEDIES = {
  'nix.conf': 'make nix.conf what it should be (nixsig setup)',
  'nix.conf-protection':
    'have these files, and the directories above them, belong to root and be writable by nobody else',
  'daemon-age': 'restart nix-daemon',
  'daemon-overrides': 'take them from NIX_CONFIG or the arguments of the service, and restart nix-daemon',
  'nix-version': 'use a Nix from 2.8 on that nixsig was tried with',
  'nix-advisories':
    'use a Nix in which they are fixed; if your distribution fixed one, say so: nixsig doctor --mended CVE-…',
  sqlite: 'use a Nix that is linked with SQLite as a shared library',
  'plugin-files': 'set: plugin-files = the nixsig-plugin.so of nixsig (nixsig setup)',
  'plugin-loaded': 'see plugin-files, then restart nix-daemon',
  'pre-build-hook': "set: pre-build-hook = nixsig's (nixsig setup)",
  'post-build-hook': "set: post-build-hook = nixsig's (nixsig setup)",
  'build-hook': "set: build-hook = nixsig's (nixsig setup)",
  sandbox: 'set: sandbox = true',
  'sandbox-fallback': 'set: sandbox-fallback = false',
  'experimental-features':
    'take ca-derivations, dynamic-derivations and impure-derivations from experimental-features',
  'trusted-users': 'set: trusted-users = root',
  'allowed-users': '',
  'accept-flake-config': 'set: accept-flake-config = false',
  builders: "set: build-hook = nixsig's (nixsig setup), and guard the builders as well",
  'import-from-derivation': '',
  'substitute-and-fallback': '',
  substituters: "set: substituters = the gate's address",
  'trusted-substituters': 'set: trusted-substituters =',
  'trusted-public-keys': 'set: trusted-public-keys = the line in /var/lib/nixsig/gate.pub',
  'trusted-stores': 'take trusted=… from their addresses',
  'require-sigs': 'set: require-sigs = true',
  'narinfo-ttl': 'set: narinfo-cache-positive-ttl = 0, narinfo-cache-negative-ttl = 0',
  'secret-key-files': "take the gate's key from secret-key-files",
  policy: 'nixsig policy check',
  mode: 'nixsig enforce',
  'policy-dates': 'renew it in the policy, or take it out',
  lists: 'nixsig trust update',
  'gate-socket': 'start the gate (nixsig serve)',
  'gate-http': 'start the gate (nixsig serve), or look at its log',
  store: "install Nix for many users: the store and its database have to be root's",
  state: 'give it back to root (chown root, chmod go-w), and think about who could have written there',
  ledger:
    'nixsig verify --recursive --quiet /run/current-system says what nobody vouches for: restore the state, or have these paths attested, or build them anew',
  'decision-log': 'nixsig log verify',
  bundle: 'reinstall nixsig where only root can write',
  versions: 'nixsig setup with the version that you want, then restart the gate and nix-daemon',
  clock: 'set the clock',
  'import-by-root': 'see plugin-files and plugin-loaded',
  'import-by-daemon': 'see plugin-files and plugin-loaded, and restart nix-daemon',
  'build-by-root': 'see pre-build-hook, build-hook and sandbox',
  'build-by-daemon': 'see pre-build-hook, build-hook and sandbox, and restart nix-daemon',
  'kept-build-by-root': 'see pre-build-hook and sandbox',
  'kept-build-by-daemon': 'see pre-build-hook and sandbox, and restart nix-daemon',
  effects: 'restart nix-daemon; see docs/how-to/build-hook.md about build-hook',
  leftovers: '',
} as const

export type DoorName = keyof typeof REMEDIES

/** The names of all doors. */
export const DOOR_NAMES = Object.keys(REMEDIES) as readonly DoorName[]

/** What to do about a door that is not closed; empty if nothing can be done. */
export function remedyOf(door: DoorName, finding: Finding): string {
  return isHole(finding) || finding.state === 'warning' ? (finding.remedy ?? REMEDIES[door]) : ''
}

const WIDTH = 'not applicable'.length

/** A door as one line; `paint` colours the state. */
export function doorLine(door: DoorName, finding: Finding, paint: (text: string) => string): string {
  const remedy = remedyOf(door, finding)
  const words = finding.state.padEnd(WIDTH)
  return `${paint(words)}  ${door}: ${finding.detail}${remedy === '' ? '' : ` (${remedy})`}`
}

/** The last line: how many doors there are in each state. */
export function summaryLine(states: readonly State[]): string {
  const count = (state: State) => states.filter(one => one === state).length
  const [open, unknown, warnings] = [count('open'), count('unknown'), count('warning')]
  const end = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`
  if (open + unknown > 0) return `${open} open, ${unknown} unknown, ${count('closed')} closed${end}`
  return `${warnings === 0 ? 'all ' : ''}${count('closed')} doors are closed${end}`
}
