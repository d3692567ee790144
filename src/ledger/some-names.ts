import { lstatSync, opendirSync, readdirSync } from 'node:fs'

/** The most names that are read from a directory that anybody can make grow. */
const READ_AT_MOST = 512
/**
 * A directory of at most this many bytes is read whole, which Node does faster. Each name takes at
 * least one byte.
 */
const SMALL = 4096

/**
 * Returns up to `count` names of a directory; if it has more, different ones each time. Empty if
 * the directory is absent. Reads a bounded part of it, however large it is.
 */
export function someNames(directory: string, count: number): readonly string[] {
  const names = readSome(directory)
  if (names.length <= count) return names
  // Entries that cannot be dropped yet must not hide all others for ever.
  const first = Math.floor(Math.random() * names.length)
  return [...names.slice(first), ...names.slice(0, first)].slice(0, count)
}

function readSome(directory: string): readonly string[] {
  // Checked first, because creating an error takes Node longer than checking.
  const status = lstatSync(directory, { throwIfNoEntry: false })
  if (status === undefined) return []
  try {
    // Some file systems report no size for a directory.
    if (status.size > 0 && status.size <= SMALL) return readdirSync(directory)
    return readPart(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function readPart(directory: string): readonly string[] {
  const names: string[] = []
  const open = opendirSync(directory, { bufferSize: READ_AT_MOST })
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      names.push(entry.name)
      if (names.length === READ_AT_MOST) break
    }
  } finally {
    open.closeSync()
  }
  return names
}
