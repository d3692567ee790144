/**
 * The text of a note as a set of lines, which is how git-sig's notes and nixsig's own are merged
 * (git-notes(1), cat_sort_uniq). Text is latin1, one character per byte, so that no byte is lost.
 */

/** The distinct lines of some notes, sorted, without empty ones. */
export function unionOfLines(texts: readonly Uint8Array[]): Uint8Array {
  const lines = new Set(texts.flatMap(linesOf))
  return Buffer.from(
    [...lines]
      .sort()
      .map(line => `${line}\n`)
      .join(''),
    'latin1',
  )
}

/** The lines of a note that are not empty, in their order. */
export function linesOf(text: Uint8Array): readonly string[] {
  return Buffer.from(text)
    .toString('latin1')
    .split('\n')
    .filter(line => line !== '')
}
