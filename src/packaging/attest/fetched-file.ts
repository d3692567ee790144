import { createHash } from 'node:crypto'
import { contentsOf, withOpenedFile } from '../../crypto/detached/opened-file.ts'
import { fixedOutputPath } from '../../formats/nix/make-store-path.ts'
import { narFileHead, narFileTail, narStart } from '../../formats/nix/nar-tokens.ts'
import type { Contents } from '../contents.ts'

/**
 * A file anywhere as the store path that it will be once it is fetched: a flat file that is not
 * executable, known by its SHA-256, as fetchurl makes it. `name`: that of the store path. Throws
 * FileError if the file cannot be read or changes meanwhile, and FormatError if no store path can
 * have that name.
 */
export function fetchedFile(file: string, name: string): Promise<Contents> {
  return withOpenedFile(file, async opened => {
    const flat = createHash('sha256')
    const nar = createHash('sha256').update(narStart()).update(narFileHead(opened.size, false))
    for await (const piece of contentsOf(opened)) {
      flat.update(piece)
      nar.update(piece)
    }
    const hash = flat.digest('hex')
    const path = fixedOutputPath({ name, method: 'flat', algorithm: 'sha256', hash })
    return { path, narHash: nar.update(narFileTail(opened.size)).digest('hex'), file }
  })
}
