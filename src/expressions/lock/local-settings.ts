/**
 * What a repository has besides its commits that decides which files git writes for one. Nix before
 * 2.20 runs `git archive` in the work tree of a flake, so that this decides what it evaluates.
 */
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { gitOutput } from '../../git/git-output.ts'
import { layoutOf } from '../../git/layout.ts'
import { printable } from '../../primitives/printable.ts'

const SIZE_LIMIT = 64 * 1024 * 1024

/** Settings (git-config(1)) that change files, or bring in other settings. */
const CHANGING =
  /^(?:filter\..*|include\.path|includeif\..*|core\.(?:attributesfile|worktree)|tar\.umask|core\.(?:autocrlf\n(?!false$|input$).*|eol\n(?!lf$).*))(?:\n|$)/s

/**
 * The first such thing that the repository of a work tree has, for people, escaped; undefined if
 * it has nothing of the kind. `view`: a repository of our own, in which git reads a copy of its settings. Throws
 * FileError.
 */
export async function changingSetting(top: string, view: string): Promise<string | undefined> {
  const { directory, headDirectory } = layoutOf(top)
  if (await hasReplacements(directory)) return 'objects that replace others (refs/replace)'
  for (const file of ['info/attributes', 'info/grafts']) if (hasText(join(directory, file))) return file
  for (const file of [join(directory, 'config'), join(headDirectory, 'config.worktree')]) {
    const text = readRegularFile(file, SIZE_LIMIT)
    const name = text && (await changingIn(view, text))
    if (name) return `the setting ${printable(name, 100)}`
  }
  return undefined
}

async function hasReplacements(directory: string): Promise<boolean> {
  const loose = join(directory, 'refs/replace')
  if (
    lstatSync(loose, { throwIfNoEntry: false })?.isDirectory()
      ? readdirSync(loose).length > 0
      : existsSync(loose)
  )
    return true
  const packed = readRegularFile(join(directory, 'packed-refs'), 4 * SIZE_LIMIT)
  return packed?.includes(' refs/replace/') === true
}

/** Comments and empty lines do nothing. */
function hasText(file: string): boolean {
  const text = readRegularFile(file, SIZE_LIMIT)?.toString('latin1') ?? ''
  return text.split('\n').some(line => !/^\s*(?:#.*)?$/.test(line))
}

async function changingIn(view: string, text: Uint8Array): Promise<string | undefined> {
  const args = ['config', '--file', '-', '--no-includes', '--list', '-z']
  const { status, output, complaint } = await gitOutput({ directory: view }, args, { input: text })
  if (status !== 0) throw new FileError(`cannot read the settings of git: ${printable(complaint, 200)}`)
  const found = output
    .toString('utf8')
    .split('\0')
    .find(setting => CHANGING.test(setting))
  return found?.split('\n')[0]
}
