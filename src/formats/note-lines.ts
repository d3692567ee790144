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

/**
 * The distinct lines of some notes, sorted; if they have more than `limit` bytes, those of the first
 * notes, and of each the ones that may be signatures before the others, as long as they fit.
 */
export function boundedUnion(texts: readonly Uint8Array[], limit: number): Uint8Array {
  const all = unionOfLines(texts)
  if (all.length <= limit) return all
  const kept = new Set<string>()
  let size = 0
  for (const text of texts) {
    const lines = linesOf(text)
    const likely = lines.filter(isLikely)
    for (const line of [...likely, ...lines.filter(each => !isLikely(each))]) {
      if (kept.has(line) || size + line.length + 1 > limit) continue
      kept.add(line)
      size += line.length + 1
    }
  }
  return unionOfLines([Buffer.from([...kept].join('\n'), 'latin1')])
}

function isLikely(line: string): boolean {
  return line.startsWith('{"') || line.startsWith('sig:v0:')
}

/** The lines of a note that are not empty, in their order. */
export function linesOf(text: Uint8Array): readonly string[] {
  return Buffer.from(text)
    .toString('latin1')
    .split('\n')
    .filter(line => line !== '')
}
