import { FileError } from '../files/regular-file.ts'

/** Bytes of the longest line that git answers with. */
const LINE_LIMIT = 4096

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
  let held: Buffer = Buffer.alloc(0)
  const more = async (): Promise<Buffer> => {
    const { value, done } = await pieces.next()
    if (done) throw new FileError('git ended before it answered: is that a repository?')
    return value
  }
  const take = (count: number): Buffer => {
    const taken = held.subarray(0, count)
    held = held.subarray(count)
    return taken
  }
  const bufferedLine = (): string | undefined => {
    const end = held.indexOf(10)
    if (end < 0 && held.length > LINE_LIMIT) throw new FileError('git: an answer that is too long')
    return end < 0 ? undefined : take(end + 1).toString('latin1', 0, end)
  }
  const bytes = async (count: number): Promise<Buffer> => {
    const parts: Buffer[] = []
    for (let missing = count; missing > 0; ) {
      if (held.length === 0) held = await more()
      const part = take(Math.min(missing, held.length))
      parts.push(part)
      missing -= part.length
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, count)
  }
  return {
    bytes,
    bufferedLine,
    buffered: count => (held.length < count ? undefined : take(count)),
    line: async () => {
      for (;;) {
        const line = bufferedLine()
        if (line !== undefined) return line
        held = Buffer.concat([held, await more()])
      }
    },
    skip: async count => {
      for (let missing = count; missing > 0; ) {
        if (held.length === 0) held = await more()
        missing -= take(Math.min(missing, held.length)).length
      }
    },
  }
}
