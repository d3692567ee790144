/**
 * Whether a word of the command line is written as a directory: `.`, `..`, or with `/`, `./` or
 * `../` in front or a slash at the end. No commit, branch, tag or remote is written so. Only the
 * spelling decides, never what is on the disk: whoever made what lies here could otherwise change
 * what a word means, with a directory that is called as a branch or a remote.
 */
export function isWrittenAsDirectory(word: string): boolean {
  return /^(?:\/|\.\.?(?:\/|$))|^[^:]*\/$/.test(word)
}
