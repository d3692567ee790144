/**
 * Security advisories of Nix (github.com/NixOS/nix/security/advisories) from 2.8 on, the oldest
 * version that nixsig works with. The versions are those whose tags contain the fix. Distributions
 * backport fixes to older ones, which no version number tells.
 */
import {
  BUILD_DIRECTORY_CLOSED,
  FIXED_OUTPUTS_COPIED,
  isMended,
  type Mend,
  type NixVersion,
} from './nix-version.ts'

/** One security advisory, and what nixsig does about it. */
export interface Advisory {
  readonly id: `GHSA-${string}`
  /** The CVE numbers of the same fault. Empty if they are not known. */
  readonly cves: readonly `CVE-${string}`[]
  /** Who can do what. */
  readonly what: string
  /** The versions that are affected; if absent, all from 2.8 on. */
  readonly since?: Mend
  readonly mended: Mend
  /** What is known about Lix. */
  readonly lix?: string
  /** Whether nixsig prevents the effect, reduces it, or cannot help. */
  readonly nixsig: 'blunts' | 'narrows' | 'cannot'
  /** How it does, or why it cannot: a sentence without a full stop. */
  readonly how: string
}

/** Who can have anything built depends on what the policy requires of derivations. */
const NO_BUILD =
  'if the policy requires a signature on derivations, no build of an attacker starts; if it requires none, it does'

/** All advisories. */
export const ADVISORIES: readonly Advisory[] = [
  {
    id: 'GHSA-2ffj-w4mj-pg37',
    cves: ['CVE-2024-27297'],
    what: 'a build that fetches can hand out a descriptor of its output, and whoever has it can change the valid path',
    mended: FIXED_OUTPUTS_COPIED,
    nixsig: 'blunts',
    how: 'the output is copied to fresh inodes and hashed before it is admitted',
  },
  {
    id: 'GHSA-q82p-44mg-mgh5',
    cves: ['CVE-2024-38531'],
    what: 'any build can open its directory to a user outside, who can then act as the build user, or take a descriptor of the output',
    mended: BUILD_DIRECTORY_CLOSED,
    nixsig: 'narrows',
    how: `outputs made here are copied to fresh inodes and hashed before they are admitted; whoever acts as a build user can still tamper with a later build: ${NO_BUILD}`,
  },
  {
    id: 'GHSA-h4vv-h3jq-v493',
    cves: ['CVE-2024-45593'],
    what: 'the contents of a NAR can be written outside its path, as the daemon',
    since: { from: 24, branches: {} },
    mended: { from: 25, branches: { 24: 6 } },
    nixsig: 'narrows',
    how: 'the gate passes on no NAR with contents other than those judged; an import by a user is unpacked before the plugin is asked',
  },
  {
    id: 'GHSA-6fjr-mq49-mm2c',
    cves: ['CVE-2024-47174'],
    what: 'builtin:fetchurl accepts any TLS certificate, so somebody on the way can read credentials of netrc',
    mended: { from: 25, branches: { 18: 8, 19: 7, 20: 9, 21: 5, 22: 4, 23: 4, 24: 8 } },
    nixsig: 'narrows',
    how: 'what is fetched is checked against its hash and judged; the credentials that Nix sends are not protected',
  },
  {
    id: 'GHSA-g948-229j-48j3',
    cves: ['CVE-2025-46415', 'CVE-2025-52991', 'CVE-2025-52992', 'CVE-2025-52993'],
    what: 'builds that work together can exchange directories while the daemon, as root, cleans up or changes owners',
    mended: { from: 30, branches: { 24: 15, 26: 4, 28: 4, 29: 1 } },
    lix: 'fixed in 2.91.2, 2.92.2 and 2.93.1',
    nixsig: 'narrows',
    how: NO_BUILD,
  },
  {
    id: 'GHSA-g3g9-5vj6-r3gj',
    cves: ['CVE-2026-39860'],
    what: 'a build that fetches can make the daemon, as root, write its output over any file',
    since: { from: 21, branches: { 18: 2, 19: 4, 20: 5 } },
    mended: { from: 35, branches: { 28: 6, 29: 3, 30: 4, 31: 4, 32: 7, 33: 4, 34: 5 } },
    lix: 'not affected',
    nixsig: 'narrows',
    how: NO_BUILD,
  },
  {
    id: 'GHSA-vh5x-56v6-4368',
    cves: ['CVE-2026-44028'],
    what: 'a NAR with deeply nested directories overwrites memory of the daemon; anybody who may talk to the daemon can send it',
    since: { from: 25, branches: { 24: 4 } },
    mended: { from: 35, branches: { 28: 7, 29: 4, 30: 5, 31: 5, 32: 8, 33: 6, 34: 7 } },
    lix: 'from 2.93.0; fixed in 2.93.4, 2.94.2 and 2.95.2',
    nixsig: 'cannot',
    how: 'the NAR is read before anything is asked; allowed-users says who may talk to the daemon',
  },
  {
    id: 'GHSA-gr92-w2r5-qw5p',
    cves: [],
    what: 'an archive that Nix unpacks can write outside the directory that it is unpacked to',
    mended: { from: 35, branches: { 28: 7, 29: 4, 30: 5, 31: 5, 32: 8, 33: 6, 34: 7 } },
    nixsig: 'cannot',
    how: 'evaluation unpacks archives as the user who evaluates, and asks nobody',
  },
]

/** The advisories that affect a version of Nix, by its number alone, without backported fixes. */
export function advisoriesOn(version: NixVersion): readonly Advisory[] {
  return ADVISORIES.filter(
    ({ since, mended }) => (since === undefined || isMended(version, since)) && !isMended(version, mended),
  )
}

/** The names of an advisory, CVE numbers first. */
export function namesOf({ cves, id }: Advisory): readonly string[] {
  return [...cves, id]
}
