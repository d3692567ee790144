/** Asks for verdicts on histories of test/support/history-cases.ts. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { type Answer, authenticate } from '../../src/git/authenticate/authenticate.ts'
import type { SemanticsName } from '../../src/git/authenticate/semantics.ts'
import { guixIntroduction, type HistoryCase, type Made, writeCase } from './history-cases.ts'
import { type SignedHistory, signedHistory } from './signed-history.ts'

export interface WrittenCase {
  readonly history: SignedHistory
  readonly made: Made
}

/** Makes the repository of a case in a new directory below `dir`. */
export function written(dir: string, { make }: HistoryCase): WrittenCase {
  const history = signedHistory(join(mkdtempSync(join(dir, 'case-')), 'repository'))
  const made = make(history)
  writeCase(history, made)
  return { history, made }
}

/** The verdict on the tip of a case; `memory` is the directory of what is remembered. */
export function judged(
  { history, made }: WrittenCase,
  semantics: SemanticsName,
  { memory, revision = 'main' }: { readonly memory?: string; readonly revision?: string } = {},
): Promise<Answer> {
  return authenticate({
    place: history.directory,
    introduction: semantics === 'guix' ? guixIntroduction(made) : { semantics, commit: made.introduction },
    revision,
    keyring: 'keyring',
    memory,
    now: Math.floor(Date.now() / 1000),
  })
}

/** The answer in words, for regular expressions. */
export function wordsOf(answer: Answer): string {
  if (answer.outcome === 'authentic') return 'authentic'
  const { code, rule, needed, found, next } = answer.refusal
  return `${code} ${rule} needed: ${needed} found: ${found} next: ${next}`
}

/** Fails unless the verdict on a case is the one that it states. */
export async function assertVerdict(dir: string, each: HistoryCase, semantics: SemanticsName): Promise<void> {
  const made = written(dir, each)
  const answer = await judged(made, semantics)
  const words = wordsOf(answer)
  assert.equal(words.split(' ')[0], each.verdict, words)
  if (answer.outcome !== 'refused') return
  if (each.says !== undefined) assert.match(words, each.says)
  assert.equal(answer.refusal.commit, made.made.refused, words)
  for (const part of [answer.refusal.needed, answer.refusal.found, answer.refusal.next])
    assert.notEqual(part, '')
}
