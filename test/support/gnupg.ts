import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A private GnuPG home in which tests make keys and signatures, with any clock. */
export interface Gnupg {
  readonly dir: string
  /**
   * Runs gpg; `at` is its clock, which stands still (`20200101T000000`), `input` what it reads.
   * Throws if it fails.
   */
  gpg(args: readonly string[], options?: { readonly at?: string; readonly input?: string }): Buffer
  /** Makes a key that signs and certifies; returns its fingerprint. */
  makeKey(name: string, options?: { at?: string; algorithm?: string; expire?: string }): string
  /** Exports the current certificates of keys to a file; returns the name of the file. */
  exportTo(file: string, ...fingerprints: readonly string[]): string
  /** A binary detached signature of a file. `args` are put first. */
  sign(file: string, key: string, args?: readonly string[], at?: string): Buffer
  remove(): void
}

export function openGnupg(): Gnupg {
  // A short path, because it holds the agent's socket.
  const dir = mkdtempSync('/tmp/nixsig-gpg-')
  const gpg: Gnupg['gpg'] = (args, options = {}) => {
    const clock = options.at === undefined ? [] : ['--faked-system-time', `${options.at}!`]
    const common = ['--homedir', dir, '--quiet', '--batch', '--yes', '--pinentry-mode', 'loopback']
    return execFileSync('gpg', [...common, '--passphrase', '', ...clock, ...args], {
      input: options.input ?? '',
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    })
  }
  return {
    dir,
    gpg,
    makeKey: (name, { at, algorithm = 'ed25519', expire = 'never' } = {}) => {
      const clock = at === undefined ? {} : { at }
      gpg(['--quick-generate-key', `${name} <${name}@example.org>`, algorithm, 'cert,sign', expire], clock)
      const listed = gpg(['--with-colons', '--list-keys', `=${name} <${name}@example.org>`], clock).toString()
      const [, fingerprint = ''] = /^fpr:+([0-9A-F]+):/m.exec(listed) ?? []
      return fingerprint
    },
    exportTo: (file, ...fingerprints) => {
      writeFileSync(file, gpg(['--export', ...fingerprints]))
      return file
    },
    sign: (file, key, args = [], at = undefined) => {
      const output = join(dir, 'made.sig')
      rmSync(output, { force: true })
      const clock = at === undefined ? {} : { at }
      gpg([...args, '--local-user', key, '--output', output, '--detach-sign', file], clock)
      return readFileSync(output)
    },
    remove: () => {
      spawnSync('gpgconf', ['--homedir', dir, '--kill', 'all'])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
