import { join } from 'node:path'
import { parseStorePath } from '../formats/nix/store-path.ts'

/** The file that holds the attestations about a store path. Throws FormatError if that is none. */
export function attestationFile(dir: string, storePath: string): string {
  const { digest } = parseStorePath(storePath)
  return join(dir, digest.slice(0, 2), `${digest}.intoto.jsonl`)
}
