/** What a store says of a path, as the narinfo that a binary cache would have for it. */
import { parseContentAddress } from '../../../formats/nix/content-address.ts'
import { isSignatureText, printNarinfo } from '../../../formats/nix/narinfo.ts'
import { isStorePath, parseStorePath, STORE_DIR } from '../../../formats/nix/store-path.ts'
import { FormatError } from '../../../primitives/format-error.ts'
import { printable } from '../../../primitives/printable.ts'
import type { PathInfo } from '../../../store/queries.ts'

/** A NAR, as a narinfo made here names it: `<base>/<SHA-256 in hex>-<size>.nar`. */
export interface NamedNar {
  readonly path: string
  readonly narHash: string
  readonly narSize: number
}

const NAR = /^([^/]{34,243})\/([0-9a-f]{64})-([1-9][0-9]{0,15})\.nar$/

/**
 * The text of the narinfo. Signatures that cannot stand in one are left out: anybody may have added
 * them to the path. Throws FormatError for anything else that cannot.
 */
export function printDescribed(info: PathInfo): string {
  const { path, narHash, narSize, references, deriver, signatures, ca } = info
  return printNarinfo({
    path,
    url: nameOfNar(info),
    compression: 'none',
    fileHash: undefined,
    fileSize: undefined,
    narHash,
    narSize,
    references: [...new Set(references)],
    deriver,
    system: undefined,
    signatures: signatures.filter(isSignatureText),
    contentAddress: ca === undefined ? undefined : parseContentAddress(ca),
  })
}

function nameOfNar({ path, narHash, narSize }: NamedNar): string {
  return `${path.slice(STORE_DIR.length + 1)}/${narHash}-${narSize}.nar`
}

/** Reads a name that `printDescribed` gave. Throws FormatError. */
export function readNarName(name: string): NamedNar {
  const [, base, narHash = '', size] = NAR.exec(name) ?? []
  const path = `${STORE_DIR}/${base}`
  const narSize = Number(size)
  if (!isStorePath(path) || !Number.isSafeInteger(narSize))
    throw new FormatError(
      'narinfo',
      'its URL is not that of a NAR of this store',
      `"${printable(name, 200)}"`,
    )
  return { path: parseStorePath(path).path, narHash, narSize }
}
