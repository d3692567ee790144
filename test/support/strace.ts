/** What a running program asks of the system, as strace(1) shows it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A call: its name and the rest of the line, in which files that are open have their paths
 * (`fsync(7</a/path>) = 0`).
 */
export interface SystemCall {
  readonly name: string
  readonly text: string
}

/** The calls of these kinds that a program makes while something is done, in their order. */
export async function callsOf(
  pid: number,
  kinds: string,
  act: () => Promise<unknown>,
): Promise<readonly SystemCall[]> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-strace-'))
  const file = join(directory, 'calls')
  try {
    const args = ['-f', '-y', '-s', '4096', '-e', `trace=${kinds}`, '-o', file, '-p', String(pid)]
    const child = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = new Promise(resolve => child.once('close', resolve))
    await new Promise<void>((resolve, reject) => {
      let said = ''
      child.stderr.setEncoding('utf8').on('data', text => {
        said += text
        if (said.includes('attached')) resolve()
      })
      child.once('close', () => reject(new Error(`strace ended: ${said}`)))
    })
    await act()
    child.kill('SIGINT')
    await ended
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap(line => {
        const [, name, text] = /^\d+ +(\w+)(\(.*)$/.exec(line) ?? []
        return name === undefined || text === undefined ? [] : { name, text }
      })
  } finally {
    rmSync(directory, { recursive: true })
  }
}
