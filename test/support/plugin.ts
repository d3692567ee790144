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
  readonly narSize?: number
  /** With spaces between them. */
  readonly sigs?: string
}

export interface Decided {
  readonly outcome: 'let-in' | 'warned' | 'refused'
  readonly reason: string
  /** The digest of the only references that it may have. */
  readonly references?: string
}

export interface Where {
  readonly state: string
  readonly policy: string
  readonly socket?: string
}

/** How C reads a reply of the gate. Texts have one character for each byte (latin1). */
export type ReadReply =
  | { readonly kind: 'pass' | 'refuse'; readonly sentence: string; readonly notice: string }
  | { readonly kind: 'failed'; readonly why: string }

/** A line for the decision log. */
export interface Logged {
  readonly state: string
  readonly log: 'off' | 'kept' | 'required'
  /** Undefined if the policy is not known. */
  readonly mode?: 'enforce' | 'warn' | undefined
  readonly path: string
  readonly hash: string
  readonly outcome: 'trusted' | 'untrusted' | 'indeterminate'
  readonly letIn: boolean
  readonly ground: string
  /** One character for each byte (latin1), without NUL. */
  readonly message?: string
  /** So many lines; of more than one, each has its place among them behind its path. */
  readonly count?: number
}

/** What becomes of it: `why` says what went wrong, even where the policy lets that pass. */
export interface LogAnswer {
  readonly kind: 'logged' | 'failed'
  readonly why: string
}

export interface AskPlugin {
  /** The program, for processes of its own. */
  readonly program: string
  (where: Where, row: Row): Decided
  /** Writes lines of the decision log. */
  log(line: Logged): LogAnswer
  /** Who is behind a process: see asker.h. */
  askerOf(proc: string, process: string): string
  /** How C reads a reply; it may have a few bytes more than a reply can have. */
  readReply(bytes: Uint8Array): ReadReply
  close(): void
}

/** Compiles the code into a directory. Returns the program. */
function makeAsk(directory: string): string {
  const program = join(directory, 'ask')
  const made = spawnSync(
    'make',
    ['-s', '-C', join(PROJECT_ROOT, 'nix/plugin'), `OUT=${directory}`, program],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(made.status, 0, made.stderr)
  return program
}

/** The line that asks for lines of the decision log. */
export function logQuestion({ log, message, count = 1, ...line }: Logged): string {
  const words = [
    line.state,
    ['off', 'kept', 'required'].indexOf(log),
    line.mode,
    line.path,
    line.hash,
    line.outcome,
    line.letIn ? 1 : '',
    line.ground,
    message === undefined ? '' : Buffer.from(message, 'latin1').toString('hex'),
    count,
  ]
  return `log\t${words.map(word => word ?? '').join('\t')}`
}

/** Compiles the code and starts a process that answers one question after another. */
export function openPlugin(): AskPlugin {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-ask-'))
  const program = makeAsk(directory)
  const [questions, answers] = [join(directory, 'questions'), join(directory, 'answers')]
  execFileSync('mkfifo', [questions, answers])
  const script = `exec ${program} <${questions} >${answers}`
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'] })
  child.unref()
  const to = openSync(questions, 'w')
  const from = openSync(answers, 'r')

  /** Sends a line, and returns the line that answers it. */
  const exchange = (line: string): string => {
    writeSync(to, `${line}\n`)
    const answer = Buffer.alloc(256 * 1024)
    let filled = 0
    while (!answer.subarray(0, filled).includes('\n')) {
      const count = readSync(from, answer, filled, answer.length - filled, null)
      assert.ok(count > 0, `the plugin's code ended when it was asked ${JSON.stringify(line).slice(0, 500)}`)
      filled += count
    }
    return answer.toString('utf8', 0, filled - 1)
  }

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
      row.narSize?.toString(),
      row.sigs,
    ]
    const answer = exchange(words.map(word => word ?? '').join('\t'))
    const [, outcome, reason = '', references] =
      /^(let-in|warned|refused)\t([ -~]*)\t([0-9a-f]{64})?$/.exec(answer) ?? []
    assert.ok(outcome !== undefined, `not an answer in printable ASCII: ${JSON.stringify(answer)}`)
    return { outcome: outcome as Decided['outcome'], reason, ...(references && { references }) }
  }

  const readReply = (bytes: Uint8Array): ReadReply => {
    const [kind = '', ...texts] = exchange(`reply\t${Buffer.from(bytes).toString('hex')}`).split('\t')
    const [text = '', notice = ''] = texts.map(hex => Buffer.from(hex, 'hex').toString('latin1'))
    if (kind === 'failed') return { kind, why: text }
    assert.ok(kind === 'pass' || kind === 'refuse', kind)
    return { kind, sentence: text, notice }
  }
  const log = (line: Logged): LogAnswer => {
    const [kind = '', why = ''] = exchange(logQuestion(line)).split('\t')
    assert.ok(kind === 'logged' || kind === 'failed', kind)
    return { kind, why }
  }
  return Object.assign(ask, {
    program,
    askerOf: (proc: string, process: string) => exchange(`asker\t${proc}\t${process}`),
    readReply,
    log,
    close() {
      closeSync(to)
      closeSync(from)
      child.kill()
      rmSync(directory, { recursive: true })
    },
  })
}
