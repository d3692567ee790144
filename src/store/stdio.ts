import { spawn } from 'node:child_process'
import type { Pipe } from './connection.ts'

const LAST_WORDS = 2000

/**
 * A pipe to a nix-daemon that this process starts for itself and that opens the local store, for a root without a
 * daemon. It sees nothing of the caller's environment, and neither NIX_REMOTE nor a `store` in nix.conf leads it to
 * another store. `program` is the absolute path of nix-daemon. Does not fail here: what goes wrong ends the pipe.
 */
export function spawnDaemon(program: string): Pipe {
  const child = spawn(program, ['--stdio', '--option', 'store', 'local'], {
    cwd: '/',
    // An empty list of user configuration files: root's own ~/.config/nix is none of a daemon's business.
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
