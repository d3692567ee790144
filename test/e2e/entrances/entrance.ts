/** One row of the entrance matrix: a way by which something can come into the store, and what has to come of it. */

import type { GuardedWorld } from '../../support/guarded-world.ts'
import type { Outcome, User, Version, World } from '../../support/world.ts'

/** One run of an entrance: one user, trusted or not, in the world of one Nix. */
export interface Cell {
  readonly guarded: GuardedWorld
  readonly world: World
  readonly user: User
  readonly trusted: boolean
  /** Of this cell alone, of a-z, 0-9 and -: for the names of derivations and files. */
  readonly name: string
}

export interface Attempt {
  /** Of the command, as `world.run` gives it. */
  readonly outcome: Outcome
  /** What must be valid in /nix if, and only if, the attempt passed. */
  readonly path?: string
}

export interface Entrance {
  /** Markdown, as docs/entrances.md shows it: "`nix copy --from file://…`". */
  readonly entrance: string
  /** Who tries: `alice` through the daemon, `root` without one, … */
  readonly users: readonly User[]
  /**
   * What becomes of what nobody attested. `data`: let in as data, a build upon it is refused. `open`: nobody can close
   * this one, and `note` says why.
   */
  readonly untrusted: 'refused' | 'data' | 'open'
  /**
   * What becomes of what is attested: it passes, unless told. `refused`: the entrance is closed to everything, and
   * `note` says so.
   */
  readonly trusted?: 'passes' | 'refused'
  /** All unless told. */
  readonly versions?: readonly Version[]
  /** What refuses: "plugin", "pre-build hook", "build-hook front", "gate", "Nix itself". */
  readonly by: string
  /** Is in the refusal that the user sees; on 2.8, where Nix may show "constraint failed" alone, in the daemon's log. */
  readonly reason?: RegExp
  readonly note?: string
  /** Its untrusted cells are about what was valid before nixsig came. */
  readonly hasBefore?: boolean
  /** For one of its users it is called twice in an untrusted cell: the second time must be refused as well. */
  attempt(cell: Cell): Promise<Attempt>
}
