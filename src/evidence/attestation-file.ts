import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseStorePath } from '../formats/nix/store-path.ts'

/**
 * The file that holds the attestations about a store path. Throws FormatError if it is not a store
 * path.
 */
export function attestationFile(dir: string, storePath: string): string {
  return fileAbout(dir, storePath, 'intoto.jsonl')
}

/**
 * The file that holds the Nix signatures of a store path. Throws FormatError if it is not a store
 * path.
 */
export function narinfoFile(dir: string, storePath: string): string {
  return fileAbout(dir, storePath, 'narinfo')
}

/**
 * Whether any of these directories has a file of attestations or a narinfo for a store path. Reads
 * neither.
 */
export function isAttestedIn(directories: readonly string[], storePath: string): boolean {
  return directories.some(dir =>
    [attestationFile, narinfoFile].some(fileIn => existsSync(fileIn(dir, storePath))),
  )
}

function fileAbout(dir: string, storePath: string, extension: string): string {
  const { digest } = parseStorePath(storePath)
  return join(dir, digest.slice(0, 2), `${digest}.${extension}`)
}
