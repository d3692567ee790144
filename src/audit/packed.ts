/**
 * What an audit keeps, in few bytes: each path once, and each verdict once that many paths share.
 * Reading it is most of what a second audit costs.
 */
import { isStorePath } from '../formats/nix/store-path.ts'
import type { Instant, KeyIdentity } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { KnownKey } from './key-registry.ts'
import type { Judged, Registered, Trusted } from './member.ts'

/** What verdicts of the ledger rest on besides the entries. */
export interface Basis {
  /** Of nixsig, which may judge otherwise in another version. */
  readonly version: string
  readonly policy: string
  /** The identity of this machine's key. */
  readonly own: KeyIdentity | undefined
}

/** What is kept. */
export interface Kept {
  /** When the audit began, and when what it judged by is no longer what it was. */
  readonly time: Instant
  readonly change: Instant | undefined
  readonly basis: Basis
  /** The state of the database; undefined: it changed meanwhile, or just before. */
  readonly database: string | undefined
  /** Of the keys whose signatures `infos` have, sorted. */
  readonly names: readonly string[]
  /** Whether `infos` has every valid path. */
  readonly isWhole: boolean
  readonly infos: readonly Registered[]
  /** Valid paths of which nothing else is kept. */
  readonly valid: readonly string[]
  readonly judged: readonly (readonly [path: string, Judged])[]
  readonly keys: readonly (readonly [KeyIdentity, KnownKey])[]
}

/**
 * The form in the file: columns, as long texts are read many times faster than thousands of short
 * ones. Numbers are places in `paths`, `signatures` or `standings`.
 */
export interface Packed extends Omit<Kept, 'infos' | 'judged'> {
  /** Each with a line feed. */
  readonly paths: string
  /** What paths share of these, each with a line feed. */
  readonly signatures: string
  readonly standings: readonly Omit<Trusted, 'until'>[]
  readonly infos: {
    readonly path: readonly number[]
    /** 64 characters each. */
    readonly narHash: string
    readonly narSize: readonly number[]
    /** How many of `references` belong to each. */
    readonly count: readonly number[]
    readonly references: readonly number[]
    readonly registrationTime: readonly number[]
    readonly isContentAddressed: readonly (0 | 1)[]
    readonly signatures: readonly number[]
  }
  readonly judged: {
    readonly path: readonly number[]
    readonly kind: readonly Judged['kind'][]
    /** Each with a line feed, as `entry` and `files`. */
    readonly stamp: string
    readonly entry: string
    readonly files: string
    readonly signatures: readonly number[]
    readonly narHash: string
    readonly builtHere: readonly (0 | 1)[]
    /** One more than the place; 0: none. */
    readonly derivation: readonly number[]
    readonly inputs: readonly (readonly number[] | null)[]
    readonly standing: readonly number[]
    readonly until: readonly (number | null)[]
  }
}

/** Packs it. */
export function packed({ infos, judged, ...rest }: Kept): Packed {
  const paths = numbering<string>()
  const signatures = numbering<string>()
  // What is alike shares its claims.
  const claims = numbering<Trusted['claims']>()
  const standings: Omit<Trusted, 'until'>[] = []
  const columns = { stamp: '', entry: '', files: '', narHash: '' }
  const rows = judged.flatMap(([path, one]) => {
    const { standing, stamp, entry, narHash } = one
    if (standing.outcome !== 'trusted' || stamp === undefined || entry === undefined || narHash === undefined)
      return []
    const { until = null, ...verdict } = standing
    const place = claims.of(standing.claims)
    standings[place] = verdict
    columns.stamp += `${stamp}\n`
    columns.entry += `${entry}\n`
    columns.files += `${one.files}\n`
    columns.narHash += narHash
    return { ...one, path: paths.of(path), standing: place, until }
  })
  const registered = infos.map(info => paths.of(info.path))
  return {
    ...rest,
    infos: {
      path: registered,
      narHash: infos.map(({ narHash }) => narHash).join(''),
      narSize: infos.map(({ narSize }) => narSize),
      count: infos.map(({ references }) => references.length),
      references: infos.flatMap(({ references }) => references.map(paths.of)),
      registrationTime: infos.map(({ registrationTime }) => registrationTime),
      isContentAddressed: infos.map(({ isContentAddressed }) => (isContentAddressed ? 1 : 0)),
      signatures: infos.map(info => signatures.of(info.signatures)),
    },
    judged: {
      ...columns,
      signatures: rows.map(row => signatures.of(row.signatures)),
      path: rows.map(({ path }) => path),
      kind: rows.map(({ kind }) => kind),
      builtHere: rows.map(({ builtHere }) => (builtHere ? 1 : 0)),
      derivation: rows.map(({ derivation }) => (derivation === undefined ? 0 : paths.of(derivation) + 1)),
      inputs: rows.map(({ inputs }) => inputs?.map(paths.of) ?? null),
      standing: rows.map(({ standing }) => standing),
      until: rows.map(({ until }) => until),
    },
    paths: linesOf(paths.all()),
    signatures: linesOf(signatures.all()),
    standings,
  }
}

/** Throws FormatError where a column is too short or too long, or a place is in no list. */
export function unpacked({ paths: text, standings, infos, judged, ...packed }: Packed): Kept {
  const { signatures: signed, ...rest } = packed
  const paths = linesIn(text)
  if (!paths.every(isStorePath)) throw broken('a path', 'that is not a store path')
  const signatures = linesIn(signed)
  if (!signatures.every(one => SIGNATURES.test(one))) throw broken('signatures', 'that are malformed')
  const places = {
    pathAt: (place: number) => at(paths, place),
    signaturesAt: (place: number) => at(signatures, place),
  }
  return { ...rest, infos: infosIn(infos, places), judged: judgedIn(judged, standings, places) }
}

interface Places {
  pathAt(place: number): string
  signaturesAt(place: number): string
}

function infosIn(infos: Packed['infos'], { pathAt, signaturesAt }: Places): readonly Registered[] {
  const { path, narHash, narSize, count, references, registrationTime, isContentAddressed } = infos
  const numbers = [narSize, count, registrationTime, isContentAddressed, infos.signatures]
  assertLengths(path, [narHash.length / HASH, ...numbers])
  let used = 0
  const all = path.map((place, row): Registered => {
    const first = used
    used += at(count, row)
    return {
      path: pathAt(place),
      narHash: narHash.slice(row * HASH, (row + 1) * HASH),
      narSize: at(narSize, row),
      references: references.slice(first, used).map(pathAt),
      registrationTime: at(registrationTime, row),
      isContentAddressed: isContentAddressed[row] === 1,
      signatures: signaturesAt(at(infos.signatures, row)),
    }
  })
  if (used !== references.length) throw broken('references', `${references.length} and not ${used}`)
  return all
}

function judgedIn(
  {
    path,
    narHash,
    kind,
    builtHere,
    derivation,
    inputs,
    signatures,
    standing,
    until,
    ...texts
  }: Packed['judged'],
  standings: Packed['standings'],
  { pathAt, signaturesAt }: Places,
): Kept['judged'] {
  const [stamp, entry, files] = [linesIn(texts.stamp), linesIn(texts.entry), linesIn(texts.files)]
  const columns = [stamp, entry, files, kind, builtHere, derivation, inputs, signatures, standing, until]
  assertLengths(path, [narHash.length / HASH, ...columns])
  if (!stamp.every(one => STAMP.test(one))) throw broken('a stamp', 'that is malformed')
  if (!entry.every(one => VERSION.test(one))) throw broken('a version', 'that is malformed')
  if (!files.every(one => FILES.test(one))) throw broken('files', 'that are malformed')
  const sharing = openShared()
  return path.map((place, row) => {
    const made = at(derivation, row)
    return [
      pathAt(place),
      {
        kind: at(kind, row),
        stamp: at(stamp, row),
        entry: at(entry, row),
        narHash: narHash.slice(row * HASH, (row + 1) * HASH),
        builtHere: builtHere[row] === 1,
        derivation: made === 0 ? undefined : pathAt(made - 1),
        inputs: inputs[row]?.map(pathAt),
        signatures: signaturesAt(at(signatures, row)),
        files: at(files, row),
        standing: sharing(at(standings, at(standing, row)), until[row] ?? undefined),
      },
    ] as const
  })
}

/** Those that end together are one: what is alike is told in one go. */
function openShared(): (verdict: Omit<Trusted, 'until'>, until: number | undefined) => Trusted {
  const shared = new Map<object, Map<number | undefined, Trusted>>()
  return (verdict, until) => {
    const known = shared.get(verdict) ?? new Map<number | undefined, Trusted>()
    shared.set(verdict, known)
    const standing = known.get(until) ?? { ...verdict, until }
    known.set(until, standing)
    return standing
  }
}

const HASH = 64
/** Times may be before 1970. */
const STAMP = /^\d+:-?\d+(?::\d+:-?\d+:-?\d+)?$/
const VERSION = /^\d+:-?\d+$/
/** With a space between: as namedSignatures and Later (later.ts) have them. */
const SIGNATURES = /^(?:[!-~]+(?: (?!$)|$))*$/
const FILES = /^(?:\d+:\d+:-?\d+(?: (?!$)|$))*$/

function assertLengths(path: readonly number[], columns: readonly (number | readonly unknown[])[]): void {
  for (const column of columns) {
    const length = typeof column === 'number' ? column : column.length
    if (length !== path.length) throw broken('a column', `of ${length} and not ${path.length}`)
  }
}

function linesOf(texts: readonly string[]): string {
  return texts.map(text => `${text}\n`).join('')
}

function linesIn(text: string): readonly string[] {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw broken('a column', 'that is cut')
  return lines
}

function broken(what: string, problem: string): FormatError {
  return new FormatError('kept audit', `${what} ${problem}`, 'a list')
}

function at<T>(list: readonly T[], place: number): T {
  const value = list[place]
  if (value === undefined) throw broken('no place', `${place} of ${list.length}`)
  return value
}

/** Numbers for values, in the order in which they are asked for. */
function numbering<T>() {
  const numbers = new Map<T, number>()
  return {
    of(value: T): number {
      const known = numbers.get(value)
      if (known !== undefined) return known
      numbers.set(value, numbers.size)
      return numbers.size - 1
    },
    all: (): readonly T[] => [...numbers.keys()],
  }
}
