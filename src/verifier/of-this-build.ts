import { parseStorePath } from '../formats/nix/store-path.ts'
import { readExpected } from '../ledger/expected.ts'
import { readPresent } from '../ledger/present.ts'
import type { PathInfo } from '../store/store-client.ts'

/** Seconds by which the outputs of one build may be registered apart, and before the hook is called. */
const TOGETHER = 5
const JUST_NOW = 300

/**
 * Those of a derivation's valid outputs that the build made which a hook is called after. Nix builds a derivation again
 * where one of its outputs is missing, or to compare (`--check`), and keeps the others as they were: these were here
 * before, whoever made them. What the pre-build hook expected of this derivation is of this build, and what it found
 * there is not. Where it was not called, as outside the sandbox, the store tells by when it registered a path.
 */
export function ofThisBuild(
  state: string,
  {
    derivation,
    valid,
    now,
  }: { readonly derivation: string; readonly valid: readonly PathInfo[]; readonly now: number },
): ReadonlySet<string> {
  const isExpected = ({ path }: PathInfo) =>
    readExpected(state, parseStorePath(path).digest)?.derivation === derivation
  const expected = valid.filter(isExpected)
  if (expected.length > 0) return new Set(expected.map(({ path }) => path))
  const isPresent = ({ path, registrationTime }: PathInfo) => {
    const present = readPresent(state, parseStorePath(path).digest)
    return present?.derivation === derivation && registrationTime <= present.time
  }
  const newest = Math.max(...valid.map(({ registrationTime }) => registrationTime))
  const since = Math.max(newest - TOGETHER, now - JUST_NOW)
  const made = valid.filter(info => info.registrationTime >= since && !isPresent(info))
  return new Set(made.map(({ path }) => path))
}
