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
  rootNode,
  sha256Of,
  stringOf,
} from '../../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import { positiveOf, type TufRole } from '../../formats/lists/tuf-keys.ts'
import type { TufMetadata } from '../../formats/lists/tuf-metadata.ts'
import { TEAM_ROLE, type TufTargets } from '../../formats/lists/tuf-signed.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'

const FORMAT = 'nixsig-tuf-floor-1'
export const FLOOR_LIMIT = 2 * 1024 * 1024
const MARK_LIMIT = 256
const SIGNER_LIMIT = 64

/** A version of a role that somebody vouched for. */
interface Mark {
  /** `timestamp`, `snapshot`, `targets` or `team-NAME`. */
  readonly role: string
  readonly version: number
  /** SHA-256 of what was signed; undefined where its version was only named. */
  readonly digest?: string
  /** The role that signed or named it, and its keys that did. */
  readonly source: string
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
    return new Floor(Math.max(this.seen, now), [...this.#marks.values()])
  }

  /** For a clock that was ahead: with this as the latest time, and all versions as they were. */
  setBack(now: number): Floor {
    return new Floor(now, [...this.#marks.values()])
  }

  /** Throws FormatError if a version of a role is older than one that was seen. */
  assertNotBelow(role: string, version: number): void {
    for (const mark of this.#of(role)) {
      if (version < mark.version)
        throw new FormatError(
          `${role} metadata`,
          `goes back: version ${mark.version} was ${mark.digest === undefined ? `named by ${mark.source}` : 'seen'} before`,
          `version ${version}`,
        )
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
   * version as far as it goes, and the keepers could never reach it. Keys that stay keep their marks.
   */
  under(roles: Readonly<Record<string, TufRole>>): Floor {
    return this.#filtered(({ source, by }) => {
      const role = roles[source]
      return role === undefined || by.filter(id => role.keyids.includes(id)).length >= role.threshold
    })
  }

  /**
   * Without teams that the list's keepers have removed, and without what was signed by a team's keys
   * that they have withdrawn.
   */
  withTeamsOf({ delegations }: TufTargets): Floor {
    const roles = Object.fromEntries(delegations.map(delegation => [delegation.name, delegation]))
    return this.#filtered(({ role }) => !TEAM_ROLE.test(role) || roles[role] !== undefined).under(roles)
  }

  #filtered(stays: (mark: Mark) => boolean): Floor {
    return new Floor(this.seen, [...this.#marks.values()].filter(stays))
  }

  #of(role: string): readonly Mark[] {
    return [...this.#marks.values()].filter(mark => mark.role === role)
  }

  /** A later mark takes the place of one from the same source. */
  #with(marks: readonly Mark[]): Floor {
    return new Floor(this.seen, [...this.#marks.values(), ...marks])
  }

  print(): string {
    const marks = [...this.#marks.values()].map(({ role, version, digest, source, by }) =>
      jsonObject([
        ['role', role],
        ['version', version],
        ['digest', digest],
        ['source', source],
        ['by', by],
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

/** Reads what `print` has printed. Throws FormatError. */
export function parseFloor(bytes: Uint8Array): Floor {
  const value = parseStrictJson(decodeUtf8(bytes, 'floor'), { length: FLOOR_LIMIT, depth: 5 })
  const parts = fields(rootNode('floor', value), {
    required: ['format', 'seen', 'marks'],
    optional: [],
    others: 'refuse',
  })
  if (stringOf(parts.format) !== FORMAT) throw malformed(parts.format, `must be "${FORMAT}"`)
  return new Floor(positiveOf(parts.seen), listOf(parts.marks, MARK_LIMIT).map(readMark))
}

function readMark(node: JsonNode): Mark {
  const parts = fields(node, {
    required: ['role', 'version', 'source', 'by'],
    optional: ['digest'],
    others: 'refuse',
  })
  return {
    role: roleOf(parts.role),
    version: positiveOf(parts.version),
    ...(parts.digest !== undefined && { digest: sha256Of(parts.digest) }),
    source: roleOf(parts.source),
    by: listOf(parts.by, SIGNER_LIMIT).map(sha256Of),
  }
}

function roleOf(node: JsonNode): string {
  const role = stringOf(node)
  if (['timestamp', 'snapshot', 'targets'].includes(role) || TEAM_ROLE.test(role)) return role
  throw malformed(node, 'is not a role')
}

function keyOf({ role, source }: Mark): string {
  return `${role} ${source}`
}
