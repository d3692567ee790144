import { lstatSync, opendirSync, readdirSync } from 'node:fs'

/** Names that are read at most of a directory that anybody can make grow. */
const READ_AT_MOST = 512
/** Bytes of a directory that is read whole, which Node does faster. Each name counts for one at least. */
const SMALL = 4096

/**
 * Some names of a directory: `count` at most, and others each time where there are more. Nothing if the directory is
 * absent. Reads a bounded part of it, however large it is.
 */
export function someNames(directory: string, count: number): readonly string[] {
  const names = readSome(directory)
  if (names.length <= count) return names
  // What cannot be dropped yet must not stand before all others for ever.
  const first = Math.floor(Math.random() * names.length)
  return [...names.slice(first), ...names.slice(0, first)].slice(0, count)
}

function readSome(directory: string): readonly string[] {
  // Looked for first: to make an error takes Node longer than to look.
  const status = lstatSync(directory, { throwIfNoEntry: false })
  if (status === undefined) return []
  try {
    // Some file systems tell no size of a directory.
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
