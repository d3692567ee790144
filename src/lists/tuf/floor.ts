/**
 * What this machine has seen of a list, below which nothing may go: versions that were signed, or
 * named by what was signed, and the latest time. Whether the rest of an update succeeds does not
 * matter to it.
 */
import { jsonObject, printJson } from '../../formats/json/print.ts'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  namedNodes,
  positiveOf,
  rootNode,
  sha256Of,
  stringOf,
} from '../../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import { TEAM_ROLE } from '../../formats/lists/names.ts'
import type { TufRole } from '../../formats/lists/tuf-keys.ts'
import type { TufMetadata } from '../../formats/lists/tuf-metadata.ts'
import type { TufTargets } from '../../formats/lists/tuf-signed.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'

const FORMAT = 'nixsig-tuf-floor-1'
export const FLOOR_LIMIT = 2 * 1024 * 1024
/** What one state can bring: a snapshot's names, and what its teams signed, with room for more. */
const MARK_LIMIT = 512
const SIGNER_LIMIT = 64
/** The last second that has a date of four digits. */
const LATEST = 253_402_300_799

/** A version of a role that somebody vouched for. */
interface Mark {
  /** `timestamp`, `snapshot`, `targets` or `team-NAME`. */
  readonly role: string
  readonly version: number
  /** SHA-256 of what was signed; undefined where its version was only named. */
  readonly digest?: string
  /** The role that signed or named it. */
  readonly source: string
  /**
   * The latest version that each key of `source` has signed or named. Those with at least the
   * version of the mark stand behind it.
   */
  readonly by: ReadonlyMap<string, number>
  /** Whether a later version was seen, whose signers do not count any more. */
  readonly superseded?: true
}

/** A mark as it is made: one version, and the keys behind it. */
interface Vouched extends Omit<Mark, 'by' | 'superseded'> {
  readonly by: readonly string[]
}

export class Floor {
  /** Seconds since 1970: the latest time that this machine's clock had at an update. */
  readonly seen: number
  readonly #marks: ReadonlyMap<string, Mark>

  constructor(seen = 0, marks: readonly Mark[] = []) {
    this.seen = seen
    this.#marks = new Map(marks.map(mark => [keyOf(mark), mark]))
  }

  /** The time that counts when the clock says `now`: a clock that was set back does not help. */
  at(now: number): Floor {
    return new Floor(Math.max(this.seen, withinDates(now)), [...this.#marks.values()])
  }

  /** For a clock that was ahead: with this as the latest time, and all versions as they were. */
  setBack(now: number): Floor {
    return new Floor(withinDates(now), [...this.#marks.values()])
  }

  /** Throws FormatError if a version of a role is older than one that was seen. */
  assertNotBelow(role: string, version: number): void {
    for (const mark of this.#of(role)) {
      if (version > mark.version || (version === mark.version && mark.superseded === undefined)) continue
      throw new FormatError(`${role} metadata`, `goes back: ${wordsOf(mark)}`, `version ${version}`)
    }
  }

  /** Throws FormatError for an older metadata than was seen, and for another of the same version. */
  assertFollows(role: string, metadata: TufMetadata): void {
    const { version } = metadata.signed
    this.assertNotBelow(role, version)
    const digest = toHex(sha256(metadata.message))
    for (const mark of this.#of(role))
      if (mark.version === version && mark.digest !== undefined && mark.digest !== digest)
        throw new FormatError(`${role} metadata`, 'was signed with other contents', `version ${version}`)
  }

  /** Throws FormatError if a role that `source` has named is not among these: none is forgotten. */
  assertStillNamed(source: string, roles: ReadonlySet<string>): void {
    for (const mark of this.#marks.values())
      if (mark.source === source && mark.role !== source && !roles.has(mark.role))
        throw new FormatError(`${source} metadata`, `no longer has ${mark.role}`, mark.role)
  }

  /** Whether a role was seen, or named by another. */
  knows(role: string): boolean {
    return this.#of(role).length > 0
  }

  /** With a metadata that these keys of its role have signed. */
  withSeen(role: string, { signed, message }: TufMetadata, by: readonly string[]): Floor {
    return this.#with([{ role, version: signed.version, digest: toHex(sha256(message)), source: role, by }])
  }

  /** With versions of roles that are named in a metadata of `source`, which these of its keys signed. */
  withNamed(
    source: string,
    versions: Iterable<readonly [role: string, version: number]>,
    by: readonly string[],
  ): Floor {
    return this.#with([...versions].map(([role, version]) => ({ role, version, source, by })))
  }

  /**
   * Without what rests on keys that a new root has withdrawn: whoever stole them may have raised a
   * version as far as it goes, and the keepers could never reach it. What enough of the keys that
   * stay have vouched for keeps counting.
   */
  under(roles: Readonly<Record<string, TufRole>>): Floor {
    return this.#mapped(mark => {
      const role = roles[mark.source]
      return role === undefined ? mark : restingOn(mark, role)
    })
  }

  /**
   * Without teams that the list's keepers have removed, and without what was signed by a team's keys
   * that they have withdrawn.
   */
  withTeamsOf({ delegations }: TufTargets): Floor {
    const roles = Object.fromEntries(delegations.map(delegation => [delegation.name, delegation]))
    const isThere = ({ role }: Mark) => !TEAM_ROLE.test(role) || roles[role] !== undefined
    return this.#mapped(mark => (isThere(mark) ? mark : undefined)).under(roles)
  }

  #mapped(change: (mark: Mark) => Mark | undefined): Floor {
    return new Floor(
      this.seen,
      [...this.#marks.values()].flatMap(mark => change(mark) ?? []),
    )
  }

  #of(role: string): readonly Mark[] {
    return [...this.#marks.values()].filter(mark => mark.role === role)
  }

  /** A later mark takes the place of one from the same source. */
  #with(marks: readonly Vouched[]): Floor {
    const merged = marks.map(mark => {
      const before = this.#marks.get(keyOf(mark))?.by ?? new Map<string, number>()
      return { ...mark, by: new Map([...before, ...mark.by.map(id => [id, mark.version] as const)]) }
    })
    return new Floor(this.seen, [...this.#marks.values(), ...merged])
  }

  print(): string {
    const marks = [...this.#marks.values()].map(({ role, version, digest, source, by, superseded }) =>
      jsonObject([
        ['role', role],
        ['version', version],
        ['digest', digest],
        ['source', source],
        ['by', jsonObject([...by])],
        ['superseded', superseded],
      ]),
    )
    const json = jsonObject([
      ['format', FORMAT],
      ['seen', this.seen],
      ['marks', marks],
    ])
    return `${printJson(json)}\n`
  }
}

/**
 * What is left of a mark under the keys of its source. Each of `threshold` keys that stay has
 * vouched for at least this version, so that no thief alone made it. A later one was seen, and
 * whoever signs now knows of it.
 */
function restingOn(mark: Mark, { keyids, threshold }: TufRole): Mark | undefined {
  const by = new Map([...mark.by].filter(([id]) => keyids.includes(id)))
  const behind = (keys: ReadonlyMap<string, number>) =>
    [...keys.values()].filter(version => version >= mark.version).length
  if (behind(by) >= threshold || behind(by) === behind(mark.by)) return { ...mark, by }
  const version = [...by.values()].sort((a, b) => b - a)[threshold - 1]
  if (version === undefined) return undefined
  const { role, source } = mark
  return { role, version, source, by, ...(role === source && { superseded: true }) }
}

function wordsOf({ version, digest, source, superseded }: Mark): string {
  if (superseded) return `a later version than ${version} was seen before`
  return `version ${version} was ${digest === undefined ? `named by ${source}` : 'seen'} before`
}

function withinDates(now: number): number {
  return Math.min(Math.max(Math.floor(now), 1), LATEST)
}

/** Reads what `print` has printed. Throws FormatError. */
export function parseFloor(bytes: Uint8Array): Floor {
  const value = parseStrictJson(decodeUtf8(bytes, 'floor'), { length: FLOOR_LIMIT, depth: 5 })
  const parts = fields(rootNode('floor', value), {
    required: ['format', 'seen', 'marks'],
    optional: [],
    others: 'refuse',
  })
  if (stringOf(parts.format) !== FORMAT) throw malformed(parts.format, `must be "${FORMAT}"`)
  const seen = positiveOf(parts.seen)
  if (seen > LATEST) throw malformed(parts.seen, 'is later than the year 9999')
  const marks = listOf(parts.marks, MARK_LIMIT).map(readMark)
  if (new Set(marks.map(keyOf)).size < marks.length) throw malformed(parts.marks, 'has a mark twice')
  return new Floor(seen, marks)
}

function readMark(node: JsonNode): Mark {
  const parts = fields(node, {
    required: ['role', 'version', 'source', 'by'],
    optional: ['digest', 'superseded'],
    others: 'refuse',
  })
  if (parts.superseded !== undefined && parts.superseded.value !== true)
    throw malformed(parts.superseded, 'must be true')
  return {
    role: roleOf(parts.role),
    version: positiveOf(parts.version),
    ...(parts.digest !== undefined && { digest: sha256Of(parts.digest) }),
    source: roleOf(parts.source),
    by: readSigners(parts.by),
    ...(parts.superseded !== undefined && { superseded: true }),
  }
}

function readSigners(node: JsonNode): ReadonlyMap<string, number> {
  return new Map(
    namedNodes(node, SIGNER_LIMIT, 'keys').map(([id, item]) => [
      sha256Of({ ...node, value: id }),
      positiveOf(item),
    ]),
  )
}

function roleOf(node: JsonNode): string {
  const role = stringOf(node)
  if (['timestamp', 'snapshot', 'targets'].includes(role) || TEAM_ROLE.test(role)) return role
  throw malformed(node, 'is not a role')
}

function keyOf({ role, source }: Pick<Mark, 'role' | 'source'>): string {
  return `${role} ${source}`
}
