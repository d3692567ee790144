import { spendAllowance } from '../files/allowance.ts'
import { readRegularFile } from '../files/regular-file.ts'
import { isSaidToBeSignature } from '../formats/nix/declared-signatures.ts'
import { DERIVATION_LIMIT } from '../formats/nix/derivation.ts'
import { narOfBytes } from '../formats/nix/nar.ts'
import { derivationName, parseStorePath } from '../formats/nix/store-path.ts'
import { parseStoredDerivation } from '../formats/nix/stored-derivation.ts'
import { FormatError } from '../primitives/format-error.ts'
import { toHex } from '../primitives/hex.ts'
import { printable } from '../primitives/printable.ts'
import { sha256 } from '../primitives/sodium.ts'
import { type Declared, declaredIn, partNamed, saidOfInput, saidOfOutput } from './declared-signatures.ts'
import type { Input, Output, StoredDerivation } from './derivation-parts.ts'

/** A derivation of a kind whose outputs cannot be judged yet. */
export class UnsupportedDerivationError extends Error {
  override readonly name = 'UnsupportedDerivationError'
  readonly path: string
  readonly what: string

  constructor(path: string, what: string) {
    super(`${printable(path)} is ${what}`)
    this.path = path
    this.what = what
  }
}

/**
 * Reads a .drv from the store. Throws FormatError if it is absent, is not a derivation, or does not
 * match its store path; FileError if it cannot be read, or if the caller's question may not cost as
 * much as to read it (src/files/allowance.ts).
 */
export function readDerivation(drvPath: string): StoredDerivation {
  const path = parseStorePath(drvPath)
  const bytes = readRegularFile(path.path, DERIVATION_LIMIT, ({ size }) => spendAllowance(size))
  if (bytes === undefined) throw new FormatError('derivation', 'not in the store', printable(drvPath))
  return {
    path,
    name: derivationName(path),
    derivation: parseStoredDerivation(path, bytes),
    narHash: toHex(sha256(narOfBytes(bytes, false))),
  }
}

/**
 * The inputs found for each derivation that was read. The name of each .drv proves its contents, so
 * they never change.
 */
const found = new WeakMap<StoredDerivation, readonly Input[]>()

/**
 * Returns everything that a derivation is built from. Throws UnsupportedDerivationError if an
 * input's path is not known before it is built (content-addressed, impure and dynamic derivations).
 */
export function inputsOf(stored: StoredDerivation): readonly Input[] {
  const inputs = found.get(stored) ?? findInputs(stored)
  found.set(stored, inputs)
  return inputs
}

function findInputs(stored: StoredDerivation): readonly Input[] {
  const { derivation } = stored
  const inputs: Input[] = derivation.inputSources.map(source => ({
    path: parseStorePath(source),
    kind: 'local-source',
  }))
  for (const input of derivation.inputDerivations) {
    const made = readDerivation(input.path)
    for (const output of outputsOf(made)) {
      if (input.outputs.includes(output.name)) inputs.push(output)
    }
  }
  const declared = declaredIn(stored)
  return inputs.map(input => asNamedBy(declared, input))
}

/**
 * Adds to an input what the derivation built from it declares about it. An output that was built
 * cannot be a signature.
 */
function asNamedBy(by: Declared, input: Input): Input {
  if (input.kind === 'output') return input
  const part = partNamed(by, input.path.path)
  const said = saidOfInput(by, input.path.path)
  const named = part === undefined ? input : { ...input, part }
  return said.length === 0 ? named : { ...named, declared: [...(input.declared ?? []), ...said] }
}

/**
 * Returns the outputs of a derivation. Throws UnsupportedDerivationError if the .drv does not fix
 * their paths.
 */
export function outputsOf(stored: StoredDerivation): readonly Output[] {
  if (stored.derivation.version !== undefined) {
    throw new UnsupportedDerivationError(stored.path.path, 'a dynamic derivation')
  }
  return stored.derivation.outputs.map(output => {
    const { kind, name } = output
    if (kind !== 'fixed' && kind !== 'input-addressed') {
      throw new UnsupportedDerivationError(stored.path.path, UNSUPPORTED[kind])
    }
    const made = { name, path: parseStorePath(output.path), derivation: stored }
    return kind === 'fixed' ? fetchedSource(made) : { ...made, kind: 'output' }
  })
}

function fetchedSource(made: Pick<Output, 'name' | 'path' | 'derivation'>): Output {
  const declared = saidOfOutput(declaredIn(made.derivation))
  return {
    ...made,
    kind: 'fetched-source',
    ...(declared.length === 0 ? {} : { declared }),
    ...(isSaidToBeSignature(made.derivation.derivation) ? { isSignature: true } : {}),
  }
}

const UNSUPPORTED = {
  floating: 'a content-addressed derivation',
  impure: 'an impure derivation',
  deferred: 'built from content-addressed or impure derivations',
} as const
