/**
 * Asks the store plugin's own C code for decisions (nix/plugin/ask.c), compiled with sanitizers.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A row that Nix's database is about to get. */
export interface Row {
  readonly path?: string
  /** As the database has it, with `sha256:` in front. */
  readonly hash?: string
  readonly deriver?: string
  readonly ca?: string
  readonly isOurs?: boolean
  /** The prefix of /nix/store on disk. */
  readonly root?: string
}

export interface Decided {
  readonly outcome: 'let-in' | 'warned' | 'refused'
  readonly reason: string
}

export interface Where {
  readonly state: string
  readonly policy: string
  readonly socket?: string
}

export interface AskPlugin {
  (where: Where, row: Row): Decided
  close(): void
}

/** Compiles the code and starts a process that answers one question after another. */
export function openPlugin(): AskPlugin {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-ask-'))
  const program = join(directory, 'ask')
  const made = spawnSync(
    'make',
    ['-s', '-C', join(PROJECT_ROOT, 'nix/plugin'), `OUT=${directory}`, program],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(made.status, 0, made.stderr)
  const [questions, answers] = [join(directory, 'questions'), join(directory, 'answers')]
  execFileSync('mkfifo', [questions, answers])
  const script = `exec ${program} <${questions} >${answers}`
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'] })
  child.unref()
  const to = openSync(questions, 'w')
  const from = openSync(answers, 'r')

  const ask = ({ state, policy, socket = '/nonexistent' }: Where, row: Row): Decided => {
    const words = [
      state,
      policy,
      socket,
      row.path,
      row.hash,
      row.deriver,
      row.ca,
      row.isOurs ? '1' : '0',
      row.root,
    ]
    writeSync(to, `${words.map(word => word ?? '').join('\t')}\n`)
    const answer = Buffer.alloc(16 * 1024)
    let filled = 0
    while (!answer.subarray(0, filled).includes('\n')) {
      const count = readSync(from, answer, filled, answer.length - filled, null)
      assert.ok(
        count > 0,
        `the plugin's code ended when it was asked about ${JSON.stringify(row).slice(0, 500)}`,
      )
      filled += count
    }
    // A reason may quote a file whose name has a tab.
    const [outcome = '', ...reason] = answer.toString('utf8', 0, filled - 1).split('\t')
    assert.ok(outcome === 'let-in' || outcome === 'warned' || outcome === 'refused', outcome)
    return { outcome, reason: reason.join('\t') }
  }
  return Object.assign(ask, {
    close() {
      closeSync(to)
      closeSync(from)
      child.kill()
      rmSync(directory, { recursive: true })
    },
  })
}
