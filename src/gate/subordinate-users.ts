/**
 * The owners of subordinate user numbers (/etc/subuid, subuid(5)). A user with one such range has
 * 65,536 user numbers.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'

export interface Places {
  readonly passwd: string
  readonly subuid: string
}

interface Range {
  readonly start: number
  /** The first number after it. */
  readonly end: number
  /** The owner as the file names it: by name or by number. */
  readonly owner: string
}

/** Ranges by their first number, and how far each and those before it reach. */
interface Ranges {
  readonly sorted: readonly Range[]
  readonly reach: readonly number[]
}

/** Larger files, and further ranges, are ignored. */
const FILE_LIMIT = 1024 * 1024
/** Milliseconds for which a file is not checked again. */
const FRESH = 1000

/** The user numbers that a container usually gets. */
const BLOCK = 65_536

const PLACES: Places = { passwd: '/etc/passwd', subuid: '/etc/subuid' }

/**
 * Returns a function that finds the owner of a user number: the number of the user to whom it was
 * given, or the name if passwd does not list that user. A number that passwd lists, or that was
 * given to nobody, is its own owner. Where ranges overlap, the one that begins last counts.
 *
 * What root was given is for containers, whose users are not root: each 65,536 numbers of such a
 * range are an owner of their own, a text that is not a user's name.
 */
export function openSubordinateUsers(
  { passwd, subuid }: Places = PLACES,
  now: () => number = () => performance.now(),
): (user: number) => number | string {
  const users = kept(passwd, parsePasswd, new Map<string, number>(), now)
  const ranges = kept(subuid, parseSubuid, NO_RANGES, now)
  return user => {
    const range = user === 0 ? undefined : rangeOf(ranges(), user)
    if (range === undefined) return user
    const byName = users()
    for (const number of byName.values()) if (number === user) return user
    const owner = byName.get(range.owner) ?? (isNumber(range.owner) ? Number(range.owner) : range.owner)
    return owner === 0 ? `root:${user - ((user - range.start) % BLOCK)}` : owner
  }
}

const NO_RANGES: Ranges = { sorted: [], reach: [] }

/** A file's contents, parsed again when the file has changed. */
function kept<T>(file: string, parse: (text: string) => T, empty: T, now: () => number): () => T {
  let value = empty
  let stamp = ''
  let lookAt = Number.NEGATIVE_INFINITY
  return () => {
    const time = now()
    if (time < lookAt) return value
    lookAt = time + FRESH
    try {
      const opened = openSync(file, 'r')
      try {
        const { size, mtimeMs, ino } = fstatSync(opened)
        const current = `${size} ${mtimeMs} ${ino}`
        if (current === stamp) return value
        stamp = current
        value = size > FILE_LIMIT ? empty : parse(readFileSync(opened, 'latin1'))
      } finally {
        closeSync(opened)
      }
    } catch {
      stamp = ''
      value = empty
    }
    return value
  }
}

/** Lines of the form `name:password:number:…`. */
function parsePasswd(text: string): Map<string, number> {
  const users = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':', 3)
    if (name !== '' && isNumber(number)) users.set(name, Number(number))
  }
  return users
}

/** Lines of the form `name:first:count`. The name may be a number. */
function parseSubuid(text: string): Ranges {
  const ranges: Range[] = []
  for (const line of text.split('\n')) {
    const [owner = '', start = '', count = ''] = line.split(':')
    if (owner === '' || !isNumber(start) || !isNumber(count)) continue
    ranges.push({ start: Number(start), end: Number(start) + Number(count), owner })
  }
  const sorted = ranges.sort((a, b) => a.start - b.start)
  let furthest = 0
  const reach = sorted.map(({ end }) => {
    furthest = Math.max(furthest, end)
    return furthest
  })
  return { sorted, reach }
}

function isNumber(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text)
}

/** The range with this number that begins last. */
function rangeOf({ sorted, reach }: Ranges, user: number): Range | undefined {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle]?.start ?? 0) <= user) low = middle + 1
    else high = middle
  }
  for (let index = low - 1; user < (reach[index] ?? 0); index--) {
    const range = sorted[index]
    if (range !== undefined && user < range.end) return range
  }
  return undefined
}
