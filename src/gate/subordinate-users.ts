/** Whose a user number is that /etc/subuid gives to somebody (subuid(5)): who has one such range has 65,536 numbers. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'

export interface Places {
  readonly passwd: string
  readonly subuid: string
}

interface Range {
  readonly start: number
  readonly count: number
  /** The number of who has it, or else the name. */
  readonly owner: number | string
}

/** Larger files, and more ranges, are as if they were not there. */
const FILE_LIMIT = 1024 * 1024
/** Milliseconds for which a file is not looked at again. */
const FRESH = 1000

const PLACES: Places = { passwd: '/etc/passwd', subuid: '/etc/subuid' }

/**
 * Tells who has a number: the number of that user, or the name if passwd does not list it. A number that passwd lists, or
 * that nobody was given, is its own.
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

/** A file's contents, read again when it was changed. */
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

/** `name:password:number:…` */
function parsePasswd(text: string): Map<string, number> {
  const users = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':', 3)
    if (name !== '' && isNumber(number)) users.set(name, Number(number))
  }
  return users
}

/** `name:first:count`, in the order of the first numbers. A name may be a number. */
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

/** The range that begins nearest before it, if it reaches so far. */
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
