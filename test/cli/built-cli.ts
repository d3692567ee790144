/** The command line as users have it: built, and copied to where there are no node_modules. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyDist } from '../support/dist.ts'

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface BuiltCli {
  /** A directory of its own, in which `run` runs. */
  readonly dir: string
  readonly program: string
  run(...args: readonly string[]): Outcome
  /** With variables added to a small environment. */
  runWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Outcome
  /** The same in a terminal, whose output is that of both streams. */
  runInTerminal(env: Readonly<Record<string, string>>, ...args: readonly string[]): Outcome
  write(name: string, contents: string | Uint8Array): string
  read(name: string): string
  remove(): void
}

/** Takes dist/, which the test runner builds for files that need it (`// needs: dist`). */
export function buildCli(): BuiltCli {
  const dir = mkdtempSync(join(tmpdir(), 'nixsig-cli-'))
  copyDist(join(dir, 'dist'))
  const program = join(dir, 'dist/nixsig')
  const spawn = (argv: readonly string[], env: Readonly<Record<string, string>>): Outcome => {
    const [command = '', ...args] = argv
    const options = { cwd: dir, encoding: 'utf8', timeout: 60_000 } as const
    return spawnSync(command, args, { ...options, env: { PATH: process.env['PATH'], HOME: dir, ...env } })
  }
  const runWith: BuiltCli['runWith'] = (env, ...args) => spawn([process.execPath, program, ...args], env)
  return {
    dir,
    program,
    run: (...args) => runWith({}, ...args),
    runWith,
    runInTerminal: (env, ...args) => {
      const line = [process.execPath, program, ...args].map(word => `'${word}'`).join(' ')
      return spawn(['script', '--quiet', '--return', '--command', line, '/dev/null'], env)
    },
    write: (name, contents) => {
      writeFileSync(join(dir, name), contents)
      return join(dir, name)
    },
    read: name => readFileSync(join(dir, name), 'utf8'),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}
