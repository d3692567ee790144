/** On whose behalf a hook works: the client of the process of nix-daemon that started it. */
import { closeSync, openSync, readSync } from 'node:fs'
import { clientNumber, isDaemonOrWorker, isMorePrivileged, realUser, startTime } from './proc-files.ts'

/**
 * `root`, `user` and a number, or `unknown`: the user of the client of this process's parent, or of
 * the parent itself if that is no process of nix-daemon. As in nix/plugin/asker.c. `proc` is where proc(5) is mounted.
 */
export function askerAbove(parent = process.ppid, proc = '/proc'): string {
  const line = read(`${proc}/${parent}/cmdline`)
  if (line === undefined || !isDaemonOrWorker(line)) return named(realUser(read(`${proc}/${parent}/status`)))
  const client = clientNumber(line)
  if (client === undefined) return UNKNOWN
  const [own, other] = [String(parent), client].map(each => startTime(read(`${proc}/${each}/stat`)))
  // The number may be another process's by now.
  if (own === undefined || other === undefined || other > own) return UNKNOWN
  const auxiliary = read(`${proc}/${client}/auxv`)
  // A program with more rights than its caller, such as sudo, does not tell who that was.
  if (auxiliary === undefined || isMorePrivileged(auxiliary)) return UNKNOWN
  return named(realUser(read(`${proc}/${client}/status`)))
}

const UNKNOWN = 'unknown'

function named(user: number | undefined): string {
  if (user === undefined) return UNKNOWN
  return user === 0 ? 'root' : `user ${user}`
}

/** Bytes of a file of proc(5) at most: what counts stands at its beginning. As in nix/plugin/asker.c. */
const LIMIT = 4096

/** The beginning of a file. Not by readFileSync, which takes a hook half a millisecond. */
function read(file: string): Buffer | undefined {
  let fd: number | undefined
  try {
    fd = openSync(file, 'r')
    const bytes = Buffer.alloc(LIMIT)
    let length = 0
    for (let count = 1; count > 0 && length < LIMIT; length += count)
      count = readSync(fd, bytes, length, LIMIT - length, null)
    return bytes.subarray(0, length)
  } catch {
    // It has ended, or is hidden.
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
