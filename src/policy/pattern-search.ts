/**
 * Where the parts of a glob are in a text. `?` is one character; all others stand for themselves.
 */

/** Whether the text has this pattern at this place. */
export function isAt(pattern: string, text: string, at: number): boolean {
  if (at < 0 || at + pattern.length > text.length) return false
  if (!pattern.includes('?')) return text.startsWith(pattern, at)
  for (let n = 0; n < pattern.length; n++) if (pattern[n] !== '?' && pattern[n] !== text[at + n]) return false
  return true
}

/** The first place from `from` on where the text has this pattern; -1 if it is absent. */
export function findPattern(pattern: string, text: string, from: number): number {
  return pattern.includes('?') ? findWild(pattern, text, from) : text.indexOf(pattern, from)
}

const BITS = 32

/**
 * Reads each character of the text once (Shift-And, Baeza-Yates and Gonnet 1992): bit n of the
 * state says whether the text up to here ends with the first n + 1 characters of the pattern. Going
 * back, as people write such searches, would take a hostile pattern the product of both lengths.
 */
function findWild(pattern: string, text: string, from: number): number {
  const words = Math.ceil(pattern.length / BITS)
  const any = new Int32Array(words)
  const masks = new Map<string, Int32Array>()
  for (let n = 0; n < pattern.length; n++) {
    const character = pattern[n] as string
    if (character === '?') any[n >>> 5] = (any[n >>> 5] as number) | (1 << (n & 31))
    else if (!masks.has(character)) masks.set(character, new Int32Array(words))
  }
  for (const mask of masks.values()) mask.set(any)
  for (let n = 0; n < pattern.length; n++) {
    const mask = masks.get(pattern[n] as string)
    if (mask !== undefined) mask[n >>> 5] = (mask[n >>> 5] as number) | (1 << (n & 31))
  }
  const state = new Int32Array(words)
  const [last, bit] = [words - 1, 1 << ((pattern.length - 1) & 31)]
  for (let at = from; at < text.length; at++) {
    const mask = masks.get(text[at] as string) ?? any
    let carry = 1
    for (let word = 0; word < words; word++) {
      const before = state[word] as number
      state[word] = ((before << 1) | carry) & (mask[word] as number)
      carry = before >>> (BITS - 1)
    }
    if (((state[last] as number) & bit) !== 0) return at - pattern.length + 1
  }
  return -1
}
