/** Store paths that nobody ever made, so nobody can have attested them. */
import { randomBytes } from 'node:crypto'
import { makeStorePath } from '../formats/nix/make-store-path.ts'
import { narOfBytes } from '../formats/nix/nar.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'

export interface MadeUp {
  readonly name: string
  readonly path: string
  /** The hash part of the store path. */
  readonly digest: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly nar: Uint8Array
}

/** A unique name that only the doctor uses. */
export function madeUpName(): string {
  return `nixsig-doctor-${randomBytes(8).toString('hex')}`
}

/** A path and its contents that are the output of no derivation. */
export function madeUpPath(): MadeUp {
  const name = madeUpName()
  const nar = narOfBytes(Buffer.from(`${name}\n`, 'latin1'), false)
  const path = makeStorePath('output:out', randomBytes(32).toString('hex'), name)
  return { name, path, digest: parseStorePath(path).digest, narHash: toHex(sha256(nar)), nar }
}
