import { lstatSync, type Stats } from 'node:fs'
import { connect } from 'node:net'
import { protectedPath } from '../files/owned-file.ts'
import { type HookQuestion, printQuestion, RESIDENT_SOCKET } from '../formats/hook-question.ts'
import { type HookReply, parseReply, REPLY_LIMIT } from '../formats/hook-reply.ts'

/**
 * The result of asking the resident process. An answer is `pass` or `refuse`, which is final, or
 * `done` for a reload.
 */
export type Asked =
  | { readonly kind: 'answered'; readonly reply: HookReply }
  /** Nobody listens there. */
  | { readonly kind: 'absent' }
  /**
   * Somebody listens there, or could, but gave no valid answer. `why` may hold text from outside.
   */
  | { readonly kind: 'failed'; readonly why: string }

const VERDICTS: readonly unknown[] = ['pass', 'refuse']
const OUTCOMES = {
  'before-build': VERDICTS,
  'after-build': VERDICTS,
  'may-build': VERDICTS,
  admit: VERDICTS,
  built: VERDICTS,
  reload: ['done'] as readonly unknown[],
}

const ABSENT: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED']
const BROKEN_OFF: readonly unknown[] = ['ECONNRESET', 'EPIPE']

/**
 * Milliseconds without a reply after which the resident process is asked for a sign of life, and
 * within which that must come. This is needed because the kernel still accepts connections and
 * questions for a process that was stopped (SIGSTOP).
 */
const SIGN_OF_LIFE = 30_000

/** Not a valid question: a process that runs answers with an error at once. */
const ALIVE = 'nixsig1 alive\n'

/**
 * Asks the resident process, if its socket and the directories above it belong to root or the
 * running user and nobody else can write to them. There is no limit of time, since hooks have one
 * of their own, but a process that hangs is given up. Never rejects.
 */
export async function askResident(
  question: HookQuestion,
  path = RESIDENT_SOCKET,
  signOfLife = SIGN_OF_LIFE,
): Promise<Asked> {
  try {
    const status = lstatSync(path, { throwIfNoEntry: false })
    if (status === undefined) return { kind: 'absent' }
    const problem = problemOf(path, status)
    if (problem !== undefined) return { kind: 'failed', why: `${path} ${problem}` }
    const bytes = await exchange(path, printQuestion(question), signOfLife)
    if (bytes.length === 0) return { kind: 'failed', why: 'it gave no reply' }
    const reply = parseReply(bytes)
    if (OUTCOMES[question.kind].includes(reply.outcome)) return { kind: 'answered', reply }
    return { kind: 'failed', why: reply.sentence === '' ? 'it answered another question' : reply.sentence }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (ABSENT.includes(code)) return { kind: 'absent' }
    return { kind: 'failed', why: BROKEN_OFF.includes(code) ? 'it broke off' : message }
  }
}

/**
 * Why the listener cannot be trusted to be root or the running user; undefined if it can. Throws
 * FileError.
 */
function problemOf(path: string, status: Stats): string | undefined {
  if (!status.isSocket()) return 'is no socket'
  if (status.uid !== 0 && status.uid !== process.geteuid?.()) return `belongs to user ${status.uid}`
  if ((status.mode & 0o022) !== 0) return 'is writable by others'
  protectedPath(path)
  return undefined
}

/** Sends a line and resolves to all that the other side sends until it closes. */
function exchange(path: string, line: string, signOfLife: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const socket = connect(path, () => socket.end(line))
    const watch = setInterval(() => {
      isAlive(path, signOfLife).then(
        is => is || socket.destroy(new Error('it hangs: it gave no sign of life')),
      )
    }, signOfLife).unref()
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length > REPLY_LIMIT) socket.destroy(new Error(`more than ${REPLY_LIMIT} bytes`))
    })
    socket.on('end', () => resolve(Buffer.concat(chunks)))
    socket.on('close', () => {
      clearInterval(watch)
      reject(new Error('it broke off'))
    })
  })
}

/** Whether the listener says anything, or hangs up, within `signOfLife` milliseconds. */
function isAlive(path: string, signOfLife: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path, () => socket.end(ALIVE))
    const end = (is: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(is)
    }
    const timer = setTimeout(end, signOfLife, false)
    socket.on('error', () => end(true)) // the question itself fails in the same way
    socket.on('data', () => end(true))
    socket.on('end', () => end(true))
  })
}
