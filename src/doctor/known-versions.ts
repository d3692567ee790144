/**
 * The Nix versions on which the fronts are known to do what nixsig relies on, and the note for all
 * others.
 */
import { isAmong, KNOWN } from '../formats/nix/nix-version.ts'
import { known } from './door.ts'
import { frontSeen } from './effect-door.ts'
import type { Facts, Part, View } from './facts.ts'

/**
 * The minor version in the output of `nix --version`; undefined for another implementation or
 * another major version.
 */
export function minorOf(version: string): number | undefined {
  const [, minor] = /^\S+ \(Nix\) 2\.(\d+)/.exec(version) ?? []
  return minor === undefined ? undefined : Number(minor)
}

/** Whether nixsig was tried with this version of Nix, as `nix --version` prints it. */
export function isProven(version: string): boolean {
  const minor = minorOf(version)
  return minor !== undefined && isAmong(minor, KNOWN)
}

/**
 * A note about a front on this Nix, to be appended to its finding; empty where it is known to work.
 */
export function provenNote(facts: Facts, { who, version }: View, part: Part): string {
  const found = known(version)
  if (found !== undefined && isProven(found)) return ''
  if (part === 'post-build-hook')
    return '; note: not proven on this version of Nix: build what the policy lets through, and see that nixsig verify calls the output built here'
  if (frontSeen(facts, who, part) === part)
    return '; note: not proven on this version of Nix, but seen at work just now'
  return '; note: not proven on this version of Nix: run nixsig doctor in enforce mode, which tries it'
}
