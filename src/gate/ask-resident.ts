import { lstatSync, type Stats } from 'node:fs'
import { connect } from 'node:net'
import { protectedPath } from '../files/owned-file.ts'
import { type HookQuestion, printQuestion, RESIDENT_SOCKET } from '../formats/hook-question.ts'
import { type HookReply, parseReply, REPLY_LIMIT } from '../formats/hook-reply.ts'

/** What came of asking the resident process: `pass` or `refuse`, which is final, or `done` to a reload; or nothing. */
export type Asked =
  | { readonly kind: 'answered'; readonly reply: HookReply }
  /** Nobody listens there. */
  | { readonly kind: 'absent' }
  /** Somebody does, or could; `why` may hold text from outside. */
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
 * Milliseconds after which whoever has given no answer is asked for a sign of life, and within which it must come. A
 * process that was stopped takes connections and questions still: the kernel does.
 */
const SIGN_OF_LIFE = 30_000

/** No question: whoever runs says so. */
const ALIVE = 'nixsig1 alive\n'

/**
 * Asks the resident process, if its socket and the directories above it belong to root or the running user and nobody
 * else can write to them. Waits as long as it takes, for hooks have an end of their own, but not for one that hangs.
 * Never rejects.
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

/** Why whoever listens there could be anybody; undefined if it is root or the running user. Throws FileError. */
function problemOf(path: string, status: Stats): string | undefined {
  if (!status.isSocket()) return 'is no socket'
  if (status.uid !== 0 && status.uid !== process.geteuid?.()) return `belongs to user ${status.uid}`
  if ((status.mode & 0o022) !== 0) return 'is writable by others'
  protectedPath(path)
  return undefined
}

/** Sends a line; all that comes back until the other side is done. */
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

/** Whether whoever listens there says anything, or hangs up, within so many milliseconds. */
function isAlive(path: string, signOfLife: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path, () => socket.end(ALIVE))
    const end = (is: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(is)
    }
    const timer = setTimeout(end, signOfLife, false)
    socket.on('error', () => end(true)) // the question itself meets the same
    socket.on('data', () => end(true))
    socket.on('end', () => end(true))
  })
}
