import { FormatError } from '../primitives/format-error.ts'

/** Bytes of one tree, as a NAR, that are looked at, and store paths that are found in it. */
const BYTES_LIMIT = 64 * 1024 * 1024
const FOUND_LIMIT = 10_000

const REFERENCE = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]{1,211}/g
const LONGEST = '/nix/store/'.length + 32 + 1 + 211

/**
 * The store paths that a file or directory names in its files and symbolic links: a guess at what it refers to, for
 * whoever can tell whether the guess is right. Others get their turn meanwhile. Rejects with FormatError for a tree that is
 * too large, and with FileError.
 */
export async function storePathsNamedIn(path: string): Promise<readonly string[]> {
  const { dumpTree } = await import('./tree-nar.ts')
  const found = new Set<string>()
  let bytes = 0
  let rest = ''
  for await (const chunk of dumpTree(path)) {
    bytes += chunk.byteLength
    if (bytes > BYTES_LIMIT) throw new FormatError('tree', 'has too many bytes', path)
    const text = rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    for (const reference of namedWithin(text)) found.add(reference)
    if (found.size > FOUND_LIMIT) throw new FormatError('tree', 'names too many store paths', path)
    rest = text.slice(-LONGEST)
  }
  // A NAR ends with a word of its own, so no name ends with it.
  return [...found]
}

/** The store paths that a text names before its end: a name that reaches it may go on. */
function namedWithin(text: string): readonly string[] {
  const matches = [...text.matchAll(REFERENCE)]
  return matches.filter(({ 0: name, index }) => index + name.length < text.length).map(([name]) => name)
}
