/**
 * Words that `git archive` writes into files with the attribute export-subst (gitattributes(5)).
 */
import type { OpenRepository } from '../../git/open-repository.ts'
import { printable } from '../../primitives/printable.ts'
import { attributesOf } from './attributes.ts'
import type { TreeFiles } from './work-tree.ts'

/** What the commit itself decides: ids, and times by the clock of who made it. */
const OF_COMMIT = /^(?:[^%]|%(?:[HhTtPpn%]|[ac][tiIs]))*$/s

/**
 * The first file in which `git archive` writes something that the commit does not decide, such as
 * the names of branches and tags, for people, escaped; undefined if there is no such file. Throws
 * FileError and FormatError.
 */
export async function substitutionIn(
  { directory, objects }: Pick<OpenRepository, 'directory' | 'objects'>,
  tree: string,
  files: TreeFiles,
): Promise<string | undefined> {
  const text = async (id: string) => Buffer.from(await objects.read(id, 'blob')).toString('latin1')
  if (!(await areNamed(files, text))) return undefined
  for (const path of (await attributesOf(directory, tree)).substituted) {
    const entry = files.get(path)
    if (entry?.kind !== 'file' && entry?.kind !== 'executable') continue
    const formats = [...(await text(entry.id)).matchAll(/\$Format:([^$]*)\$/g)]
    const other = formats.find(([, format = '']) => !OF_COMMIT.test(format))?.[0]
    const name = Buffer.from(path, 'latin1').toString('utf8')
    if (other !== undefined) return `${printable(other, 60)} in ${printable(name, 100)}`
  }
  return undefined
}

/** Whether a file of attributes says export-subst, so that git has to be asked for which files. */
async function areNamed(files: TreeFiles, text: (id: string) => Promise<string>): Promise<boolean> {
  for (const [path, { kind, id }] of files) {
    const isNamed = /(?:^|\/)\.gitattributes$/.test(path) && kind !== 'submodule'
    if (isNamed && (await text(id)).includes('export-subst')) return true
  }
  return false
}
