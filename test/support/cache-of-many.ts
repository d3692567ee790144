/**
 * Binary caches of many small paths, made without Nix, in the form that Nix expects and signed as
 * Nix signs.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeStorePath } from '../../src/formats/nix/make-store-path.ts'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { narFingerprint, printNarinfo } from '../../src/formats/nix/narinfo.ts'
import { printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import { type Signer, sha256 } from './trust.ts'

/** A store path in a binary cache. */
export interface CachedPath {
  readonly path: string
  /** The hash part (32 characters), by which the cache has it. */
  readonly digest: string
  /** SHA-256 of the NAR, lower-case hex. */
  readonly narHash: string
  readonly narinfo: string
  /** The address of its NAR, relative to the cache. */
  readonly url: string
  readonly nar: Uint8Array
}

export interface CachedOptions {
  /**
   * The store path, if it exists already; otherwise one is made up that does not depend on the
   * contents.
   */
  readonly path?: string
  readonly references?: readonly string[]
  readonly deriver?: string
}

/**
 * A path with this name, a single file with these contents, signed by these keys in Nix's own form.
 */
export function cachedPath(
  name: string,
  contents: string | Uint8Array,
  signers: readonly Signer[],
  options: CachedOptions = {},
): CachedPath {
  const nar = narOfBytes(Buffer.from(contents), false)
  const narHash = sha256(nar)
  const path = options.path ?? makeStorePath('output:out', sha256(name), name)
  const signed = { path, narHash, narSize: nar.length, references: options.references ?? [] }
  const message = Buffer.from(narFingerprint(signed))
  const url = `nar/${narHash}.nar`
  const narinfo = printNarinfo({
    ...signed,
    url,
    compression: 'none',
    fileHash: narHash,
    fileSize: nar.length,
    deriver: options.deriver,
    system: undefined,
    signatures: signers.map(({ key }) =>
      printNixSignature({ name: key.name, signature: signEd25519(message, key.secretKey) }),
    ),
    contentAddress: undefined,
  })
  return { path, digest: parseStorePath(path).digest, narHash, narinfo, url, nar }
}

/** Writes a binary cache of these paths into a directory, or adds them to an existing one. */
export function writeCache(directory: string, paths: readonly CachedPath[]): void {
  const put = (name: string, contents: string | Uint8Array) => {
    const file = join(directory, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, contents)
  }
  put('nix-cache-info', 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n')
  for (const { digest, narinfo, url, nar } of paths) {
    put(`${digest}.narinfo`, narinfo)
    put(url, nar)
  }
}
