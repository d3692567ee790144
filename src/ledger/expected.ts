/**
 * Expectations: outputs whose build was allowed to start and that have not been judged yet. One
 * file for each output under `expected/`, named like ledger entries. It is written before a build
 * and removed when the output is judged. If it remains although the output is valid, the output was
 * never judged, because a hook was killed or never called.
 *
 *     nixsig3 <output path> <derivation path> <policy> <until> <what is allowed>   see first-line.ts
 *     name <output name>
 *     time <seconds since 1970>
 *
 * It says with which contents the output may become valid, under which policy that was found, and
 * until when it holds: a build may run for days. A file of an earlier format, `nixsig1` or
 * `nixsig2`, allows nothing.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial, writeDurably } from '../files/durable-file.ts'
import { readOwnedFile, readOwnedPresentFile, wholeRecord } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { isStorePath, isStorePathName } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'
import {
  type Admits,
  type ExpectationLine,
  expectationLine,
  type Found,
  parseExpectationLine,
} from './first-line.ts'

const RECORD_LIMIT = 16 * 1024

export type { Admits, Found }

/** An output whose build was allowed to start and that has not been judged yet. */
export interface Expected {
  /** The 32-character hash part of the output's path. */
  readonly digest: string
  readonly path: string
  readonly derivation: string
  readonly output: string
  readonly time: number
  /** Undefined if the file does not say, and then it allows nothing. */
  readonly found: Found | undefined
  readonly admits: Admits
}

/** An expectation of a build that is about to start. */
export type NewExpected = Expected & { readonly found: Found }

const REST = /^name (\S+)\ntime (\d{1,15})\n$/
/** A file of an earlier format, as far as it is read. */
const OLD_START = /^nixsig[12] (\/\S+) (\/\S+)\n/
const OLD_REST =
  /^name (\S+)\ntime (\d{1,15})\n(?:under [0-9a-f]{64} (?:never|\d{1,15})\n)?(?:admits [a-z]+\n)?(?:allow sha256:[0-9a-f]{64}\n){0,128}$/

/**
 * Returns the file of an output's expectation. `digest` is the 32-character hash part of its store
 * path.
 */
export function expectedFile(state: string, digest: string): string {
  return join(state, 'expected', digest)
}

/**
 * Writes the expectation of an output. It survives the hook but not a power failure: see
 * docs/threat-model.md.
 */
export function expectOutput(state: string, expected: NewExpected): void {
  const text = `${expectationLine(expected)}name ${expected.output}\ntime ${expected.time}\n`
  writeDurably(expectedFile(state, expected.digest), text, { flush: false })
}

/** Removes an expectation, because the output was judged. */
export function settle(state: string, digest: string): void {
  removeFile(expectedFile(state, digest))
}

/**
 * Removes the expectation of an output that was registered at this time, in seconds since 1970. An
 * expectation of a build that started later stays: whoever judged or took out the earlier output
 * does not hold the output's lock.
 */
export function settleMade(state: string, digest: string, registered: number): void {
  if (isOfLater(state, digest, registered)) return
  settle(state, digest)
}

function isOfLater(state: string, digest: string, registered: number): boolean {
  try {
    return (readExpected(state, digest)?.time ?? 0) > registered
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

/** Returns the hash parts of all expected outputs. */
export function listExpected(state: string): readonly string[] {
  try {
    return readdirSync(join(state, 'expected')).filter(entry => !isPartial(entry))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/**
 * Reads an expectation; undefined if it was removed meanwhile, or if a power failure left the file
 * empty. Throws FileError if it is malformed.
 */
export function readExpected(state: string, digest: string): Expected | undefined {
  return expectedIn(expectedFile(state, digest), digest, readOwnedFile)
}

/** Reads an expectation as `readExpected` does; faster if the file exists. */
export function readListedExpected(state: string, digest: string): Expected | undefined {
  return expectedIn(expectedFile(state, digest), digest, readOwnedPresentFile)
}

function expectedIn(file: string, digest: string, read: typeof readOwnedFile): Expected | undefined {
  const text = wholeRecord(read(file, RECORD_LIMIT))
  if (text === undefined) return undefined
  const start = startOf(text)
  const [, output, time] =
    (start?.found === undefined ? OLD_REST : REST).exec(text.slice(start?.length)) ?? []
  const isMade = start?.path.startsWith(`/nix/store/${digest}-`) === true && isStorePath(start.path)
  if (!isMade || !isStorePath(start.derivation) || output === undefined || !isStorePathName(output)) {
    throw new FileError(`${printable(file)} is no record of an expected output`)
  }
  const { path, derivation, found, admits } = start
  return { digest, path, derivation, output, time: Number(time), found, admits }
}

type Start = Pick<ExpectationLine, 'path' | 'derivation' | 'admits'> & {
  found: Found | undefined
  length: number
}

/** Reads what a file begins with; undefined if it is not an expectation in any format. */
function startOf(text: string): Start | undefined {
  const line = parseExpectationLine(text)
  if (line !== undefined) return line
  const [whole, path = '', derivation = ''] = OLD_START.exec(text) ?? []
  if (whole === undefined) return undefined
  return { path, derivation, found: undefined, admits: { kind: 'nothing' }, length: whole.length }
}
