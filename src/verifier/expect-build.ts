import { type Admits, expectOutput, type Found, settle } from '../ledger/expected.ts'
import { forgetPresent, notePresent } from '../ledger/present.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { AdmittedOutput } from './admitted.ts'

/** A derivation and what it makes. */
export interface Build {
  /** Store path of the derivation. */
  readonly derivation: string
  readonly outputs: readonly Pick<AdmittedOutput, 'name' | 'path'>[]
}

/** A build that may start. */
export interface StartingBuild extends Build {
  /** Seconds since 1970. */
  readonly time: number
  /** The policy under which it was judged, and until when that holds. */
  readonly found: Found
  /**
   * The contents with which each output may become valid, by output name. An output that is not
   * listed may not become valid with any contents.
   */
  readonly admits: ReadonlyMap<string, Admits>
  /**
   * Store paths of the outputs that were already valid. Nix deletes and rebuilds what lies on the
   * disk without being valid.
   */
  readonly valid: ReadonlySet<string>
}

/**
 * Writes an expectation for each output of a build, or notes that the output was there before: see
 * ledger/expected.ts. Used however it was decided that the build may start. Nothing else writes
 * expectations.
 */
export function expectBuild(state: string, build: StartingBuild): void {
  const { derivation, outputs, time, found, admits, valid } = build
  for (const { name, path } of outputs) {
    // This build will not make an output that is already valid.
    const stamp = valid.has(path.path) ? identityOf(path.path) : undefined
    if (stamp !== undefined) {
      notePresent(state, { digest: path.digest, path: path.path, derivation, stamp })
      continue
    }
    forgetPresent(state, path.digest)
    expectOutput(state, {
      digest: path.digest,
      path: path.path,
      derivation,
      output: name,
      time,
      found,
      admits: admits.get(name) ?? { kind: 'nothing' },
    })
  }
}

/**
 * Removes the expectations that earlier builds left for these outputs, except for valid outputs
 * (store paths), which are still to be judged. Nix holds the outputs' locks while it asks, so no
 * other build of them is running.
 */
export function withdrawBuild(state: string, outputs: Build['outputs'], valid: StartingBuild['valid']): void {
  for (const { path } of outputs) {
    if (!valid.has(path.path)) settle(state, path.digest)
  }
}
