/**
 * The questions that nixsig asks a Nix daemon (libstore, worker-protocol, WorkerProto::Op), at
 * protocol 1.34 or 1.35.
 */
import { parseStorePath } from '../formats/nix/store-path.ts'
import { readFrames } from './frames.ts'
import type { PathInfo } from './path-info.ts'
import { readSignatures } from './signatures.ts'
import { StoreError } from './store-error.ts'
import { type KnownPaths, openKnownPaths, type Whole, wholePathInfo, wholePaths } from './whole-path-info.ts'
import {
  encode,
  type Item,
  type Reader,
  readAnyNumber,
  readBoolean,
  readLength,
  readList,
  readNumber,
  readString,
  type SkippingReader,
  wireError,
} from './wire.ts'

export type { PathInfo } from './path-info.ts'

/** A request as bytes, and the reader of its answer. */
export interface Query<T> {
  readonly request: Uint8Array
  readonly answer: SkippingReader<T>
  /**
   * Reads the answer in one go, if it begins at this place of the bytes and is there whole;
   * undefined: `answer` has to read it.
   */
  readonly whole?: (bytes: Buffer, start: number) => Whole<T> | undefined
}

const OPERATION = {
  queryReferrers: 6,
  addTempRoot: 11,
  findRoots: 14,
  queryAllValidPaths: 23,
  queryPathInfo: 26,
  queryPathFromHashPart: 29,
  queryValidPaths: 31,
  queryValidDerivers: 33,
  addSignatures: 37,
  narFromPath: 38,
  queryDerivationOutputMap: 41,
} as const

/**
 * Asks what is registered about a path; undefined if the path is not valid. Of its signatures,
 * those with these names are kept first.
 */
export function queryPathInfo(path: string, names?: ReadonlySet<string>): Query<PathInfo | undefined> {
  return query(readPathInfo(path, names), OPERATION.queryPathInfo, parsed(path))
}

/** The same about many paths, in their order. `known`: paths that were met before. */
export function queryPathInfos(
  paths: readonly string[],
  known: KnownPaths = openKnownPaths(),
): readonly Query<PathInfo | undefined>[] {
  for (const path of paths) if (known.of(path) === undefined) parsed(path)
  return paths.map(path => ({
    request: encode(OPERATION.queryPathInfo, path),
    // Most are answered in the usual form.
    get answer() {
      return about(path, afterFrames(readPathInfo(path, undefined)))
    },
    whole: (bytes, start) => wholePathInfo(path, known, bytes, start),
  }))
}

/** Asks for the valid path with this hash part (32 characters); undefined if there is none. */
export function queryPathFromHashPart(digest: string): Query<string | undefined> {
  return query(readPathWith(digest), OPERATION.queryPathFromHashPart, digest)
}

/** Asks for the NAR of a valid path, which follows the answer. */
export function narFromPath(path: string): Query<void> {
  return query(readNothing(), OPERATION.narFromPath, parsed(path))
}

/** Asks which of these paths are valid. Nothing is substituted. */
export function queryValidPaths(paths: readonly string[]): Query<ReadonlySet<string>> {
  const substitute = 0
  return query(readSubset(new Set(paths)), OPERATION.queryValidPaths, paths.map(parsed), substitute)
}

/** Asks for every valid path. */
export function queryAllValidPaths(): Query<readonly string[]> {
  return query(readPaths('valid paths'), OPERATION.queryAllValidPaths)
}

/** Asks for the valid paths that refer to this one, itself among them if it does. */
export function queryReferrers(path: string): Query<readonly string[]> {
  return query(readPaths('referrers'), OPERATION.queryReferrers, parsed(path))
}

/**
 * Asks for the derivations in the store that have this path as an output, whether it is valid or
 * not.
 */
export function queryDerivers(path: string): Query<readonly string[]> {
  return query(readPaths('derivers'), OPERATION.queryValidDerivers, parsed(path))
}

/**
 * Asks for the outputs of a derivation by name; undefined where the path is only known after the
 * build.
 */
export function queryOutputs(derivation: string): Query<ReadonlyMap<string, string | undefined>> {
  return query(readOutputs(), OPERATION.queryDerivationOutputMap, parsed(derivation))
}

/**
 * Asks for everything that a garbage collection keeps for its own sake: what links lead to that Nix
 * knows, and what processes have open. Each path once.
 */
export function findRoots(): Query<ReadonlySet<string>> {
  return query(readRoots(), OPERATION.findRoots)
}

/** Protects a path from garbage collection while the connection is open. */
export function addTempRoot(path: string): Query<void> {
  return query(readDone(), OPERATION.addTempRoot, parsed(path))
}

/** Adds signatures, `name:base64` each, to a valid path. */
export function addSignatures(path: string, signatures: readonly string[]): Query<void> {
  return query(readDone(), OPERATION.addSignatures, parsed(path), signatures)
}

function query<T>(answer: SkippingReader<T>, ...request: readonly Item[]): Query<T> {
  return { request: encode(...request), answer: afterFrames(answer) }
}

function* afterFrames<T>(answer: SkippingReader<T>): SkippingReader<T> {
  yield* readFrames()
  return yield* answer
}

/** An error that the daemon reports about one path of many names it. */
function* about<T>(path: string, answer: SkippingReader<T>): SkippingReader<T> {
  try {
    return yield* answer
  } catch (error) {
    if (!(error instanceof StoreError) || error.message.includes(path)) throw error
    throw new StoreError(`${path}: ${error.message}`, error)
  }
}

function parsed(path: string): string {
  return parseStorePath(path).path
}

function* readPathInfo(
  path: string,
  names: ReadonlySet<string> | undefined,
): SkippingReader<PathInfo | undefined> {
  const isValid = yield* readBoolean('valid')
  if (!isValid) return undefined
  const deriver = yield* readOptionalPath('deriver')
  const narHash = yield* readString('nar hash')
  if (!/^[0-9a-f]{64}$/.test(narHash)) throw wireError('not a SHA-256 in hex', 'nar hash')
  const references = yield* readPaths('references')
  const registrationTime = yield* readAnyNumber()
  const narSize = yield* readNumber('nar size')
  const ultimate = yield* readBoolean('ultimate')
  const { kept, crowdedOut } = yield* readSignatures('signatures', names)
  const ca = yield* readString('content address')
  return {
    path,
    ...(deriver === undefined ? {} : { deriver }),
    narHash,
    references,
    registrationTime,
    narSize,
    ultimate,
    signatures: kept,
    ...(crowdedOut === 0 ? {} : { crowdedOut }),
    ...(ca === '' ? {} : { ca }),
  }
}

function* readPathWith(digest: string): Reader<string | undefined> {
  const path = yield* readOptionalPath('path')
  if (path === undefined || parseStorePath(path).digest === digest) return path
  throw wireError('a path with another hash part', 'path')
}

function* readNothing(): Reader<void> {}

function* readSubset(asked: ReadonlySet<string>): SkippingReader<ReadonlySet<string>> {
  const paths = yield* readPaths('valid paths')
  if (!paths.every(path => asked.has(path))) throw wireError('a path that was not asked about', 'valid paths')
  return new Set(paths)
}

function* readOutputs(): Reader<ReadonlyMap<string, string | undefined>> {
  const outputs = new Map<string, string | undefined>()
  for (const [name, path] of yield* readList('outputs', readOutput)) {
    if (outputs.has(name)) throw wireError('an output twice', 'outputs')
    outputs.set(name, path)
  }
  return outputs
}

function* readOutput(where: string): Reader<readonly [string, string | undefined]> {
  return [yield* readString(where), yield* readOptionalPath(where)]
}

function* readRoots(): Reader<ReadonlySet<string>> {
  return new Set(yield* readList('roots', readRoot))
}

function* readRoot(where: string): Reader<string> {
  // Who keeps it: a link of any bytes, or a process.
  yield* readString(where)
  return yield* readPath(where)
}

function* readDone(): Reader<void> {
  if ((yield* readNumber('done')) !== 1) throw wireError('not the sign that it was done', 'done')
}

/** In bulk, as far as they have arrived whole: to take steps for each takes many times as long. */
function* readPaths(where: string): SkippingReader<readonly string[]> {
  const length = yield* readLength(where)
  const paths: string[] = []
  while (paths.length < length) {
    const { value, end } = wholePaths(yield { peek: 8 }, length - paths.length)
    for (const path of value) paths.push(path)
    if (end > 0) yield end
    else paths.push(yield* readPath(where))
  }
  return paths
}

function* readPath(where: string): Reader<string> {
  const path = yield* readOptionalPath(where)
  if (path === undefined) throw wireError('an empty path', where)
  return path
}

function* readOptionalPath(where: string): Reader<string | undefined> {
  const text = yield* readString(where)
  return text === '' ? undefined : parsed(text)
}
