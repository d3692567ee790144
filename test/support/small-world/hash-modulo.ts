/**
 * Computes the store paths of outputs as Nix does (Nix manual, "Derivation": hashes modulo
 * fixed-output derivations), for derivations that tests make.
 */

import { printHashedBy } from '../../../src/formats/nix/content-address.ts'
import { type Derivation, printDerivation } from '../../../src/formats/nix/derivation.ts'
import { outputPath } from '../../../src/formats/nix/make-store-path.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { sha256 } from '../../../src/primitives/sodium.ts'

/** The hash of a derivation modulo fixed-output derivations, by the path of its .drv. */
export type Modulo = (drvPath: string) => string

/** The hash (hex) that replaces a derivation in those that depend on it. */
export function hashModulo(derivation: Derivation, modulo: Modulo): string {
  const [first] = derivation.outputs
  if (first?.kind === 'fixed') {
    return hex(`fixed:out:${printHashedBy(first)}:${first.hash}:${first.path}`)
  }
  return toHex(sha256(printDerivation(withHashedInputs(derivation, modulo))))
}

/** Fills in the paths that Nix gives a derivation's outputs. `name`: without `.drv`. */
export function withOutputPaths(blank: Derivation, name: string, modulo: Modulo): Derivation {
  const hash = toHex(sha256(printDerivation(withHashedInputs(blank, modulo))))
  const paths = new Map(
    blank.outputs.map(output => [output.name, outputPath({ name, output: output.name, hash })]),
  )
  return {
    ...blank,
    outputs: blank.outputs.map(output => ({
      kind: 'input-addressed',
      name: output.name,
      path: paths.get(output.name) ?? '',
    })),
    env: blank.env.map(([key, value]) => [key, paths.get(key) ?? value]),
  }
}

/**
 * Replaces inputs by their hashes; inputs with the same hash become one, with the outputs of both.
 */
function withHashedInputs(derivation: Derivation, modulo: Modulo): Derivation {
  const outputs = new Map<string, readonly string[]>()
  for (const input of derivation.inputDerivations) {
    const hash = modulo(input.path)
    outputs.set(hash, [...new Set([...(outputs.get(hash) ?? []), ...input.outputs])].sort())
  }
  const inputDerivations = [...outputs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, names]) => ({ path, outputs: names, dynamic: [] }))
  return { ...derivation, inputDerivations }
}

function hex(text: string): string {
  return toHex(sha256(Buffer.from(text, 'latin1')))
}
