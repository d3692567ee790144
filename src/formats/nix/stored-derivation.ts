import { FormatError } from '../../primitives/format-error.ts'
import { type Derivation, derivationReferences, parseDerivation } from './derivation.ts'
import { checkFixedOutputPath } from './derivation-output.ts'
import { textPath } from './make-store-path.ts'
import { derivationName, outputPathName, parseStorePath, type StorePath } from './store-path.ts'

/**
 * Reads a .drv that was found at a store path, and believes nothing: its contents are what the path stands for, and
 * every output lies where Nix will put it. Throws FormatError.
 */
export function parseStoredDerivation(path: StorePath, bytes: Uint8Array): Derivation {
  const name = derivationName(path)
  const derivation = parseDerivation(bytes)
  if (textPath(path.name, bytes, derivationReferences(derivation)) !== path.path) {
    throw new FormatError('derivation', 'its contents are not what its store path stands for', path.path)
  }
  checkOutputPaths(derivation, name)
  return derivation
}

/**
 * Throws FormatError unless each output's path has the name that the derivation's name gives it and, if it is fixed,
 * is the one that its hash gives it. `name` is the derivation's.
 */
export function checkOutputPaths(derivation: Derivation, name: string): void {
  for (const output of derivation.outputs) {
    checkFixedOutputPath(output, name)
    if (output.kind !== 'input-addressed') continue
    const expected = outputPathName(name, output.name)
    if (parseStorePath(output.path).name !== expected) {
      throw new FormatError('derivation', `output is not called ${expected}`, output.path)
    }
  }
}
