/** The hash algorithms of checksum lists, and the names that lists have for them. */

/** The algorithms that are strong enough to identify a file. */
export type ChecksumAlgorithm = keyof typeof DIGITS

/** Hexadecimal digits of each algorithm. */
export const DIGITS = {
  sha256: 64,
  sha384: 96,
  sha512: 128,
  'sha3-256': 64,
  'sha3-384': 96,
  'sha3-512': 128,
  'blake2b-256': 64,
  'blake2b-384': 96,
  'blake2b-512': 128,
} as const

const ALGORITHMS = Object.keys(DIGITS) as readonly ChecksumAlgorithm[]

/**
 * The algorithms that a checksum with this number of digits may be of, the most likely first.
 * Numbers of digits that only weak algorithms have (MD5, SHA-1 …) are absent.
 */
export const BY_DIGITS: ReadonlyMap<number, readonly ChecksumAlgorithm[]> = new Map(
  [32, 40, 56, 64, 96, 128].map(digits => [digits, ALGORITHMS.filter(name => DIGITS[name] === digits)]),
)

/** Other names, used by coreutils, the BSD tools, openssl and Gentoo (GLEP 74). */
const ALIASES: Readonly<Record<string, ChecksumAlgorithm>> = {
  'sha2-256': 'sha256',
  'sha2-384': 'sha384',
  'sha2-512': 'sha512',
  blake2b: 'blake2b-512',
  blake2b512: 'blake2b-512',
}

/** The algorithm with this name, in any case; `other` if it is weak or unknown. */
export function namedAlgorithm(name: string): ChecksumAlgorithm | 'other' {
  const known = name.toLowerCase().replaceAll('_', '-')
  return (
    ALGORITHMS.find(algorithm => algorithm === known) ??
    (Object.hasOwn(ALIASES, known) ? ALIASES[known] : undefined) ??
    'other'
  )
}
