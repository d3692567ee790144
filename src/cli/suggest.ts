/** What somebody may have meant who wrote a word that is not known. */

import type { Slip } from './usage-error.ts'

/** At most so many suggestions. */
const MOST = 2
/** Words that are longer are no slip of the fingers. */
const LENGTH_LIMIT = 40

/** What other programs, or people, call what nixsig has under another name. */
const COMMON: Readonly<Record<string, readonly string[]>> = {
  check: ['verify', 'check-signature'],
  audit: ['verify', 'doctor'],
  validate: ['verify', 'policy check'],
  why: ['explain'],
  'why-depends': ['explain'],
  show: ['explain', 'quarantine show'],
  info: ['explain'],
  sign: ['attest source', 'git sign'],
  trust: ['policy describe', 'approve'],
  allow: ['approve', 'adopt'],
  accept: ['adopt'],
  rebuild: ['reproduce'],
  build: ['reproduce'],
  diagnose: ['doctor'],
  health: ['doctor'],
  start: ['serve'],
  daemon: ['serve'],
  gate: ['serve'],
  restart: ['reload'],
  refresh: ['reload', 'sync'],
  update: ['upgrade', 'sync'],
  fetch: ['sync', 'git fetch'],
  pull: ['sync', 'git fetch'],
  push: ['publish', 'git push'],
  upload: ['publish'],
  uninstall: ['unsetup'],
  remove: ['unsetup'],
  enable: ['setup', 'enforce'],
  disable: ['warn', 'unsetup'],
  on: ['enforce'],
  off: ['warn'],
  generate: ['keygen'],
  'generate-key': ['keygen'],
  genkey: ['keygen'],
  key: ['keygen', 'key passphrase'],
  rollback: ['upgrade'],
  log: ['quarantine list', 'explain'],
  refused: ['quarantine list'],
  ls: ['quarantine list'],
  list: ['quarantine list', 'conflicts list'],
  delete: ['purge'],
  rm: ['purge'],
  restore: ['release'],
  get: ['show'],
}

/**
 * What a word may stand for, the likeliest first, at most two: `known` by the words that can stand
 * there, each with how it is shown. It is what begins with the word or differs from it by a slip or
 * two, and what people call so who know other programs. None if nothing is near.
 */
export function suggestions(word: string, known: ReadonlyMap<string, string>): readonly string[] {
  if (word === '' || word.length > LENGTH_LIMIT) return []
  const slips = word.length <= 3 ? 1 : 2
  const near = [...known.keys()]
    .map(name => ({ name, far: word.length > 1 && name.startsWith(word) ? 0.5 : distance(word, name) }))
    .filter(({ name, far }) => far <= slips && far < Math.max(word.length, name.length) / 2)
    .sort((a, b) => a.far - b.far)
  const nearest = near.filter(({ far }) => far - (near[0]?.far ?? 0) < 1).map(({ name }) => name)
  const lower = word.toLowerCase()
  const meant = Object.hasOwn(COMMON, lower) ? (COMMON[lower] ?? []) : []
  const shown = [...meant, ...nearest].flatMap(name => known.get(name) ?? [])
  return [...new Set(shown)].slice(0, MOST)
}

/** `did you mean "nixsig verify"? `, or nothing. */
export function didYouMean({ word, known }: Slip): string {
  const found = suggestions(word, known)
  return found.length === 0 ? '' : `did you mean ${found.join(' or ')}? `
}

/**
 * How many characters were left out, added, replaced or swapped with their neighbour (optimal
 * string alignment), whatever their case.
 */
export function distance(one: string, other: string): number {
  const a = [...one.toLowerCase()]
  const b = [...other.toLowerCase()]
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, character] of a.entries()) {
    const row = [i + 1]
    for (const [j, against] of b.entries()) {
      const replaced = (last[j] ?? 0) + (character === against ? 0 : 1)
      const best = Math.min(replaced, (last[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1)
      const isSwapped = i > 0 && j > 0 && character === b[j - 1] && a[i - 1] === against
      row.push(isSwapped ? Math.min(best, (before[j - 1] ?? 0) + 1) : best)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
