import { expectOutput } from '../ledger/expected.ts'
import { notePresent } from '../ledger/present.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { AdmittedOutput } from './admitted.ts'

/** A build that may start. */
export interface StartingBuild {
  /** Store path of the derivation. */
  readonly derivation: string
  readonly outputs: readonly AdmittedOutput[]
  /** Seconds since 1970. */
  readonly time: number
  /** Of each output that builders attested, by its name: the NAR hashes that it may come out with, hex. */
  readonly allowed: ReadonlyMap<string, readonly string[]>
}

/** Notes all outputs of a build as expected or as there before, whichever way it was found that it may start: see ledger/expected.ts. */
export function expectBuild(state: string, { derivation, outputs, time, allowed }: StartingBuild): void {
  for (const { name, path } of outputs) {
    // What is there already will not be made by this build.
    const stamp = identityOf(path.path)
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
      allowed: allowed.get(name) ?? [],
    })
  }
}
