/**
 * Nix's own program for its `build-hook` setting (`build-remote`), run behind ours: it sends
 * derivations to remote builders.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, fstatSync, writeSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'

/** Its answer to a request; `machine` is the remote builder that will build it. */
export type BuilderReply =
  | { readonly word: 'accept'; readonly machine: string }
  | { readonly word: 'decline' | 'postpone' }

/** A running program of Nix that hands derivations to remote builders. */
export interface RemoteBuilders {
  /** Passes on a request as Nix sent it. Undefined: the program has ended. */
  ask(request: Uint8Array): Promise<BuilderReply | undefined>
  /**
   * Hands over the accepted build as Nix sent it, and passes on all further output; returns the
   * exit status.
   */
  build(accepted: Uint8Array): Promise<number>
}

/**
 * Whether the setting `builders` names remote builders: machines, or `@` and a file that lists
 * them.
 */
export function hasBuilders(setting: string): boolean {
  const entries = setting.split(/[\n;]/).map(entry => entry.trim())
  return entries.some(entry => entry !== '' && (!entry.startsWith('@') || existsSync(entry.slice(1))))
}

/**
 * Starts the program: the same executable that called us, under the argv[0] that every Nix version
 * accepts. `settings`: Nix's settings as it sent them. `log`: our file descriptor for the build's
 * log; the next descriptor belongs to it.
 */
export function startRemoteBuilders(settings: Uint8Array, verbosity: string, log: number): RemoteBuilders {
  const logs = [log, log + 1].map(file => (isOpen(file) ? file : ('ignore' as const)))
  const child = spawn(`/proc/${process.ppid}/exe`, [verbosity], {
    argv0: 'build-remote',
    stdio: ['pipe', 'inherit', 'pipe', 'ignore', ...logs],
  })
  const ended = new Promise<number>(resolve => {
    child.on('error', () => resolve(1))
    child.on('close', code => resolve(code ?? 1))
  })
  child.stdin?.on('error', () => {}) // it has ended, and its closed output shows that
  child.stdin?.write(settings)
  const lines = linesOf(child)
  return {
    async ask(request) {
      child.stdin?.write(request)
      for (;;) {
        const line = await lines.next()
        if (line === undefined) return undefined
        if (!line.startsWith('# ')) {
          writeSync(2, `${line}\n`)
          continue
        }
        const answer = line.slice(2)
        if (answer === 'postpone') return { word: answer }
        // Also for `decline-permanently`, after which Nix would stop asking: every build has to be
        // judged.
        if (answer !== 'accept') return { word: 'decline' }
        const machine = await lines.next()
        return machine === undefined ? undefined : { word: answer, machine }
      }
    },
    async build(accepted) {
      child.stdin?.end(accepted)
      for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
        // Nix shows its user what is in the log. On standard error it accepts only its own format.
        writeSync(line.startsWith('nixsig: ') ? log : 2, `${line}\n`)
      }
      return ended
    },
  }
}

function isOpen(file: number): boolean {
  try {
    fstatSync(file)
    return true
  } catch {
    return false
  }
}

interface Lines {
  /** The next line; undefined after the last. */
  next(): Promise<string | undefined>
}

/** The lines of the program's standard error, buffered until they are read. */
function linesOf({ stderr }: ChildProcess): Lines {
  if (stderr === null) return { next: async () => undefined }
  const reader: Interface = createInterface({ input: stderr, crlfDelay: Number.POSITIVE_INFINITY })
  const iterator = reader[Symbol.asyncIterator]()
  return {
    async next() {
      const { value, done } = await iterator.next()
      return done === true ? undefined : value
    },
  }
}
