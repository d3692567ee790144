/**
 * What nixsig knows about versions of Nix, and which of them have which faults fixed. The C code
 * and the NixOS module repeat a few of these numbers; test/formats/nix/nix-version.test.ts compares
 * them.
 */

/** Major, minor and patch. */
export type NixVersion = readonly [number, number, number]

/** A range of minor versions of Nix 2, including both ends. */
export interface MinorVersions {
  readonly first: number
  readonly last: number
}

/**
 * The versions in which hooks and plugins are known to do what nixsig relies on: 2.8, 2.26 and 2.34
 * were tested, and the source of all versions in between was read. Older ones lack what the plugin
 * needs.
 */
export const KNOWN: MinorVersions = { first: 8, last: 35 }

/**
 * Versions that replace the build-hook setting of nix.conf with their own program
 * (NixOS/nix#15083).
 */
export const FORGETS_BUILD_HOOK: MinorVersions = { first: 25, last: 33 }

/** The range for messages: `2.25 to 2.33`. */
export function rangeText({ first, last }: MinorVersions): string {
  return `2.${first} to 2.${last}`
}

/** Whether a minor version of Nix 2 is in a range. */
export function isAmong(minor: number, { first, last }: MinorVersions): boolean {
  return minor >= first && minor <= last
}

/** The versions in which a fault is fixed. */
export interface Mend {
  /** Every version from `2.<from>.0` on. */
  readonly from: number
  /** The first fixed patch release of each older branch, by minor version. */
  readonly branches: Readonly<Record<number, number>>
}

/** The first version of Lix is 2.90. Nix is far from that. */
const LIX_MINOR = 90

/**
 * Parses a version as a daemon or `nix --version` states it: `2.8.0`, `2.26.3+dfsg`. Undefined for
 * any other text and for a build between two releases (`2.19.0pre20231012_abcdef0`), whose number
 * does not tell what it contains.
 */
export function parseNixVersion(text: string): NixVersion | undefined {
  const [, major, minor, patch = '0'] = /^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[+-].*)?$/.exec(text) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)]
}

/**
 * The version in the output of `nix --version`, such as `nix (Nix) 2.34.8`. Undefined for another
 * program.
 */
export function versionOfNix(line: string): NixVersion | undefined {
  const [, text] = /^\S+ \(Nix\) (\S+)\s*$/.exec(line) ?? []
  return text === undefined ? undefined : parseNixVersion(text)
}

/** Whether a version is one of Nix, not of Lix. */
export function isCppNix([major, minor]: NixVersion): boolean {
  return major === 2 && minor < LIX_MINOR
}

/** Whether a version certainly contains a fix. False for an unknown version and for Lix. */
export function isMended(version: NixVersion | undefined, { from, branches }: Mend): boolean {
  if (version === undefined || !isCppNix(version)) return false
  const [, minor, patch] = version
  if (minor >= from) return true
  const first = branches[minor]
  return first !== undefined && patch >= first
}

/**
 * CVE-2024-27297 (GHSA-2ffj-w4mj-pg37): a fetching build can hand out a descriptor of its output
 * that stays writable when the output is valid. Nix fixed it by copying such outputs to fresh
 * inodes.
 */
export const FIXED_OUTPUTS_COPIED: Mend = { from: 21, branches: { 3: 18, 16: 3, 17: 2, 18: 2, 19: 4, 20: 5 } }

/**
 * CVE-2024-38531 (GHSA-q82p-44mg-mgh5): the build directory can be opened to everybody, and with it
 * a socket through which any build can hand out a descriptor of its output.
 */
export const BUILD_DIRECTORY_CLOSED: Mend = {
  from: 24,
  branches: { 18: 4, 19: 5, 20: 7, 21: 3, 22: 2, 23: 1 },
}
