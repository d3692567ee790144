/** What random audits are drawn with. */
import type { Random } from '../../../fuzz/random.ts'

/** When every random audit began: 2026-03-01T12:00:00Z. */
export const AUDITED_AT = 1_772_366_400

/** Says something as it usually is, or, at times, as an attacker would write it. */
export type Say = (usual: string) => string

export function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** So many digits. */
export function hex(random: Random, digits: number): string {
  return times(digits, () => random.below(16).toString(16)).join('')
}

/** 32 digits in Nix's base 32. */
export function hash(random: Random): string {
  return times(32, () => '0123456789abcdfghijklmnpqrsvwxyz'[random.below(32)] ?? '0').join('')
}
