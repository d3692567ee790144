/** Runs git commands that talk to another machine, which may never answer. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../files/names-in.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { endOf, type GitEnd, startGit } from './run-git.ts'

/**
 * The protocols to fetch with. Git's other ones run programs, and for `file` git would run in the
 * other repository.
 */
export const PROTOCOLS = ['https', 'http', 'ssh', 'git']

/** Bytes that a server may list. */
const OUTPUT_LIMIT = 16 * 1024 * 1024

/** Milliseconds between two looks at how far a command is, and after a polite end. */
const LOOK_MS = 1000
const END_MS = 2000

/** How long is waited for other machines. */
export interface Patience {
  /** Milliseconds without any news: no byte of an answer, a message or a pack. */
  readonly stallMs: number
  /** Milliseconds for one command. */
  readonly wholeMs: number
}

const PATIENCE: Patience = { stallMs: 60_000, wholeMs: 30 * 60_000 }

/** Nothing more is heard from a server, or it says too much: to ask it again at once is in vain. */
export class UnresponsiveError extends FileError {}

/** Milliseconds that one process waits for other machines in all, and what it has waited. */
const TOTAL_MS = 60 * 60_000
let waited = 0

/** A command for a repository of our own and a server, whose URL is in `args`. */
export interface RemoteCommand {
  readonly directory: string
  readonly url: string
  readonly args: readonly string[]
}

/**
 * Runs a command to its end. Throws UnresponsiveError, which names the server, if nothing is heard
 * from it for too long, and if it says too much.
 */
export async function runRemote(
  { directory, url, args }: RemoteCommand,
  { stallMs, wholeMs }: Patience = PATIENCE,
): Promise<GitEnd & { readonly output: Buffer }> {
  const most = Math.min(wholeMs, TOTAL_MS - waited)
  if (most <= 0)
    throw new UnresponsiveError(`${printable(url)} was not asked: other servers took an hour already`)
  const { settings, env } = remoteAccess(stallMs)
  const git = startGit({ directory, env }, [...settings, ...args])
  const end = endOf(git)
  git.stdin.end()
  const started = performance.now()
  let [heard, size, packed] = [started, 0, 0]
  const pieces: Buffer[] = []
  let ended: string | undefined
  const stop = (reason: string) => {
    if (ended !== undefined) return
    ended = reason
    // Git ends the programs that it started, if it is asked to.
    git.kill('SIGTERM')
    setTimeout(() => git.kill('SIGKILL'), END_MS).unref()
    setTimeout(() => [git.stdout, git.stderr].forEach(each => void each.destroy()), 2 * END_MS).unref()
  }
  git.stderr.on('data', () => {
    heard = performance.now()
  })
  git.stdout.on('data', (piece: Buffer) => {
    heard = performance.now()
    size += piece.length
    if (size > OUTPUT_LIMIT) stop(`prints more than ${OUTPUT_LIMIT} bytes`)
    else pieces.push(piece)
  })
  const looking = setInterval(() => {
    const now = performance.now()
    const bytes = packedIn(directory)
    if (bytes !== packed) heard = now
    packed = bytes
    if (now - heard > stallMs) stop(`sent nothing for ${stallMs / 1000} seconds`)
    else if (now - started > most) stop(`was not done after ${Math.round(most / 1000)} seconds`)
  }, LOOK_MS)
  const { status, complaint } = await end.finally(() => clearInterval(looking))
  waited += performance.now() - started
  if (ended !== undefined) throw new UnresponsiveError(`${printable(url)} ${ended}: try again later`)
  return { status, complaint: withoutProgress(complaint), output: Buffer.concat(pieces) }
}

/** Settings and environment: no other protocol, and an end to a transfer that hardly moves. */
function remoteAccess(stallMs: number) {
  const allowed = ['protocol.allow=never', ...PROTOCOLS.map(protocol => `protocol.${protocol}.allow=always`)]
  const slow = ['http.lowSpeedLimit=1', `http.lowSpeedTime=${Math.ceil(stallMs / 1000)}`]
  const settings = [...allowed, ...slow, 'fetch.unpackLimit=1'].flatMap(setting => ['-c', setting])
  // ssh uses the keys of the caller.
  const { HOME, SSH_AUTH_SOCK } = process.env
  const env = { ...(HOME && { HOME }), ...(SSH_AUTH_SOCK && { SSH_AUTH_SOCK }) }
  return { settings, env }
}

/** Bytes of the packs in a repository, those that git is writing included. */
function packedIn(directory: string): number {
  const packs = join(directory, 'objects/pack')
  return namesIn(packs)
    .filter(name => name.startsWith('tmp_'))
    .reduce((sum, name) => sum + (statSync(join(packs, name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

/** What git says, without the lines in which it counts. */
function withoutProgress(complaint: string): string {
  const lines = complaint.split(/[\r\n]+/)
  return lines
    .filter(line => !/^(?:remote: )?(?:[A-Z][a-z]+ [a-z ]+: +|Total )\d/.test(line))
    .join('\n')
    .trim()
}
