import { FileError } from '../../files/regular-file.ts'
import type { GitTreeEntry } from '../../formats/git-object.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { openGitObjects } from '../objects.ts'
import { type HistoryCommit, missing, orFormatError } from './history.ts'
import { type Pair, packAcross } from './pack-across.ts'
import { HistoryRefused, type Rule } from './refusal.ts'

/** What one commit's file says. `undefined`: the commit has no such file. */
export interface Files<T> {
  /** Throws HistoryRefused if the file cannot be read. */
  of(commit: HistoryCommit): T | undefined
}

/**
 * Copies the files that these commits have under the name that was asked for, and parses each
 * distinct one once. Throws FileError if one is missing.
 */
export async function readFiles<T>(
  pair: Pair,
  commits: Iterable<HistoryCommit>,
  { parse, rule }: { readonly parse: (bytes: Uint8Array) => T; readonly rule: Rule },
): Promise<Files<T>> {
  const ids = new Set([...commits].flatMap(({ file }) => (isPlain(file) ? [file.id] : [])))
  await copy(pair, ids, [...commits])
  const parsed = new Map<string, T | FormatError>()
  const objects = openGitObjects(pair.received)
  try {
    for (const id of ids) {
      const bytes = await objects.read(id, 'blob')
      parsed.set(
        id,
        orFormatError(() => parse(bytes)),
      )
    }
  } finally {
    objects.close()
  }
  return {
    of: ({ id, file }) => {
      if (file === undefined) return undefined
      const found = isPlain(file) ? parsed.get(file.id) : 'not a plain file'
      if (found === undefined) throw new FileError(`the file ${file.name} of commit ${id} was not copied`)
      if (typeof found !== 'string' && !(found instanceof FormatError)) return found
      const problem = typeof found === 'string' ? `${file.name}: ${found}` : found.message
      throw new HistoryRefused({
        code: 'malformed',
        commit: id,
        rule,
        needed: `a ${file.name} that can be read`,
        found: problem,
        next: 'ask those who sign this history to repair it; nothing after this commit can be authenticated',
      })
    },
  }
}

async function copy(pair: Pair, ids: ReadonlySet<string>, commits: readonly HistoryCommit[]): Promise<void> {
  try {
    await packAcross(pair, { lines: ids, as: 'objects' })
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const { message } = error
    const commit = commits.find(({ file }) => file !== undefined && message.includes(file.id)) ?? commits[0]
    throw missing(commit?.id ?? '', `git cannot read its ${commit?.file?.name ?? 'files'}: ${message}`)
  }
}

function isPlain(file: GitTreeEntry | undefined): file is GitTreeEntry {
  return file?.kind === 'file' || file?.kind === 'executable'
}
