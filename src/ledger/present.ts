/**
 * Outputs that were already on the disk when a build of their derivation was allowed to start: one
 * file for each output under `present/`, named like ledger entries. Nix calls the post-build hook
 * for these as well as for what the build made; this file tells them apart. Removed when the build
 * is judged.
 *
 *     nixsig1 <output path> <derivation path>
 *     stamp <inode>:<time of birth in nanoseconds>     identity only: see identityOf in stamp.ts
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile, wholeRecord } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { printable } from '../primitives/printable.ts'

const RECORD_LIMIT = 1024

/** An output that was there before a build of its derivation. */
export interface Present {
  /** The 32-character hash part of the output's path. */
  readonly digest: string
  readonly path: string
  readonly derivation: string
  /** The identity of the file or directory that was there: see identityOf in stamp.ts. */
  readonly stamp: string
}

function presentFile(state: string, digest: string): string {
  return join(state, 'present', digest)
}

/** Notes that an output was there. The note survives the hook but not a power failure. */
export function notePresent(state: string, { digest, path, derivation, stamp }: Present): void {
  const text = `nixsig1 ${path} ${derivation}\nstamp ${stamp}\n`
  writeDurably(presentFile(state, digest), text, { flush: false })
}

/**
 * Reads the note about an output; undefined if there is none. Throws FileError if it cannot be
 * read.
 */
export function readPresent(state: string, digest: string): Present | undefined {
  const file = presentFile(state, digest)
  const text = wholeRecord(readOwnedFile(file, RECORD_LIMIT))
  if (text === undefined) return undefined
  const [, path, derivation, stamp] = /^nixsig1 (\/\S+) (\/\S+)\nstamp (\d+:\d+)\n$/.exec(text) ?? []
  if (
    path === undefined ||
    derivation === undefined ||
    stamp === undefined ||
    !path.startsWith(`/nix/store/${digest}-`)
  ) {
    throw new FileError(`${printable(file)} is not a record of an output that was there`)
  }
  return { digest, path, derivation, stamp }
}

/** Removes the note about an output, because the build was judged. */
export function forgetPresent(state: string, digest: string): void {
  removeFile(presentFile(state, digest))
}
