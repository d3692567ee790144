import { FileError } from '../files/regular-file.ts'

/** Bytes of the longest line that git answers with. */
const LINE_LIMIT = 4096

/** Bytes that are held at once, unless more are asked for in one piece. */
const HELD_SIZE = 128 * 1024

/** Reads lines and counted bytes from git, in turn. */
export interface AnswerReader {
  /** The next line, without its end. Throws FileError if git ends first, or it is too long. */
  line(): Promise<string>
  /** The next line if all of it is here already: nothing has to be waited for. */
  bufferedLine(): string | undefined
  /** This many bytes, valid until the next call. Throws FileError if git ends first. */
  bytes(count: number): Promise<Buffer>
  /** This many bytes if all of them are here already. */
  buffered(count: number): Buffer | undefined
  /** Reads this many bytes and forgets them. */
  skip(count: number): Promise<void>
}

/** Reads what a git process says; nobody else may read from it. */
export function answersOf(stdout: AsyncIterable<Buffer>): AnswerReader {
  const pieces = stdout[Symbol.asyncIterator]()
  // What is read and not asked for yet lies between these offsets.
  let held: Buffer = Buffer.allocUnsafe(HELD_SIZE)
  let at = 0
  let end = 0
  const more = async (): Promise<void> => {
    const { value, done } = await pieces.next()
    if (done) throw new FileError('git ended before it answered: is that a repository?')
    const rest = held.subarray(at, end)
    if (rest.length + value.length > held.length) held = Buffer.allocUnsafe(rest.length + value.length)
    held.set(rest, 0)
    held.set(value, rest.length)
    at = 0
    end = rest.length + value.length
  }
  const take = (count: number): Buffer => {
    at += count
    return held.subarray(at - count, at)
  }
  const bufferedLine = (): string | undefined => {
    const stop = held.subarray(at, end).indexOf(10)
    if (stop < 0 && end - at > LINE_LIMIT) throw new FileError('git: an answer that is too long')
    return stop < 0 ? undefined : take(stop + 1).toString('latin1', 0, stop)
  }
  const buffered = (count: number) => (end - at < count ? undefined : take(count))
  const bytes = async (count: number): Promise<Buffer> => {
    const whole = Buffer.allocUnsafe(count)
    for (let filled = 0; filled < count; ) {
      if (at === end) await more()
      filled += take(Math.min(count - filled, end - at)).copy(whole, filled)
    }
    return whole
  }
  return {
    bytes,
    bufferedLine,
    buffered,
    line: async () => {
      for (;;) {
        const line = bufferedLine()
        if (line !== undefined) return line
        await more()
      }
    },
    skip: async count => {
      for (let missing = count; missing > 0; ) {
        if (at === end) await more()
        missing -= take(Math.min(missing, end - at)).length
      }
    },
  }
}
