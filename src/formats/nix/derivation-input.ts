import {
  accept,
  type Cursor,
  expect,
  printBareString,
  printList,
  problem,
  readBareString,
  readSortedList,
} from './aterm.ts'
import { readOutputName } from './derivation-output.ts'
import { isDerivationPath, parseStorePath } from './store-path.ts'

/** How deeply outputs of outputs may be nested. */
const DEPTH_LIMIT = 16

/**
 * The outputs of a derivation that are used, and outputs of those outputs that are derivations
 * themselves.
 */
export interface UsedOutputs {
  /** Output names, sorted. */
  readonly outputs: readonly string[]
  /** Sorted by output. Empty in all but dynamic derivations. */
  readonly dynamic: readonly DynamicInput[]
}

/** An output that is a derivation, and which of its outputs are used. */
export interface DynamicInput extends UsedOutputs {
  readonly output: string
}

/** A derivation that another one has as an input. */
export interface InputDerivation extends UsedOutputs {
  /** The full store path of its .drv. */
  readonly path: string
}

/**
 * Reads `("/nix/store/….drv",["out"])`. If `dynamic`, the used outputs may be nested. Throws
 * FormatError.
 */
export function readInputDerivation(cursor: Cursor, dynamic: boolean): InputDerivation {
  expect(cursor, '(')
  const start = cursor.at
  const path = parseStorePath(readBareString(cursor))
  if (!isDerivationPath(path)) throw problem(cursor, `${path.path} is not a derivation`, start)
  expect(cursor, ',')
  const used = readUsedOutputs(cursor, dynamic ? DEPTH_LIMIT : 0)
  expect(cursor, ')')
  return { path: path.path, ...used }
}

/** Prints an input as readInputDerivation reads it. */
export function printInputDerivation(input: InputDerivation): string {
  return `(${printBareString(input.path)},${printUsedOutputs(input)})`
}

function readUsedOutputs(cursor: Cursor, depth: number): UsedOutputs {
  const start = cursor.at
  if (depth > 0 && accept(cursor, '(')) {
    const outputs = readOutputNames(cursor)
    expect(cursor, ',')
    const dynamic = readSortedList(
      cursor,
      cursor => readDynamicInput(cursor, depth - 1),
      input => input.output,
    )
    expect(cursor, ')')
    if (dynamic.length === 0) throw problem(cursor, 'no output of an output is used', start)
    return { outputs, dynamic }
  }
  const outputs = readOutputNames(cursor)
  if (outputs.length === 0) throw problem(cursor, 'no output is used', start)
  return { outputs, dynamic: [] }
}

function readDynamicInput(cursor: Cursor, depth: number): DynamicInput {
  expect(cursor, '(')
  const output = readOutputName(cursor)
  expect(cursor, ',')
  const used = readUsedOutputs(cursor, depth)
  expect(cursor, ')')
  return { output, ...used }
}

function readOutputNames(cursor: Cursor): readonly string[] {
  return readSortedList(cursor, readOutputName, name => name)
}

function printUsedOutputs({ outputs, dynamic }: UsedOutputs): string {
  const names = printList(outputs, printBareString)
  return dynamic.length === 0 ? names : `(${names},${printList(dynamic, printDynamicInput)})`
}

function printDynamicInput(input: DynamicInput): string {
  return `(${printBareString(input.output)},${printUsedOutputs(input)})`
}
