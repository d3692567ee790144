import { FormatError } from '../primitives/format-error.ts'

/** Limits: bytes of a tree's NAR that are read, and store paths that are found in it. */
const BYTES_LIMIT = 64 * 1024 * 1024
const FOUND_LIMIT = 10_000

const REFERENCE = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]{1,211}/g
const LONGEST = '/nix/store/'.length + 32 + 1 + 211

/**
 * The store paths that occur in the files and symbolic links of a tree. This is a guess at its
 * references; the caller has to verify it. Lets other work run meanwhile. Rejects with FormatError
 * for a tree that is too large, and with FileError.
 */
export async function storePathsNamedIn(path: string): Promise<readonly string[]> {
  const { dumpTree } = await import('./disk-tree-nar.ts')
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
  // A NAR ends with a closing token, so no store path ends with it.
  return [...found]
}

/**
 * The store paths that a text contains before its end; a name that reaches the end may continue.
 */
function namedWithin(text: string): readonly string[] {
  const matches = [...text.matchAll(REFERENCE)]
  return matches.filter(({ 0: name, index }) => index + name.length < text.length).map(([name]) => name)
}
