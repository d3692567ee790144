/** The minor version of Nix 2 in which Lix began to be another program. */
const FORKED = 18

/**
 * The first minor version of Nix 2 that takes the files of a commit from git's objects. Those before
 * it take what `git archive` makes of the commit in a repository that it shares with other fetches.
 */
export const READS_OBJECTS = 20

/**
 * The minor version of Nix 2 in what a program of it says about its version: 26 for
 * `nix (Nix) 2.26.3`. Lix, which numbers its versions on its own, fetches as 2.18 does. Undefined if
 * the text names no version.
 */
export function minorOf(text: string): number | undefined {
  const minor = /\b2\.(\d{1,3})(?:[.\w+-]*)\s*$/.exec(text)?.[1]
  if (minor === undefined) return undefined
  return /\bLix\b/i.test(text) ? FORKED : Number(minor)
}
