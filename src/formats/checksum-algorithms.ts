/** What checksums in lists may be by, and how lists call it. */

/** Those that prove which file is meant. */
export type ChecksumAlgorithm = keyof typeof DIGITS

/** Hexadecimal digits of each. */
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
 * What a number of digits may be by, the likeliest first; nothing where all that it may be is too weak (MD5, SHA-1
 * …).
 */
export const BY_DIGITS: ReadonlyMap<number, readonly ChecksumAlgorithm[]> = new Map(
  [32, 40, 56, 64, 96, 128].map(digits => [digits, ALGORITHMS.filter(name => DIGITS[name] === digits)]),
)

/** Other names, by coreutils, BSD's tools, openssl and Gentoo (GLEP 74). */
const ALIASES: Readonly<Record<string, ChecksumAlgorithm>> = {
  'sha2-256': 'sha256',
  'sha2-384': 'sha384',
  'sha2-512': 'sha512',
  blake2b: 'blake2b-512',
  blake2b512: 'blake2b-512',
}

/** The algorithm of a name, in whatever case; `other` for all that is weak or not known. */
export function namedAlgorithm(name: string): ChecksumAlgorithm | 'other' {
  const known = name.toLowerCase().replaceAll('_', '-')
  return (
    ALGORITHMS.find(algorithm => algorithm === known) ??
    (Object.hasOwn(ALIASES, known) ? ALIASES[known] : undefined) ??
    'other'
  )
}
