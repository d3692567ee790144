import fc from 'fast-check'

/** How much a file system writes at once, or not at all. */
const BLOCK = 512

/**
 * What a power failure may leave of a file that was renamed into place without being flushed: all
 * of it, nothing, zeros instead of some of its blocks, or its first blocks, unless these happen to
 * end with a line.
 */
export function afterPowerFailure(text: string): fc.Arbitrary<string> {
  const blocks = Array.from({ length: Math.ceil(text.length / BLOCK) }, (_, index) =>
    text.slice(index * BLOCK, (index + 1) * BLOCK),
  )
  const zeros = fc
    .array(fc.boolean(), { minLength: blocks.length, maxLength: blocks.length })
    .map(lost => blocks.map((block, index) => (lost[index] ? '\0'.repeat(block.length) : block)).join(''))
  const cut = fc
    .nat(blocks.length)
    .map(count => blocks.slice(0, count).join(''))
    .filter(part => part === text || !part.endsWith('\n'))
  return fc.oneof(fc.constantFrom('', '\0'.repeat(text.length)), zeros, cut)
}
