/**
 * The pieces of a NAR, for writing one as a stream (Nix manual, "Nix Archive (NAR) format"). A
 * string is written as its length in bytes (64 bits, little-endian), its bytes, and zeros up to a
 * multiple of eight. Text is byte strings: one character, U+0000 to U+00FF, per byte.
 *
 *   nar  := narStart node
 *   node := narFileHead contents narFileTail | narSymlink
 *         | narDirectoryHead (narEntryHead node narClose)* narClose
 */

/** What comes before the root. */
export function narStart(): Uint8Array {
  return narStrings('nix-archive-1')
}

/** What comes before the contents of a regular file with this size in bytes. */
export function narFileHead(size: number, executable: boolean): Uint8Array {
  const words = ['(', 'type', 'regular', ...(executable ? ['executable', ''] : []), 'contents']
  return Buffer.concat([narStrings(...words), narLength(size)])
}

/** What comes after the contents of a regular file with this size in bytes. */
export function narFileTail(size: number): Uint8Array {
  return Buffer.concat([new Uint8Array(narPadding(size)), narStrings(')')])
}

/** A whole symbolic link. */
export function narSymlink(target: string): Uint8Array {
  return narStrings('(', 'type', 'symlink', 'target', target, ')')
}

/**
 * What comes before the entries of a directory. They follow, sorted by the bytes of their names.
 */
export function narDirectoryHead(): Uint8Array {
  return narStrings('(', 'type', 'directory')
}

/** What comes before the node of an entry. */
export function narEntryHead(name: string): Uint8Array {
  return narStrings('entry', '(', 'name', name, 'node')
}

/** What comes after the node of an entry, and after the entries of a directory. */
export function narClose(): Uint8Array {
  return narStrings(')')
}

/** How many zeros follow a string of this many bytes. */
export function narPadding(length: number): number {
  return (8 - (length % 8)) % 8
}

/** Strings as they stand in a NAR, one after the other. */
export function narStrings(...strings: readonly string[]): Uint8Array {
  const size = strings.reduce((sum, string) => sum + 8 + string.length + narPadding(string.length), 0)
  const bytes = Buffer.alloc(size)
  let at = 0
  for (const string of strings) {
    bytes.set(narLength(string.length), at)
    bytes.write(string, at + 8, 'latin1')
    at += 8 + string.length + narPadding(string.length)
  }
  return bytes
}

function narLength(length: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  // In two halves: hooks make many, and BigInt is slow to begin with.
  bytes.writeUInt32LE(length % HALF, 0)
  bytes.writeUInt32LE(Math.floor(length / HALF), 4)
  return bytes
}

const HALF = 2 ** 32
