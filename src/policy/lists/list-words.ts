/** Lists and developers entries in words, for `nixsig policy describe`. */
import type { Instant } from '../policy.ts'
import { list, when, whoWord, word } from '../words.ts'
import type { DevelopersEntry, ListInForce } from './book.ts'
import { endOfList } from './scope.ts'

const NAMES = 8

/** What a list may speak for, and its state. */
export function listWords(one: ListInForce, now: Instant | undefined): string {
  const globs = one.names.includes('*') ? '' : ` of ${list(one.names.map(word), NAMES)}`
  const some = one.corroborated ? ', as far as two distributions agree' : ''
  return `${word(one.name)}: may speak as ${list(one.roles, NAMES)}${globs}${some}; ${stateWords(one, now)}`
}

function stateWords(one: ListInForce, now: Instant | undefined): string {
  const { book } = one
  if ('problem' in book)
    return `it is not here (${word(book.problem)}): nixsig trust update ${word(one.name)}`
  const end = endOfList(one) ?? book.ends
  const says = book.says === 'extracted' ? 'collected by a program' : 'vouched for by its keepers'
  const state = `version ${book.version}, ${says}`
  return now !== undefined && end <= now
    ? `${state}, and counts no more: it ended ${when(book.ends)}`
    : `${state}, counts until ${when(end)}`
}

/** One of the user's own entries. */
export function developersWords({ name, names, urls, by, threshold }: DevelopersEntry): string {
  const where = urls.length === 0 ? '' : ` from ${list(urls.map(word), NAMES)}`
  const who = list(by.map(whoWord), NAMES)
  const count = by.length === 1 ? '' : `${threshold} of `
  return `${word(name)}: ${list(names.map(word), NAMES)}${where} by ${count}${who}`
}
