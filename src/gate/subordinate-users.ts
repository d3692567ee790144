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
  readonly count: number
  /** The owner's number, or the name if the number is not known. */
  readonly owner: number | string
}

/** Larger files, and further ranges, are ignored. */
const FILE_LIMIT = 1024 * 1024
/** Milliseconds for which a file is not checked again. */
const FRESH = 1000

const PLACES: Places = { passwd: '/etc/passwd', subuid: '/etc/subuid' }

/**
 * Returns a function that finds the owner of a user number: the number of the user to whom it was
 * given, or the name if passwd does not list that user. A number that passwd lists, or that was
 * given to nobody, is its own owner.
 */
export function openSubordinateUsers(
  { passwd, subuid }: Places = PLACES,
  now: () => number = () => performance.now(),
): (user: number) => number | string {
  const users = kept(passwd, parsePasswd, new Map<string, number>(), now)
  const ranges = kept<readonly Range[]>(subuid, parseSubuid, [], now)
  return user => {
    const range = rangeOf(ranges(), user)
    if (range === undefined) return user
    const byName = users()
    for (const number of byName.values()) if (number === user) return user
    return typeof range.owner === 'number' ? range.owner : (byName.get(range.owner) ?? range.owner)
  }
}

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

/** Lines of the form `name:first:count`, sorted by first number. The name may be a number. */
function parseSubuid(text: string): readonly Range[] {
  const ranges: Range[] = []
  for (const line of text.split('\n')) {
    const [name = '', start = '', count = ''] = line.split(':')
    if (name === '' || !isNumber(start) || !isNumber(count)) continue
    const owner = isNumber(name) ? Number(name) : name
    ranges.push({ start: Number(start), count: Number(count), owner })
  }
  return ranges.sort((a, b) => a.start - b.start)
}

function isNumber(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text)
}

/** The nearest range that begins at or before this number, if it reaches that far. */
function rangeOf(ranges: readonly Range[], user: number): Range | undefined {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.start ?? 0) <= user) low = middle + 1
    else high = middle
  }
  const range = ranges[low - 1]
  return range !== undefined && user < range.start + range.count ? range : undefined
}
