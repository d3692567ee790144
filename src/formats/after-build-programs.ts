/**
 * The list of programs that run after a build that passed, `/etc/nixsig/after-build`: one absolute
 * path a line. Empty lines and lines that begin with `#` are ignored.
 */
import { FormatError } from '../primitives/format-error.ts'

/** The most bytes of the list, and programs in it. */
export const AFTER_BUILD_LIMIT = 16 * 1024
const COUNT_LIMIT = 32

/** Reads the list. Throws FormatError for anything else. */
export function parseAfterBuild(text: string): readonly string[] {
  const programs: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const program = line.trim()
    if (program === '' || program.startsWith('#')) continue
    const where = `line ${index + 1}`
    if (!/^\/[\x20-\x7e]+$/.test(program)) {
      throw new FormatError('list of programs', 'has a line that is not an absolute path', where)
    }
    if (programs.length === COUNT_LIMIT) throw new FormatError('list of programs', 'is too long', where)
    programs.push(program)
  }
  return programs
}
