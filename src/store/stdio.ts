import { spawn } from 'node:child_process'
import { pipeTo } from './child-pipe.ts'
import type { Pipe } from './connection.ts'

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
  return pipeTo(child, () => child.kill())
}
