/** Prints a commit and who signed it, and the verdict as JSON. */

import { type VerdictJson, verdictJson } from '../explain/verdict-json.ts'
import type { RevisionVerdict } from '../expressions/judge-revision.ts'
import { reviewText } from '../expressions/reviews.ts'
import type { RevisionSignature } from '../expressions/revision.ts'
import type { FilesMatch } from '../expressions/same-files.ts'
import type { OpenRepository } from '../git/open-repository.ts'
import { pathWord } from '../policy/words.ts'
import { printable } from '../primitives/printable.ts'
import type { Terminal } from './terminal.ts'

const WAY_WORDS: Readonly<Record<RevisionSignature['way'], string>> = {
  commit: 'signed the commit',
  tag: 'signed a tag on it',
  'git-sig': 'signed it with git-sig',
  nixsig: 'signed it with nixsig',
}

/** Lines of a review that are shown. */
const REVIEW_LINES = 200

/** Prints a commit and the signatures that verified, with the reviews that they cover. */
export async function saySigners(
  terminal: Terminal,
  repository: OpenRepository,
  { revision, signatures }: RevisionVerdict,
): Promise<void> {
  if (revision !== undefined) terminal.print(revisionWords(revision))
  for (const { principal, way, role, origin, review } of signatures) {
    terminal.print(`  ${printable(principal)} ${WAY_WORDS[way]}, as ${role} (${printable(origin)})`)
    if (review === undefined) continue
    const text = way === 'nixsig' ? await reviewText(repository, review) : undefined
    if (text === undefined) terminal.print(`    with a review that is not kept here (sha256:${review})`)
    else for (const line of shownLines(text)) terminal.print(`    | ${line}`)
  }
}

/** Prints whether files are those of a commit, and what next if they are not. */
export function sayFiles(
  terminal: Terminal,
  commit: string,
  { path, narHash, matches, expected }: FilesMatch,
): void {
  const name = pathWord(path)
  if (matches !== undefined) {
    const how = matches === 'raw' ? '' : `, as an archive has them (${matches})`
    terminal.print(`${terminal.good('the same files')} ${name}: those of the commit${how}`)
    return
  }
  terminal.print(
    `${terminal.bad('other files')} ${name}: not those of ${commit}\n` +
      `  needs NAR sha256:${expected}, found sha256:${narHash}\n` +
      '  next: look for files that were added or changed (diff -r, against git archive), or get the files anew',
  )
}

/** What a commit is, in words. */
export function revisionWords({ commit, tree, narHash }: NonNullable<RevisionVerdict['revision']>): string {
  const contents = narHash === '' ? '' : `, NAR sha256:${narHash}`
  return `commit ${commit}, tree ${tree}${contents}`
}

/** A verdict on a commit as `--json` prints it; see VerdictJson. */
export interface RevisionJson extends VerdictJson {
  readonly url: string
  readonly tree?: string
  /** SHA-256, hex; absent if the tree was not hashed. */
  readonly narHash?: string
  /** The signatures that verified, whether they count or not. */
  readonly signatures: RevisionVerdict['signatures']
}

export function revisionJson(url: string, { verdict, revision, signatures }: RevisionVerdict): RevisionJson {
  const tree = revision === undefined ? {} : { tree: revision.tree }
  const narHash = revision === undefined || revision.narHash === '' ? {} : { narHash: revision.narHash }
  return { ...verdictJson(verdict), url, ...tree, ...narHash, signatures }
}

function shownLines(text: string): readonly string[] {
  const lines = text.replace(/\n$/, '').split('\n')
  const more = lines.length > REVIEW_LINES ? [`… and ${lines.length - REVIEW_LINES} more lines`] : []
  return [
    ...lines.slice(0, REVIEW_LINES).map(line => printable(line.replaceAll('\t', '    '), 1000)),
    ...more,
  ]
}
