/** A small world as it lies on the disk and in the store's database. */
import type { UpstreamAnswer } from '../../../src/evidence/upstreams/upstream.ts'
import type { IncomingQuestion } from '../../../src/formats/hook-question.ts'
import type { PathInfo } from '../../../src/store/store-client.ts'

/** Where everything but the store lies. */
export const HOME = '/nix/nixsig'
export const ATTESTATIONS = `${HOME}/attestations`

export interface StoredFile {
  readonly bytes: Uint8Array
  readonly isExecutable: boolean
}

/** What is judged, by a name that the same thing has in every variant of a world: `0`, `0.drv`, `1-dev`. */
export interface Question {
  readonly name: string
  readonly path: string
}

export interface World {
  /** What lies in /nix/store, valid or not, by store path. */
  readonly disk: ReadonlyMap<string, StoredFile>
  /** What is valid. */
  readonly infos: ReadonlyMap<string, PathInfo>
  /** Outputs of the derivations that are valid, by name. */
  readonly outputs: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Lines of the attestation files, by the path that they are about. */
  readonly attestations: ReadonlyMap<string, readonly string[]>
  /** Detached signatures that are kept beside them, by the path of the file. */
  readonly signatures: ReadonlyMap<string, Uint8Array>
  /** Text of the policy. */
  readonly policy: string
  readonly paths: readonly Question[]
  /** Derivations that are valid. */
  readonly derivations: readonly Question[]
  /** What two binary caches say of a path. */
  readonly answers: ReadonlyMap<string, readonly UpstreamAnswer[]>
  /** What Nix's database is about to say of a path. */
  readonly incoming: ReadonlyMap<string, IncomingQuestion>
}
