import { parseStorePath } from '../formats/nix/store-path.ts'
import { readExpected } from '../ledger/expected.ts'
import { readPresent } from '../ledger/present.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { PathInfo } from '../store/store-client.ts'

/**
 * How far apart the outputs of one build may be registered, and how long before the hook is called;
 * seconds.
 */
const TOGETHER = 5
const JUST_NOW = 300

/**
 * What is known of the end of a build. `build`, `check`: Nix has just called its hook; in the
 * second case all outputs had been noted as present, so Nix compared them with what it made.
 * `unknown`: no hook says that any build ended, and only expectations tell what was built.
 */
export type Ending = 'build' | 'check' | 'unknown'

/** A derivation that was built, with its outputs that are valid and not judged. */
export interface Built {
  readonly derivation: string
  /** Store paths of all its outputs, judged or not. */
  readonly outputs: readonly string[]
  readonly valid: readonly PathInfo[]
  readonly ending: Ending
  /** Seconds since 1970. */
  readonly now: number
}

/** How outputs relate to the build that a hook is called after; store paths. */
export interface OfBuild {
  /** The build made these, or made the same bytes again. */
  readonly made: ReadonlySet<string>
  /** The build put these into the store, so they may be taken out again. */
  readonly isNew: ReadonlySet<string>
}

/** Whether Nix built or compared; asked at once when Nix calls the hook of this derivation. */
export function endingOf(state: string, derivation: string, outputs: readonly string[]): Ending {
  const isCheck = outputs.length > 0 && outputs.every(path => isPresent(state, derivation, path))
  return isCheck ? 'check' : 'build'
}

const NOTHING: OfBuild = { made: new Set(), isNew: new Set() }

/**
 * Separates what a build made from what was here before. Nix builds a derivation again if one of
 * its outputs is missing, and keeps the other outputs, whoever made them. It also builds again to
 * compare (`--check`), and calls the hook only if all outputs came out the same. An output for
 * which the pre-build hook wrote an expectation is new; one that it noted as present is not. If
 * that hook was not called, as outside the sandbox, the registration time in the store decides. A
 * missing record proves nothing: others may have judged the output and removed it.
 */
export function ofThisBuild(state: string, { derivation, outputs, valid, ending, now }: Built): OfBuild {
  const digestOf = ({ path }: PathInfo) => parseStorePath(path).digest
  const expected = valid.filter(info => readExpected(state, digestOf(info))?.derivation === derivation)
  if (expected.length > 0) return { made: pathsOf(expected), isNew: pathsOf(expected) }
  if (ending === 'unknown') return NOTHING
  const noted = outputs.filter(path => isPresent(state, derivation, path))
  if (ending === 'check' && noted.length === outputs.length) return { made: pathsOf(valid), isNew: new Set() }
  // Where there are notes, the pre-build hook was called, so it is known what it expected.
  if (ending === 'check' || noted.length > 0) return NOTHING
  const newest = Math.max(...valid.map(({ registrationTime }) => registrationTime))
  const since = Math.max(newest - TOGETHER, now - JUST_NOW)
  const recent = pathsOf(valid.filter(({ registrationTime }) => registrationTime >= since))
  return { made: recent, isNew: recent }
}

/** Whether a build of this derivation found the output that lies there now. */
function isPresent(state: string, derivation: string, path: string): boolean {
  const present = readPresent(state, parseStorePath(path).digest)
  return present?.derivation === derivation && present.stamp === identityOf(path)
}

function pathsOf(infos: readonly PathInfo[]): ReadonlySet<string> {
  return new Set(infos.map(({ path }) => path))
}
