/**
 * The words that the author of a signature or list may choose. No line-oriented language runs them.
 */

/**
 * A file name: one word. It does not begin as options, PostScript literals or absolute paths do,
 * and has no `:`, `=`, `%` or `*`, which mean something to make, awk and editors that read
 * comments.
 */
export const NAME = String.raw`(?:\./)?[A-Za-z0-9_][A-Za-z0-9._+,@~/-]*`

/** A free comment. */
export const WORD = '[A-Za-z0-9][A-Za-z0-9._-]*'

/** A whole value in base64. */
export const BASE64 = '[A-Za-z0-9+/]+={0,2}'

/**
 * Whether digits look like a hash: all in one case, at least a tenth of them letters, the first of
 * which stands before the last quarter. A number does not look like that, nor does a number
 * followed by a one-letter command, as sed reads it. About six SHA-256 hashes in a hundred million
 * fail this test, and seven MD5 hashes in a hundred thousand.
 */
export function isHash(digits: string): boolean {
  const letters = digits.replace(/\d/g, '')
  const isInOneCase = letters === letters.toLowerCase() || letters === letters.toUpperCase()
  const first = digits.search(/[A-Fa-f]/)
  return isInOneCase && letters.length >= Math.floor(digits.length / 10) && first < digits.length * 0.75
}
