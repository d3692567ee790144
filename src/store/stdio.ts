import { spawn } from 'node:child_process'
import type { Pipe } from './connection.ts'

const LAST_WORDS = 2000

/**
 * Starts a nix-daemon for this process alone, which opens the local store, for root on a machine
 * without a daemon. It inherits nothing from the caller's environment, and neither NIX_REMOTE nor
 * `store` in nix.conf leads it to another store. `program` is the absolute path of nix-daemon.
 * Never throws: a failure ends the pipe.
 */
export function spawnDaemon(program: string): Pipe {
  const child = spawn(program, ['--stdio', '--option', 'store', 'local'], {
    cwd: '/',
    // An empty list of user configuration files: root's ~/.config/nix does not configure a daemon.
    env: { HOME: '/', NIX_USER_CONF_FILES: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-LAST_WORDS)
  })
  const ended = new Promise<string>(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('close', () => resolve(words.trim()))
  })
  return {
    input: child.stdout,
    output: child.stdin,
    ended,
    close() {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      child.kill()
    },
  }
}
