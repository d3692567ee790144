/**
 * What an audit keeps, in few bytes: each path once, and each verdict once that many paths share.
 * Reading it is most of what a second audit costs.
 */
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
  /** Whether `infos` has every valid path. */
  readonly isWhole: boolean
  readonly infos: readonly Registered[]
  /** Valid paths of which nothing else is kept. */
  readonly valid: readonly string[]
  readonly judged: readonly (readonly [path: string, Judged])[]
  readonly keys: readonly (readonly [KeyIdentity, KnownKey])[]
}

/** The form in the file. Numbers are places in `paths` or `standings`. */
export interface Packed extends Omit<Kept, 'infos' | 'judged'> {
  readonly paths: readonly string[]
  readonly standings: readonly Omit<Trusted, 'until'>[]
  readonly infos: readonly (readonly [
    path: number,
    narHash: string,
    narSize: number,
    references: readonly number[],
    registrationTime: number,
    isContentAddressed: 0 | 1,
  ])[]
  readonly judged: readonly (readonly [
    path: number,
    kind: Judged['kind'],
    stamp: string,
    entry: string,
    narHash: string,
    builtHere: 0 | 1,
    derivation: number | null,
    inputs: readonly number[] | null,
    standing: number,
    until: number | null,
  ])[]
}

/** Packs it. */
export function packed({ infos, judged, ...rest }: Kept): Packed {
  const paths = numbering<string>()
  // What is alike shares its claims.
  const claims = numbering<Trusted['claims']>()
  const standings: Omit<Trusted, 'until'>[] = []
  const some = judged.flatMap(([path, one]): Packed['judged'] => {
    const { standing, stamp, entry, narHash } = one
    if (standing.outcome !== 'trusted' || stamp === undefined || entry === undefined || narHash === undefined)
      return []
    const { until = null, ...verdict } = standing
    const place = claims.of(standing.claims)
    standings[place] = verdict
    const derivation = one.derivation === undefined ? null : paths.of(one.derivation)
    const inputs = one.inputs?.map(paths.of) ?? null
    const built = one.builtHere ? 1 : 0
    return [[paths.of(path), one.kind, stamp, entry, narHash, built, derivation, inputs, place, until]]
  })
  return {
    ...rest,
    infos: infos.map(({ path, narHash, narSize, references, registrationTime, isContentAddressed }) => [
      paths.of(path),
      narHash,
      narSize,
      references.map(paths.of),
      registrationTime,
      isContentAddressed ? 1 : 0,
    ]),
    judged: some,
    paths: paths.all(),
    standings,
  }
}

/** Throws FormatError where a place is in no list. */
export function unpacked({ paths, standings, infos, judged, ...rest }: Packed): Kept {
  const pathAt = (place: number): string => at(paths, place)
  return {
    ...rest,
    infos: infos.map(
      ([path, narHash, narSize, references, registrationTime, addressed]): Registered => ({
        path: pathAt(path),
        narHash,
        narSize,
        references: references.map(pathAt),
        registrationTime,
        isContentAddressed: addressed === 1,
      }),
    ),
    judged: judged.map(
      ([path, kind, stamp, entry, narHash, built, derivation, inputs, standing, until]) =>
        [
          pathAt(path),
          {
            kind,
            stamp,
            entry,
            narHash,
            builtHere: built === 1,
            derivation: derivation === null ? undefined : pathAt(derivation),
            inputs: inputs?.map(pathAt),
            standing: { ...at(standings, standing), until: until ?? undefined },
          },
        ] as const,
    ),
  }
}

function at<T>(list: readonly T[], place: number): T {
  const value = list[place]
  if (value === undefined)
    throw new FormatError('kept audit', `no place ${place} of ${list.length}`, 'a list')
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
