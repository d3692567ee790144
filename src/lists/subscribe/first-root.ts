/** The root on which trust in a list begins: what a user compares before anything is believed. */
import type { TufRoot } from '../../formats/lists/tuf-signed.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { readFirstRoot } from '../tuf/root-chain.ts'
import { readFirstRootFile, type TufSource } from '../tuf/source.ts'

/** The first root of a list, as it was served. */
export interface FirstRootSeen {
  /** Of its file: what `nixsig list publish` prints. */
  readonly sha256: string
  readonly root: TufRoot
}

/** A fingerprint: SHA-256 in hex, of a file or of a key as TUF writes it. */
const FINGERPRINT = /^[0-9a-f]{64}$/

/** Fetches it. Throws FileError and FormatError. */
export async function fetchFirstRoot(source: TufSource): Promise<FirstRootSeen> {
  const bytes = await readFirstRootFile(source)
  return { sha256: toHex(sha256(bytes)), root: readFirstRoot(bytes).signed }
}

/**
 * Reads what a user was told: one or more fingerprints with commas between them. Undefined for any
 * other text.
 */
export function parseFingerprints(text: string): readonly string[] | undefined {
  const found = text.split(',').map(each =>
    each
      .trim()
      .toLowerCase()
      .replace(/^sha256:/, ''),
  )
  return found.every(each => FINGERPRINT.test(each)) ? found : undefined
}

/**
 * Why a root is not the one that a user was told of: either its own fingerprint, or the ids of all
 * its root keys and no others. Undefined: it is.
 */
export function whyAnotherRoot(
  { sha256: found, root }: FirstRootSeen,
  fingerprints: readonly string[],
): string | undefined {
  if (fingerprints.length === 1 && fingerprints[0] === found) return undefined
  const { keyids } = root.roles.root
  const unknown = fingerprints.filter(each => !keyids.includes(each))
  const unnamed = keyids.filter(id => !fingerprints.includes(id))
  if (unknown.length === 0 && unnamed.length === 0) return undefined
  if (unknown.length === fingerprints.length)
    return `its first root has the fingerprint ${found}, and not ${printable(fingerprints.join(','))}`
  if (unknown.length > 0) return `its first root does not have the key ${unknown.join(', ')}`
  return `its first root has a key that was not named: ${unnamed.join(', ')}`
}

/** The same source, which is asked once for each file. */
export function remembering({ read }: TufSource): TufSource {
  const known = new Map<string, Promise<Uint8Array | undefined>>()
  return {
    read: async (path, limit) => {
      const before = known.get(path)
      if (before !== undefined) return before
      const asked = read(path, limit)
      known.set(path, asked)
      return asked
    },
  }
}
