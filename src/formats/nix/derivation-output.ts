import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type Cursor, expect, printBareString, problem, readBareString } from './aterm.ts'
import { type ContentAddress, type HashedBy, parseHashedBy, printHashedBy } from './content-address.ts'
import { fixedOutputPath } from './make-store-path.ts'
import { isHexHash } from './nix-hash.ts'
import { isStorePathName, outputPathName, parseStorePath } from './store-path.ts'

/**
 * One output, by how its store path is determined. Paths are full store paths, hashes are
 * lower-case hex.
 */
export type DerivationOutput =
  /** Its path depends on its inputs. */
  | { readonly kind: 'input-addressed'; readonly name: string; readonly path: string }
  /**
   * Its path depends on its contents, whose hash is known in advance. Do not trust the path before
   * `checkFixedOutputPath`.
   */
  | ({ readonly kind: 'fixed'; readonly name: string; readonly path: string } & ContentAddress)
  /** Its path depends on its contents, which are not known in advance. */
  | ({ readonly kind: 'floating'; readonly name: string } & HashedBy)
  /** Like `floating`, but the build may use the network and is repeated each time. */
  | ({ readonly kind: 'impure'; readonly name: string } & HashedBy)
  /** Its path depends on inputs whose own paths are not known yet. */
  | { readonly kind: 'deferred'; readonly name: string }

/**
 * Reads `(name,path,method and algorithm,hash)` (Nix manual, "Derivation ATerm format"). Which
 * fields are empty determines the kind. Throws FormatError.
 */
export function readOutput(cursor: Cursor): DerivationOutput {
  const start = cursor.at
  expect(cursor, '(')
  const name = readOutputName(cursor)
  expect(cursor, ',')
  const path = readBareString(cursor)
  expect(cursor, ',')
  const hashedBy = readBareString(cursor)
  expect(cursor, ',')
  const hash = readBareString(cursor)
  expect(cursor, ')')
  try {
    return makeOutput(name, path, hashedBy, hash)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw problem(cursor, `output "${name}": ${error.message}`, start)
  }
}

/** Reads an output's name. Throws FormatError if it cannot be part of a store path's name. */
export function readOutputName(cursor: Cursor): string {
  const start = cursor.at
  const name = readBareString(cursor)
  if (!isStorePathName(name)) throw problem(cursor, `"${printable(name)}" cannot name an output`, start)
  return name
}

/** Prints an output as readOutput reads it. */
export function printOutput(output: DerivationOutput): string {
  return `(${fieldsOf(output).map(printBareString).join(',')})`
}

/**
 * Throws FormatError if the path of a fixed output is not the one that follows from its hash. Nix
 * ignores the path in the .drv and computes it, so whoever trusts the .drv may judge another path
 * than the one that is built. `derivation` is the name of the derivation. Outputs of other kinds
 * pass.
 */
export function checkFixedOutputPath(output: DerivationOutput, derivation: string): void {
  if (output.kind !== 'fixed') return
  const path = fixedOutputPath({ ...output, name: outputPathName(derivation, output.name) })
  if (output.path !== path) {
    throw new FormatError('derivation', `fixed output is not at ${path}`, output.path)
  }
}

function makeOutput(name: string, path: string, hashing: string, hash: string): DerivationOutput {
  if (hashing === '') {
    if (hash !== '') throw new FormatError('output', 'hash without an algorithm', `"${printable(hash)}"`)
    if (path === '') return { kind: 'deferred', name }
    return { kind: 'input-addressed', name, path: parseStorePath(path).path }
  }
  const hashedBy = parseHashedBy(hashing)
  if (hash === '' || hash === 'impure') {
    if (path !== '') throw new FormatError('output', 'path that cannot be known yet', `"${printable(path)}"`)
    return { kind: hash === '' ? 'floating' : 'impure', name, ...hashedBy }
  }
  if (!isHexHash(hashedBy.algorithm, hash)) {
    throw new FormatError('output', `not a ${hashedBy.algorithm} in hex`, `"${printable(hash, 140)}"`)
  }
  return { kind: 'fixed', name, path: parseStorePath(path).path, ...hashedBy, hash }
}

function fieldsOf(output: DerivationOutput): readonly string[] {
  switch (output.kind) {
    case 'input-addressed':
      return [output.name, output.path, '', '']
    case 'fixed':
      return [output.name, output.path, printHashedBy(output), output.hash]
    case 'floating':
      return [output.name, '', printHashedBy(output), '']
    case 'impure':
      return [output.name, '', printHashedBy(output), 'impure']
    case 'deferred':
      return [output.name, '', '', '']
  }
}
