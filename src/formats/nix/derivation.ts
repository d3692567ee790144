/**
 * Derivations as stored in .drv files (Nix manual, "Derivation ATerm format"). All text is byte
 * strings: one character, U+0000 to U+00FF, per byte. `textOf` in aterm.ts decodes them for
 * messages.
 */
import { FormatError } from '../../primitives/format-error.ts'
import {
  accept,
  type Cursor,
  expect,
  openText,
  printBareString,
  printList,
  printString,
  problem,
  readBareString,
  readList,
  readSortedList,
  readString,
} from './aterm.ts'
import { type InputDerivation, printInputDerivation, readInputDerivation } from './derivation-input.ts'
import { type DerivationOutput, printOutput, readOutput } from './derivation-output.ts'
import { textPath } from './make-store-path.ts'
import { parseStorePath } from './store-path.ts'

/** Limit on the bytes of one .drv, and so on everything in it. */
export const DERIVATION_LIMIT = 64 * 1024 * 1024

/** The only named version: inputs may be outputs of outputs that are derivations. */
const DYNAMIC = 'xp-dyn-drv'

/** A parsed derivation. */
export interface Derivation {
  /** `xp-dyn-drv` if some input is an output of an output, else undefined. */
  readonly version: typeof DYNAMIC | undefined
  /**
   * At least one, all of one kind, sorted by name. A fixed output is the only one and is named
   * `out`.
   */
  readonly outputs: readonly DerivationOutput[]
  /** Sorted by path. */
  readonly inputDerivations: readonly InputDerivation[]
  /** Full store paths, sorted. */
  readonly inputSources: readonly string[]
  /** `x86_64-linux`, `builtin` … */
  readonly system: string
  readonly builder: string
  readonly args: readonly string[]
  /** Names and values, sorted by name. Structured attributes are JSON in `__json`. */
  readonly env: readonly (readonly [name: string, value: string])[]
}

/**
 * Parses a .drv. Accepts only what Nix writes, so `printDerivation` gives the same bytes back.
 * Throws FormatError with the offset, also for unsorted or repeated items.
 */
export function parseDerivation(bytes: Uint8Array): Derivation {
  if (bytes.byteLength > DERIVATION_LIMIT) {
    throw new FormatError('derivation', `larger than ${DERIVATION_LIMIT} bytes`, `${bytes.byteLength} bytes`)
  }
  const cursor = openText(bytes)
  const version = readVersion(cursor)
  const outputs = readOutputs(cursor)
  expect(cursor, ',')
  const inputDerivations = readInputDerivations(cursor, version)
  expect(cursor, ',')
  const inputSources = readSortedList(
    cursor,
    cursor => parseStorePath(readBareString(cursor)).path,
    path => path,
  )
  expect(cursor, ',')
  const system = readBareString(cursor)
  expect(cursor, ',')
  const builder = readString(cursor)
  expect(cursor, ',')
  const args = readList(cursor, readString)
  expect(cursor, ',')
  const env = readSortedList(cursor, readVariable, ([name]) => name)
  expect(cursor, ')')
  if (cursor.at < cursor.text.length) throw problem(cursor, 'something follows the derivation')
  return { version, outputs, inputDerivations, inputSources, system, builder, args, env }
}

/**
 * The bytes of a .drv, as Nix writes them. Expects what `parseDerivation` guarantees: all lists
 * sorted.
 */
export function printDerivation(derivation: Derivation): Uint8Array {
  const { version, outputs, inputDerivations, inputSources, system, builder, args, env } = derivation
  const fields = [
    ...(version === undefined ? [] : [printBareString(version)]),
    printList(outputs, printOutput),
    printList(inputDerivations, printInputDerivation),
    printList(inputSources, printBareString),
    printBareString(system),
    printString(builder),
    printList(args, printString),
    printList(env, ([name, value]) => `(${printString(name)},${printString(value)})`),
  ]
  return Buffer.from(`${version === undefined ? 'Derive' : 'DrvWithVersion'}(${fields.join(',')})`, 'latin1')
}

/** The references of a .drv, which its own store path commits to, sorted. */
export function derivationReferences(derivation: Derivation): readonly string[] {
  const paths = [...derivation.inputSources, ...derivation.inputDerivations.map(input => input.path)]
  return [...new Set(paths)].sort()
}

/**
 * The store path of a .drv with these contents; `name` includes the `.drv`. A .drv that is read
 * from the store must have this path, or its contents do not belong to its name. Throws
 * FormatError.
 */
export function derivationPathOf(bytes: Uint8Array, name: string): string {
  return textPath(name, bytes, derivationReferences(parseDerivation(bytes)))
}

/** A variable of the builder's environment; undefined if absent. */
export function variableOf(derivation: Derivation, name: string): string | undefined {
  return derivation.env.find(variable => variable[0] === name)?.[1]
}

function readVersion(cursor: Cursor): typeof DYNAMIC | undefined {
  if (accept(cursor, 'Derive(')) return undefined
  expect(cursor, 'DrvWithVersion(')
  const start = cursor.at
  if (readBareString(cursor) !== DYNAMIC) throw problem(cursor, `version is not ${DYNAMIC}`, start)
  expect(cursor, ',')
  return DYNAMIC
}

function readOutputs(cursor: Cursor): readonly DerivationOutput[] {
  const start = cursor.at
  const outputs = readSortedList(cursor, readOutput, output => output.name)
  const [first] = outputs
  if (first === undefined) throw problem(cursor, 'no outputs', start)
  if (outputs.some(output => output.kind !== first.kind)) throw problem(cursor, 'outputs of two kinds', start)
  if (first.kind === 'fixed' && (outputs.length > 1 || first.name !== 'out')) {
    throw problem(cursor, 'a fixed output must be the only one and be named out', start)
  }
  return outputs
}

function readInputDerivations(cursor: Cursor, version: Derivation['version']): readonly InputDerivation[] {
  const start = cursor.at
  const isDynamic = version !== undefined
  const inputs = readSortedList(
    cursor,
    cursor => readInputDerivation(cursor, isDynamic),
    input => input.path,
  )
  if (isDynamic && inputs.every(input => input.dynamic.length === 0)) {
    throw problem(cursor, `version ${DYNAMIC} without a dynamic input`, start)
  }
  return inputs
}

function readVariable(cursor: Cursor): readonly [name: string, value: string] {
  expect(cursor, '(')
  const name = readString(cursor)
  expect(cursor, ',')
  const value = readString(cursor)
  expect(cursor, ')')
  return [name, value]
}
