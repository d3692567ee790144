import { type Admits, expectOutput, type Found, settle } from '../ledger/expected.ts'
import { notePresent } from '../ledger/present.ts'
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
  /** Under which policy it was judged, and until when that holds. */
  readonly found: Found
  /** With which contents each output may become valid, by its name. One that is not in here may with none. */
  readonly admits: ReadonlyMap<string, Admits>
  /** Outputs that were valid before; store paths. What merely lies on the disk, Nix deletes and makes. */
  readonly valid: ReadonlySet<string>
}

/**
 * Notes all outputs of a build as expected or as there before, whichever way it was found that it may start: see
 * ledger/expected.ts. Nothing else writes expectations.
 */
export function expectBuild(state: string, build: StartingBuild): void {
  const { derivation, outputs, time, found, admits, valid } = build
  for (const { name, path } of outputs) {
    // What is valid already will not be made by this build.
    const stamp = valid.has(path.path) ? identityOf(path.path) : undefined
    if (stamp !== undefined) {
      notePresent(state, { digest: path.digest, path: path.path, derivation, stamp })
      continue
    }
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
 * Takes back what earlier builds of these outputs were let do, but for outputs that are valid (store paths): those are
 * still to be judged. Nix holds the outputs' locks while it asks, so no other build of them runs.
 */
export function withdrawBuild(state: string, outputs: Build['outputs'], valid: StartingBuild['valid']): void {
  for (const { path } of outputs) {
    if (!valid.has(path.path)) settle(state, path.digest)
  }
}
