/**
 * Computes the store path of contents (Nix manual, "Complete store path calculation"). Hashes are
 * lower-case hex, paths are full store paths, and all functions throw FormatError for malformed
 * arguments.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { type ContentAddress, printHashedBy } from './content-address.ts'
import { isHexHash } from './nix-hash.ts'
import { toNix32 } from './nix32.ts'
import { isStorePathName, outputPathName, parseStorePath, STORE_DIR } from './store-path.ts'

const DIGEST_BYTES = 20

/**
 * The references of a path: other paths, in any order, and possibly itself, whose path is not known
 * yet.
 */
export interface References {
  readonly references?: readonly string[]
  readonly self?: boolean
}

/**
 * The path of an object with this type (`source`, `text:<reference>…`, `output:out`) and this inner
 * SHA-256.
 */
export function makeStorePath(type: string, innerSha256: string, name: string): string {
  if (!isHexHash('sha256', innerSha256)) throw malformed('not a SHA-256 in hex', innerSha256)
  if (!isStorePathName(name)) throw malformed('not the name of a store path', name)
  const digest = sha256(Buffer.from(`${type}:sha256:${innerSha256}:${STORE_DIR}:${name}`, 'latin1'))
  return `${STORE_DIR}/${toNix32(fold(digest))}-${name}`
}

/** The path of a file that Nix writes itself: a .drv, or the result of `builtins.toFile`. */
export function textPath(name: string, contents: Uint8Array, references: readonly string[]): string {
  return makeStorePath(typeWith('text', { references }), toHex(sha256(contents)), name)
}

/** The path of a source: a file or directory with this NAR hash. */
export function sourcePath(source: { readonly name: string; readonly narHash: string } & References): string {
  return makeStorePath(typeWith('source', source), source.narHash, source.name)
}

/**
 * The path of an input-addressed output. `hash`: SHA-256 of the derivation modulo fixed outputs,
 * with its own output paths blank. `name`: the name of the derivation.
 */
export function outputPath(output: {
  readonly name: string
  readonly output: string
  readonly hash: string
}): string {
  return makeStorePath(`output:${output.output}`, output.hash, outputPathName(output.name, output.output))
}

/**
 * The path of contents with this hash: a fixed output, or any other object with this content
 * address. Only `recursive` with sha256 may refer to itself; only that and `text` may have
 * references. `text` requires sha256, `git` sha1 or sha256.
 */
export function fixedOutputPath(fixed: { readonly name: string } & ContentAddress & References): string {
  const { method, algorithm, hash, name, references = [], self = false } = fixed
  if (!isHexHash(algorithm, hash)) throw malformed(`not a ${algorithm} in hex`, hash)
  if (method === 'recursive' && algorithm === 'sha256') {
    return sourcePath({ name, narHash: hash, references, self })
  }
  if (self) throw malformed('may not refer to itself', name)
  if (method === 'text') {
    if (algorithm !== 'sha256') throw malformed('text is hashed with sha256 alone', algorithm)
    return makeStorePath(typeWith('text', { references }), hash, name)
  }
  if (references.length > 0) throw malformed('may not refer to other paths', name)
  if (method === 'git' && algorithm !== 'sha1' && algorithm !== 'sha256') {
    throw malformed('git hashes with sha1 or sha256', algorithm)
  }
  const inner = `fixed:out:${printHashedBy(fixed)}:${hash}:`
  return makeStorePath('output:out', toHex(sha256(Buffer.from(inner, 'latin1'))), name)
}

/**
 * A type followed by its references. They are sorted, and each is checked to be a store path, so
 * that no name can contain the colon between them.
 */
function typeWith(type: string, { references = [], self = false }: References): string {
  const sorted = [...new Set(references)].sort().map(reference => parseStorePath(reference).path)
  return [type, ...sorted, ...(self ? ['self'] : [])].join(':')
}

/** XORs 32 bytes into 20. */
function fold(hash: Uint8Array): Uint8Array {
  const digest = new Uint8Array(DIGEST_BYTES)
  for (const [index, byte] of hash.entries()) {
    const at = index % DIGEST_BYTES
    digest[at] = (digest[at] ?? 0) ^ byte
  }
  return digest
}

function malformed(problem: string, text: string): FormatError {
  return new FormatError('store path', problem, `"${printable(text, 220)}"`)
}
