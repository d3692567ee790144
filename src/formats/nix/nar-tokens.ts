/**
 * The pieces of a NAR, for whoever writes one as a stream (Nix manual, "Nix Archive (NAR) format"). Every string is its
 * length in bytes (64 bits, little-endian), itself, and zeros up to a multiple of eight. Texts are byte strings: one
 * character, U+0000 to U+00FF, for each byte.
 *
 *   nar  := narStart node
 *   node := narFileHead contents narFileTail | narSymlink
 *         | narDirectoryHead (narEntryHead node narClose)* narClose
 */

/** What comes before the root. */
export function narStart(): Uint8Array {
  return narStrings('nix-archive-1')
}

/** What comes before the contents of a regular file of so many bytes. */
export function narFileHead(size: number, executable: boolean): Uint8Array {
  const words = ['(', 'type', 'regular', ...(executable ? ['executable', ''] : []), 'contents']
  return Buffer.concat([narStrings(...words), narLength(size)])
}

/** What comes after the contents of a regular file of so many bytes. */
export function narFileTail(size: number): Uint8Array {
  return Buffer.concat([new Uint8Array(narPadding(size)), narStrings(')')])
}

/** A whole symbolic link. */
export function narSymlink(target: string): Uint8Array {
  return narStrings('(', 'type', 'symlink', 'target', target, ')')
}

/** What comes before the entries of a directory, which follow in the order of their names' bytes. */
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

/** Zeros after a string of so many bytes. */
export function narPadding(length: number): number {
  return (8 - (length % 8)) % 8
}

function narStrings(...strings: readonly string[]): Uint8Array {
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
