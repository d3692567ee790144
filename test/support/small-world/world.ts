/** A small world as it is on disk and in the store's database. */
import type { UpstreamAnswer } from '../../../src/evidence/upstreams/upstream.ts'
import type { IncomingQuestion } from '../../../src/formats/hook-question.ts'
import type { PathInfo } from '../../../src/store/store-client.ts'

/** The directory with everything except the store. */
export const HOME = '/nix/nixsig'
export const ATTESTATIONS = `${HOME}/attestations`

export interface StoredFile {
  readonly bytes: Uint8Array
  readonly isExecutable: boolean
}

/**
 * A path that is judged, by a name that it has in every variant of a world: `0`, `0.drv`, `1-dev`.
 */
export interface Question {
  readonly name: string
  readonly path: string
}

export interface World {
  /** The files in /nix/store, valid or not, by store path. */
  readonly disk: ReadonlyMap<string, StoredFile>
  /** The valid paths. */
  readonly infos: ReadonlyMap<string, PathInfo>
  /** The outputs of the valid derivations, by name. */
  readonly outputs: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Lines of the attestation files, by the path that they are about. */
  readonly attestations: ReadonlyMap<string, readonly string[]>
  /** Detached signatures kept beside them, by the path of the file. */
  readonly signatures: ReadonlyMap<string, Uint8Array>
  /** The text of the policy. */
  readonly policy: string
  readonly paths: readonly Question[]
  /** The valid derivations. */
  readonly derivations: readonly Question[]
  /** The two binary caches' answers about a path. */
  readonly answers: ReadonlyMap<string, readonly UpstreamAnswer[]>
  /** The rows that Nix's database is about to get for a path. */
  readonly incoming: ReadonlyMap<string, IncomingQuestion>
  /** What lies in the store when such a row is about to be written, by path. */
  readonly arrived: ReadonlyMap<string, StoredFile>
}
