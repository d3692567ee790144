/**
 * What an audit keeps, in few bytes: each path once, and each verdict once that many paths share.
 * Reading it is most of what a second audit costs.
 */
import type { Instant, KeyIdentity } from '../policy/policy.ts'
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
    /** One more than the place in `infos` of the NAR hash that it has; 0: the next of `narHash`. */
    readonly registered: readonly number[]
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
  const columns = { stamp: [] as string[], entry: [] as string[], files: [] as string[] }
  const narHashes: string[] = []
  // Numbers first, so that they are places in `infos` as well.
  const registered = infos.map(info => paths.of(info.path))
  const rows = judged.flatMap(([path, one]) => {
    const { standing, stamp, entry, narHash } = one
    if (standing.outcome !== 'trusted' || stamp === undefined || entry === undefined || narHash === undefined)
      return []
    const { until = null, ...verdict } = standing
    const place = claims.of(standing.claims)
    standings[place] = verdict
    columns.stamp.push(stamp)
    columns.entry.push(entry)
    columns.files.push(one.files)
    const number = paths.of(path)
    const info = infos[number]
    const isRegistered = info?.path === path && info.narHash === narHash
    if (!isRegistered) narHashes.push(narHash)
    const { kind, builtHere, derivation, inputs } = one
    const found = { kind, builtHere, derivation, inputs, signatures: one.signatures, standing: place, until }
    return { ...found, path: number, registered: isRegistered ? number + 1 : 0 }
  })
  return {
    ...rest,
    infos: {
      path: registered,
      narHash: infos.map(({ narHash }) => narHash).join(''),
      narSize: infos.map(({ narSize }) => narSize),
      count: infos.map(({ references }) => references.length),
      references: numbersOf(infos, paths.of),
      registrationTime: infos.map(({ registrationTime }) => registrationTime),
      isContentAddressed: infos.map(({ isContentAddressed }) => (isContentAddressed ? 1 : 0)),
      signatures: infos.map(info => signatures.of(info.signatures)),
    },
    judged: {
      stamp: linesOf(columns.stamp),
      entry: linesOf(columns.entry),
      files: linesOf(columns.files),
      signatures: rows.map(row => signatures.of(row.signatures)),
      registered: rows.map(({ registered }) => registered),
      narHash: narHashes.join(''),
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

function numbersOf(infos: Kept['infos'], numberOf: (path: string) => number): readonly number[] {
  const numbers: number[] = []
  for (const { references } of infos) for (const path of references) numbers.push(numberOf(path))
  return numbers
}

function linesOf(texts: readonly string[]): string {
  return texts.map(text => `${text}\n`).join('')
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
