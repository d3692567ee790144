import { parseStorePath } from '../formats/nix/store-path.ts'
import { readExpected } from '../ledger/expected.ts'
import { readPresent } from '../ledger/present.ts'
import { identityOf } from '../ledger/stamp.ts'
import type { PathInfo } from '../store/store-client.ts'

/** Seconds by which the outputs of one build may be registered apart, and before the hook is called. */
const TOGETHER = 5
const JUST_NOW = 300

/** A derivation that was built, and those of its outputs that are valid and not judged. */
export interface Built {
  readonly derivation: string
  readonly valid: readonly PathInfo[]
  /** Seconds since 1970. */
  readonly now: number
}

/** What a build that a hook is called after has to do with outputs; store paths. */
export interface OfBuild {
  /** It made these, or made the same bytes once more. */
  readonly made: ReadonlySet<string>
  /** It put these into the store, so they may be taken out again. */
  readonly isNew: ReadonlySet<string>
}

/**
 * Tells what a build made from what was here before. Nix builds a derivation again where one of its outputs is missing,
 * and keeps the others as they were, whoever made them; or to compare (`--check`), and calls the hook only if all of
 * them came out the same. What the pre-build hook expected of this derivation is new, and what it found there is not.
 * Where it was not called, as outside the sandbox, the store tells by when it registered a path.
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
