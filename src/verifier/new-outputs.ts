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

/** A derivation that was built, with its outputs that are valid and not judged. */
export interface Built {
  readonly derivation: string
  readonly valid: readonly PathInfo[]
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

/**
 * Separates what a build made from what was here before. Nix builds a derivation again if one of
 * its outputs is missing, and keeps the other outputs, whoever made them. It also builds again to
 * compare (`--check`), and calls the hook only if all outputs came out the same. An output for
 * which the pre-build hook wrote an expectation is new; one that it noted as present is not. If
 * that hook was not called, as outside the sandbox, the registration time in the store decides.
 */
export function ofThisBuild(state: string, { derivation, valid, now }: Built): OfBuild {
  const digestOf = ({ path }: PathInfo) => parseStorePath(path).digest
  const expected = valid.filter(info => readExpected(state, digestOf(info))?.derivation === derivation)
  if (expected.length > 0) return { made: pathsOf(expected), isNew: pathsOf(expected) }
  const isPresent = (info: PathInfo) => {
    const present = readPresent(state, digestOf(info))
    return present?.derivation === derivation && present.stamp === identityOf(info.path)
  }
  const others = valid.filter(info => !isPresent(info))
  if (others.length === 0) return { made: pathsOf(valid), isNew: new Set() }
  const newest = Math.max(...others.map(({ registrationTime }) => registrationTime))
  const since = Math.max(newest - TOGETHER, now - JUST_NOW)
  const recent = pathsOf(others.filter(({ registrationTime }) => registrationTime >= since))
  return { made: recent, isNew: recent }
}

function pathsOf(infos: readonly PathInfo[]): ReadonlySet<string> {
  return new Set(infos.map(({ path }) => path))
}
