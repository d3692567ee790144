/**
 * Outputs that lay on the disk already when a build of their derivation was let start: one file an output under
 * `present/`, named like ledger entries. Nix calls the post-build hook for them as for what the build made; this tells
 * them apart. Removed when the build is judged.
 *
 *     nixsig1 <output path> <derivation path>
 *     stamp <inode>:<time of birth in nanoseconds>          whatever its contents: see identityOf in stamp.ts
 */
import { join } from 'node:path'
import { writeDurably } from '../files/durable-file.ts'
import { readOwnedFile } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { printable } from '../primitives/printable.ts'

const RECORD_LIMIT = 1024

export interface Present {
  /** The 32-character hash part of the output's path. */
  readonly digest: string
  readonly path: string
  readonly derivation: string
  /** The file or directory that lay there: see identityOf in stamp.ts. */
  readonly stamp: string
}

function presentFile(state: string, digest: string): string {
  return join(state, 'present', digest)
}

/** Notes that an output was there. It outlives the hook, not the machine's power. */
export function notePresent(state: string, { digest, path, derivation, stamp }: Present): void {
  const text = `nixsig1 ${path} ${derivation}\nstamp ${stamp}\n`
  writeDurably(presentFile(state, digest), text, { flush: false })
}

/** What was noted of an output; undefined if nothing was. Throws FileError if it cannot be read. */
export function readPresent(state: string, digest: string): Present | undefined {
  const file = presentFile(state, digest)
  const text = readOwnedFile(file, RECORD_LIMIT)?.toString('utf8')
  if (text === undefined || text === '') return undefined
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

/** Forgets what was noted of an output: the build was judged. */
export function forgetPresent(state: string, digest: string): void {
  removeFile(presentFile(state, digest))
}
