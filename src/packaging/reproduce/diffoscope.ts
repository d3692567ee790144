/** What diffoscope, where it is installed, says about two trees. */
import { tmpdir } from 'node:os'
import { execa } from 'execa'
import { findProgram, PROGRAM_DIRECTORIES } from '../../files/programs.ts'
import { printable } from '../../primitives/printable.ts'

const CHARACTER_LIMIT = 256 * 1024
const LINE_LIMIT = 400

/**
 * Its text, at most 400 lines, each escaped; undefined if it is not installed. What it could not do
 * in time (milliseconds) or at all is the last line. Never rejects.
 */
export async function diffoscope(
  first: string,
  second: string,
  timeout: number,
): Promise<readonly string[] | undefined> {
  const program = findProgram('diffoscope')
  if (program === undefined) return undefined
  const run = await execa(program, ['--text', '-', '--text-color', 'never', '--no-progress', first, second], {
    cwd: '/',
    extendEnv: false,
    env: { PATH: PROGRAM_DIRECTORIES.join(':'), LANG: 'C.UTF-8', TMPDIR: tmpdir() },
    reject: false,
    stdin: 'ignore',
    stderr: 'ignore',
    timeout,
    maxBuffer: CHARACTER_LIMIT,
  })
  const all = run.stdout.split('\n')
  const lines = all.slice(0, LINE_LIMIT).map(line => printable(line))
  // Its status is 1 where it found differences, as it must here.
  if (run.timedOut) return [...lines, `… and no more within ${timeout / 1000} seconds`]
  if (run.isMaxBuffer || all.length > LINE_LIMIT) return [...lines, '… and more']
  return run.exitCode === 1 ? lines : [...lines, `… it failed: ${printable(run.shortMessage ?? 'no status')}`]
}
