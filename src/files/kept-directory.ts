import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * Where this user keeps what can be found again: root below nixsig's own directory `state`, others
 * below their cache directory (XDG Base Directory Specification: a relative path does not count).
 */
export function keptDirectory(state: string, name: string): string {
  if (process.geteuid?.() === 0) return join(state, name)
  const named = process.env['XDG_CACHE_HOME'] ?? ''
  return join(isAbsolute(named) ? named : join(homedir(), '.cache'), 'nixsig', name)
}
