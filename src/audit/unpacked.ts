/** What an audit kept, from the form that it has in the file (packed.ts). */
import { isStorePath } from '../formats/nix/store-path.ts'
import { FormatError } from '../primitives/format-error.ts'
import type { Registered, Trusted } from './member.ts'
import type { Kept, Packed } from './packed.ts'

/** Throws FormatError where a column is too short or too long, or a place is in no list. */
export function unpacked({ paths: text, standings, infos, judged, ...packed }: Packed): Kept {
  const { signatures: signed, ...rest } = packed
  const paths = linesIn(text)
  if (!paths.every(isStorePath)) throw broken('a path', 'that is not a store path')
  const signatures = linesIn(signed)
  if (!signatures.every(one => SIGNATURES.test(one))) throw broken('signatures', 'that are malformed')
  const places: Places = {
    pathAt: place => at(paths, place),
    signaturesAt: place => at(signatures, place),
  }
  const registered = infosIn(infos, places)
  return { ...rest, infos: registered, judged: judgedIn(judged, { ...places, infos: registered, standings }) }
}

/** What numbers are places in. */
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
    const own: string[] = []
    for (const end = used + at(count, row); used < end; used++) own.push(pathAt(at(references, used)))
    return {
      path: pathAt(place),
      narHash: narHash.slice(row * HASH, (row + 1) * HASH),
      narSize: at(narSize, row),
      references: own,
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
    registered,
    kind,
    builtHere,
    derivation,
    inputs,
    signatures,
    standing,
    until,
    ...texts
  }: Packed['judged'],
  { infos, standings, pathAt, signaturesAt }: JudgedPlaces,
): Kept['judged'] {
  const [stamp, entry, files] = [linesIn(texts.stamp), linesIn(texts.entry), linesIn(texts.files)]
  const columns = [stamp, entry, files, kind, builtHere, derivation, inputs, signatures, standing, until]
  assertLengths(path, [registered, ...columns])
  if (!stamp.every(one => STAMP.test(one))) throw broken('a stamp', 'that is malformed')
  if (!entry.every(one => VERSION.test(one))) throw broken('a version', 'that is malformed')
  if (!files.every(one => FILES.test(one))) throw broken('files', 'that are malformed')
  const others = registered.filter(info => info === 0).length
  if (narHash.length !== others * HASH) throw broken('NAR hashes', `that are not ${others}`)
  const sharing = openShared()
  const nextHash = openHashes(narHash)
  return path.map((place, row) => {
    const made = at(derivation, row)
    const info = at(registered, row)
    return [
      pathAt(place),
      {
        kind: at(kind, row),
        stamp: at(stamp, row),
        entry: at(entry, row),
        narHash: info === 0 ? nextHash() : at(infos, info - 1).narHash,
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

/** One hash after another. */
function openHashes(hashes: string): () => string {
  let used = 0
  return () => {
    const hash = hashes.slice(used, used + HASH)
    used += HASH
    return hash
  }
}

/** What the numbers of what was judged are places in. */
interface JudgedPlaces extends Places, Pick<Packed, 'standings'> {
  readonly infos: Kept['infos']
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
