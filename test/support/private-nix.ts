import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The installed Nix with its own store and home, without a daemon and independent of the machine's
 * configuration.
 */
export interface PrivateNix {
  readonly dir: string
  /** The real path of a store path. */
  readonly real: (storePath: string) => string
  /**
   * Runs one of Nix's programs; returns its standard output. Throws with its standard error if it
   * fails.
   */
  readonly run: (program: string, ...args: readonly string[]) => Buffer
  /** Like `run`, but returns text without the last newline. */
  readonly say: (program: string, ...args: readonly string[]) => string
  readonly remove: () => void
}

export function privateNix(): PrivateNix {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-nix-'))
  const root = join(dir, 'root')
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: dir,
    NIX_CONF_DIR: dir,
    NIX_REMOTE: `local?root=${root}`,
    NIX_CONFIG: [
      'build-users-group =',
      'sandbox = false',
      'substituters =',
      'experimental-features = nix-command ca-derivations impure-derivations',
    ].join('\n'),
  }
  const run = (program: string, ...args: readonly string[]): Buffer => {
    const done = spawnSync(program, args, { env, timeout: 60_000, maxBuffer: 256 * 1024 * 1024 })
    if (done.status === 0) return done.stdout
    throw new Error(`${program} ${args.join(' ')}: ${done.error?.message ?? done.stderr.toString()}`)
  }
  return {
    dir,
    real: storePath => root + storePath,
    run,
    say: (program, ...args) =>
      run(program, ...args)
        .toString('utf8')
        .replace(/\n$/, ''),
    remove: () => {
      // Nix makes store paths read-only.
      spawnSync('chmod', ['-R', 'u+w', dir])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
