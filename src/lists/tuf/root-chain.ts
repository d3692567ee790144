import { parseMetadata, type TufMetadata } from '../../formats/lists/tuf-metadata.ts'
import type { TufRoot } from '../../formats/lists/tuf-signed.ts'
import { signedBy } from '../../formats/lists/tuf-threshold.ts'
import { FormatError } from '../../primitives/format-error.ts'

/** Versions of root that a list may have in its whole life. */
export const ROOT_LIMIT = 256

/**
 * Reads a root on which trust is to begin: version 1, which enough of its own root keys have signed.
 * Whether it is the one that was meant is for the caller to compare. Throws FormatError.
 */
export function readFirstRoot(bytes: Uint8Array): TufMetadata<TufRoot> {
  const root = parseMetadata(bytes, 'root')
  requireVersion(root, 1)
  requireSigned(root, root.signed, 'its own root keys')
  return root
}

/**
 * Reads the root that follows a trusted one: its version is the next, and enough root keys of
 * both have signed it. Its end is not looked at: only the last root of a chain has to be in
 * force. Throws FormatError.
 */
export function readNextRoot(trusted: TufRoot, bytes: Uint8Array): TufMetadata<TufRoot> {
  const root = parseMetadata(bytes, 'root')
  requireVersion(root, trusted.version + 1)
  requireSigned(root, trusted, `the root keys of version ${trusted.version}`)
  requireSigned(root, root.signed, 'its own root keys')
  return root
}

function requireVersion({ signed }: TufMetadata<TufRoot>, version: number): void {
  if (signed.version !== version)
    throw new FormatError('root metadata', `must be version ${version}`, `version ${signed.version}`)
}

function requireSigned(root: TufMetadata<TufRoot>, by: TufRoot, whose: string): void {
  const { by: signers, threshold, isMet } = signedBy(root, by.roles.root, by.keys)
  if (isMet) return
  throw new FormatError(
    'root metadata',
    `needs ${threshold} signatures by ${whose}, has ${signers.length}`,
    `version ${root.signed.version}`,
  )
}
