/**
 * Expectations: outputs whose build was allowed to start and that have not been judged yet. One
 * file for each output under `expected/`, named like ledger entries. It is written before a build
 * and removed when the output is judged. If it remains although the output is valid, the output was
 * never judged, because a hook was killed or never called.
 *
 *     nixsig2 <output path> <derivation path>
 *     name <output name>
 *     time <seconds since 1970>
 *     under <digest of the policy> <never, or seconds since 1970>
 *     admits <any | these | asked | nothing>
 *     allow sha256:<NAR hash, hex>      after `admits these`: once for each hash, 128 at most
 *
 * It says with which contents the output may become valid, under which policy that was found, and
 * until when it holds: a build may run for days. A file in the earlier format, `nixsig1`, or without
 * `under` and `admits`, allows nothing.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isPartial, writeDurably } from '../files/durable-file.ts'
import { readOwnedFile, readOwnedPresentFile, wholeRecord } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { removeFile } from '../files/remove-file.ts'
import { isStorePath, isStorePathName } from '../formats/nix/store-path.ts'
import { printable } from '../primitives/printable.ts'

const RECORD_LIMIT = 16 * 1024
/**
 * The most hashes that are kept, so that no number of attestations makes a file too long to be
 * read.
 */
const ALLOWED_LIMIT = 128

/** The contents with which an output may become valid, as found before its build started. */
export type Admits =
  /**
   * `any`: any contents; that this machine built it is enough. `asked`: a signature over the bytes
   * decides. `nothing`: it was refused.
   */
  | { readonly kind: 'any' | 'asked' | 'nothing' }
  /** NAR hashes, hex; at least one. Only the first 128 are kept. */
  | { readonly kind: 'these'; readonly hashes: readonly string[] }

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

/** The policy under which `admits` was found, and until when that holds. */
export interface Found {
  /** Digest of the policy, lower-case hex. */
  readonly policy: string
  /** Seconds since 1970; undefined if it has no end. */
  readonly until: number | undefined
}

const FORM = new RegExp(
  [
    '^nixsig([12]) (/\\S+) (/\\S+)',
    'name (\\S+)',
    'time (\\d{1,15})',
    `(?:under ([0-9a-f]{64}) (never|\\d{1,15})\n)?(?:admits (any|these|asked|nothing)\n)?((?:allow sha256:[0-9a-f]{64}\n){0,${ALLOWED_LIMIT}})$`,
  ].join('\n'),
)

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
export function expectOutput(state: string, expected: Expected): void {
  const { admits, found } = expected
  const hashes = admits.kind === 'these' ? admits.hashes.slice(0, ALLOWED_LIMIT) : []
  const lines = [
    `nixsig2 ${expected.path} ${expected.derivation}\n`,
    `name ${expected.output}\n`,
    `time ${expected.time}\n`,
    ...(found === undefined ? [] : [`under ${found.policy} ${found.until ?? 'never'}\n`]),
    `admits ${admits.kind}\n`,
    ...hashes.map(hash => `allow sha256:${hash}\n`),
  ]
  writeDurably(expectedFile(state, expected.digest), lines.join(''), { flush: false })
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
  const [, version, path, derivation, output, time, policy, until, word, allowed] = FORM.exec(text) ?? []
  const isMade = path?.startsWith(`/nix/store/${digest}-`) === true && isStorePath(path)
  const isNamed = derivation !== undefined && isStorePath(derivation)
  if (!isMade || !isNamed || output === undefined || !isStorePathName(output) || allowed === undefined) {
    throw new FileError(`${printable(file)} is no record of an expected output`)
  }
  const found =
    policy === undefined ? undefined : { policy, until: until === 'never' ? undefined : Number(until) }
  const admits = admitsOf(version === '2' && found !== undefined ? word : undefined, allowed)
  return { digest, path, derivation, output, time: Number(time), found, admits }
}

/** Interprets the lines about contents. Anything unclear allows nothing. */
function admitsOf(word: string | undefined, allowed: string): Admits {
  const hashes = allowed
    .split('\n')
    .flatMap(line => (line === '' ? [] : [line.slice('allow sha256:'.length)]))
  if (word === 'these' && hashes.length > 0) return { kind: word, hashes }
  if ((word === 'any' || word === 'asked') && hashes.length === 0) return { kind: word }
  return { kind: 'nothing' }
}
