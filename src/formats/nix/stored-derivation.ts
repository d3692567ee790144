import { FormatError } from '../../primitives/format-error.ts'
import { type Derivation, derivationReferences, parseDerivation } from './derivation.ts'
import { checkFixedOutputPath } from './derivation-output.ts'
import { textPath } from './make-store-path.ts'
import { derivationName, outputPathName, parseStorePath, type StorePath } from './store-path.ts'

/**
 * Parses a .drv that was found at a store path. Checks that the path belongs to the contents, and
 * that every output has the path that Nix will give it. Throws FormatError.
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
 * Throws FormatError unless the path of each output has the name that follows from the derivation's
 * name and, for a fixed output, is the one that follows from its hash. `name` is the name of the
 * derivation.
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
