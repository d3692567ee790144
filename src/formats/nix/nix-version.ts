/**
 * What nixsig knows of versions of Nix, and since which of them a fault is fixed. The C code and the module for NixOS
 * repeat a few of these numbers; test/formats/nix/nix-version.test.ts holds them against these.
 */

/** Major, minor and patch. */
export type NixVersion = readonly [number, number, number]

/** Minor versions of Nix 2, from the first to the last. */
export interface MinorVersions {
  readonly first: number
  readonly last: number
}

/**
 * Where hooks and plugin are known to do what nixsig relies on: 2.8, 2.26 and 2.34 were tried, and the source of all
 * between the first and the last was read. Older ones lack what the plugin stands on.
 */
export const KNOWN: MinorVersions = { first: 8, last: 35 }

/** Those that put their own program in place of what nix.conf says of build-hook (NixOS/nix#15083). */
export const FORGETS_BUILD_HOOK: MinorVersions = { first: 25, last: 33 }

/** For messages: `2.25 to 2.33`. */
export function rangeText({ first, last }: MinorVersions): string {
  return `2.${first} to 2.${last}`
}

export function isAmong(minor: number, { first, last }: MinorVersions): boolean {
  return minor >= first && minor <= last
}

/** In which versions a fault is mended. */
export interface Mend {
  /** All from this minor version on: `2.<from>.0`. */
  readonly from: number
  /** The first patch of each older branch that was mended: minor version, patch. */
  readonly branches: Readonly<Record<number, number>>
}

/** Lix counts its own versions: 2.90 was its first. Nix is far from there. */
const LIX_MINOR = 90

/**
 * The numbers of a version as a daemon or `nix --version` states it: `2.8.0`, `2.26.3+dfsg`. Undefined for any other
 * text, and for what was built between two versions (`2.19.0pre20231012_abcdef0`), which says nothing of what is in it.
 */
export function parseNixVersion(text: string): NixVersion | undefined {
  const [, major, minor, patch = '0'] = /^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?:[+-].*)?$/.exec(text) ?? []
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch)]
}

/** The version in what `nix --version` prints: `nix (Nix) 2.34.8`. Undefined if it is of another program. */
export function versionOfNix(line: string): NixVersion | undefined {
  const [, text] = /^\S+ \(Nix\) (\S+)\s*$/.exec(line) ?? []
  return text === undefined ? undefined : parseNixVersion(text)
}

/** Whether a version is one of Nix's own, not of Lix. */
export function isCppNix([major, minor]: NixVersion): boolean {
  return major === 2 && minor < LIX_MINOR
}

/** Whether a version has a mend for certain. An unknown one has not, and nor has one of Lix. */
export function isMended(version: NixVersion | undefined, { from, branches }: Mend): boolean {
  if (version === undefined || !isCppNix(version)) return false
  const [, minor, patch] = version
  if (minor >= from) return true
  const first = branches[minor]
  return first !== undefined && patch >= first
}

/**
 * CVE-2024-27297 (GHSA-2ffj-w4mj-pg37): a build that fetches can hand out a descriptor of its output, which stays
 * writable when the output is valid. Nix mended it by copying such an output to fresh inodes.
 */
export const FIXED_OUTPUTS_COPIED: Mend = { from: 21, branches: { 3: 18, 16: 3, 17: 2, 18: 2, 19: 4, 20: 5 } }

/**
 * CVE-2024-38531 (GHSA-q82p-44mg-mgh5): the directory of a build can be opened to everybody, and with it a socket, by
 * which any build can hand out a descriptor of its output.
 */
export const BUILD_DIRECTORY_CLOSED: Mend = {
  from: 24,
  branches: { 18: 4, 19: 5, 20: 7, 21: 3, 22: 2, 23: 1 },
}
