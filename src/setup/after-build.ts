/**
 * The post-build-hook that a machine had: setup has nixsig run it after its own. Its list is
 * src/formats/after-build-programs.ts.
 */
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { assertOwnProgram } from '../files/own-program.ts'
import { FileError } from '../files/regular-file.ts'
import { parseAfterBuild } from '../formats/after-build-programs.ts'
import { printable } from '../primitives/printable.ts'
import { settingText } from './carry/carried.ts'
import { type FileState, publicFile, readState, textOf } from './file-state.ts'
import type { Setting } from './nix-conf.ts'
import { HEADER } from './unit.ts'

/** The list of programs that run after a build, and the hook that has to be in it. */
export interface AfterBuild {
  readonly path: string
  readonly state: FileState | undefined
  /** The hook of nix.conf, where it is not in the list yet. */
  readonly hook?: {
    readonly program: string
    /** A file and line; safe to print. */
    readonly origin: string
    /** Why it cannot be carried over, with what to do; safe to print. */
    readonly problem: string | undefined
  }
}

/**
 * Looks at the list at `path`, and for a hook in these settings. Throws FileError and FormatError.
 */
export function lookAtAfterBuild(path: string, settings: readonly Setting[]): AfterBuild {
  const state = readState(path)
  const setting = settings.filter(({ name }) => name === 'post-build-hook').at(-1)
  if (setting === undefined || setting.words.length === 0) return { path, state }
  const program = settingText(setting)
  const isListed = parseAfterBuild(textOf(state)).includes(program)
  if (isListed || isHookOfNixsig(program)) return { path, state }
  const origin = `${printable(setting.file)}:${setting.line}`
  return { path, state, hook: { program, origin, problem: problemOf(program) } }
}

/** The list with the hook at its end. */
export function withHook({ state, hook }: AfterBuild): FileState | undefined {
  if (hook === undefined || hook.problem !== undefined) return state
  const head = `# ${HEADER}
# Programs that nixsig runs after a build, for the outputs that it admitted: one absolute path a line.
# Below is the post-build-hook that nix.conf named.
`
  const text = state === undefined ? head : textOf(state)
  const gap = text === '' || text.endsWith('\n') ? '' : '\n'
  const bytes = publicFile(`${text}${gap}${hook.program}\n`).bytes
  return { ...(state ?? publicFile('')), bytes }
}

function problemOf(program: string): string | undefined {
  if (!/^\/[\x20-\x7e]+$/.test(program)) return 'it is not an absolute path in ASCII'
  if (program.includes(' ') && !existsSync(program))
    return 'there is no program of that name; Nix takes the whole value for one path, so arguments belong into a script'
  try {
    assertOwnProgram(program)
    return undefined
  } catch (error) {
    if (error instanceof FileError) return error.message
    throw error
  }
}

/** Whether this is the hook of some nixsig, which must not run itself. */
function isHookOfNixsig(program: string): boolean {
  try {
    const real = realpathSync.native(program)
    const directory = dirname(real)
    const isHook = basename(real) === 'post-build-hook' || basename(program) === 'post-build-hook'
    return isHook && ['nixsig', '../nixsig'].some(name => existsSync(join(directory, name)))
  } catch {
    return false
  }
}
