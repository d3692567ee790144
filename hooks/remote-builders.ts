/**
 * Nix's own program for its `build-hook` setting (`build-remote`) behind ours: it hands derivations to remote
 * builders.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, fstatSync, writeSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'

/** What it says to a request: `machine` is the one that it accepted it for. */
export type BuilderReply =
  | { readonly word: 'accept'; readonly machine: string }
  | { readonly word: 'decline' | 'postpone' }

export interface RemoteBuilders {
  /** Passes a request on, as Nix sent it. Undefined: it ended, and answers nothing any more. */
  ask(request: Uint8Array): Promise<BuilderReply | undefined>
  /** Hands the accepted build over, as Nix sent it, and lets it say all it has to say; its exit status. */
  build(accepted: Uint8Array): Promise<number>
}

/** Whether a machine has remote builders, by the setting `builders`: machines, or `@` and a file that lists them. */
export function hasBuilders(setting: string): boolean {
  const entries = setting.split(/[\n;]/).map(entry => entry.trim())
  return entries.some(entry => entry !== '' && (!entry.startsWith('@') || existsSync(entry.slice(1))))
}

/**
 * Starts it: the very program that called us, under the name by which every version of it knows what to do. `settings`:
 * what Nix sent of them. `log`: our own file where Nix reads the build's log; the next one belongs to it.
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
  child.stdin?.on('error', () => {}) // it ended; whoever waits for its answer is told
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
        // Nix would ask nobody any more, and we want to be asked.
        if (answer === 'postpone') return { word: answer }
        if (answer !== 'accept') return { word: 'decline' }
        const machine = await lines.next()
        return machine === undefined ? undefined : { word: answer, machine }
      }
    },
    async build(accepted) {
      child.stdin?.end(accepted)
      for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
        // Nix shows a user what stands in the log. Of all else it takes what is in its own form.
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
  /** The next line; undefined when there is none any more. */
  next(): Promise<string | undefined>
}

/** The lines of its standard error, kept until they are asked for. */
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
