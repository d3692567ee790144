/** What whoever makes a signature or a list may choose in it: words that no line-oriented language runs. */

/**
 * The name of a file: one word. It does not begin as options, literals of PostScript or absolute paths do, and has no
 * `:`, `=`, `%` or `*`, with which make, awk and comments for editors begin to mean something.
 */
export const NAME = String.raw`(?:\./)?[A-Za-z0-9_][A-Za-z0-9._+,@~/-]*`

/** A comment of one's own. */
export const WORD = '[A-Za-z0-9][A-Za-z0-9._-]*'

/** Base 64 of a whole value. */
export const BASE64 = '[A-Za-z0-9+/]+={0,2}'

/**
 * Whether digits are like a hash's: in one case, a tenth of them letters, the first of which comes before the last
 * quarter. A number is not like that, nor is a number with a command of one letter behind it, as sed reads it. Six
 * SHA-256 hashes in a hundred million are not either, and seven MD5 hashes in a hundred thousand.
 */
export function isHash(digits: string): boolean {
  const letters = digits.replace(/\d/g, '')
  const isInOneCase = letters === letters.toLowerCase() || letters === letters.toUpperCase()
  const first = digits.search(/[A-Fa-f]/)
  return isInOneCase && letters.length >= Math.floor(digits.length / 10) && first < digits.length * 0.75
}
