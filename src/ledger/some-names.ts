import { opendirSync } from 'node:fs'

/** Names that are read at most of a directory that anybody can make grow. */
const READ_AT_MOST = 512

/**
 * Some names of a directory: `count` at most, and others each time where there are more. Nothing if the directory is
 * absent. Reads a bounded part of it, however large it is.
 */
export function someNames(directory: string, count: number): readonly string[] {
  const names: string[] = []
  try {
    const open = opendirSync(directory, { bufferSize: READ_AT_MOST })
    try {
      for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
        names.push(entry.name)
        if (names.length === READ_AT_MOST) break
      }
    } finally {
      open.closeSync()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  if (names.length <= count) return names
  // What cannot be dropped yet must not stand before all others for ever.
  const first = Math.floor(Math.random() * names.length)
  return [...names.slice(first), ...names.slice(0, first)].slice(0, count)
}
