/**
 * A conversation with a Nix daemon over any pair of byte streams: one request at a time, each with
 * a time limit.
 */
import { type Pipe, receive, type Source } from './source.ts'
import { StoreError } from './store-error.ts'
import type { Whole } from './whole-path-info.ts'
import type { SkippingReader } from './wire.ts'

export type { Pipe } from './source.ts'

/** A request, and the reader of its answer. */
export interface Asked<T> {
  readonly request: Uint8Array
  readonly answer: SkippingReader<T>
  /** Reads an answer that has arrived whole: see Query. */
  readonly whole?: (bytes: Buffer, start: number) => Whole<T> | undefined
}

/** How many requests are on their way at once: of a hundred bytes each, they wait in the pipe. */
const ON_THEIR_WAY = 512

/** An open conversation with a daemon. */
export interface Connection {
  /**
   * Sends a request and reads its answer. May be called again at once; requests are sent one after
   * another. Rejects with StoreError if the daemon reports an error; the next request can still
   * follow. Also rejects with StoreError if the answer is late or the daemon is gone, and with
   * FormatError if the answer is malformed; both end the connection.
   */
  exchange<T>(request: Uint8Array, answer: SkippingReader<T>): Promise<T>
  /**
   * The same for many requests: some are on their way while earlier ones are answered. Any error
   * ends the connection, as answers are on their way then.
   */
  exchangeAll<T>(queries: readonly Asked<T>[]): Promise<readonly T[]>
  /**
   * Sends a request whose answer ends with `size` bytes that are not kept: yields them as they
   * arrive, each within the time limit. Throws as `exchange` rejects. The connection ends if the
   * reader stops before the last of them.
   */
  stream(
    request: Uint8Array,
    head: SkippingReader<void>,
    size: number,
  ): AsyncGenerator<Uint8Array, void, undefined>
  /** False once the pipe was closed, whoever closed it. */
  isOpen(): boolean
  close(): void
}

/** Opens a connection over a pipe; `timeout` is in milliseconds, for each request. */
export function openConnection(pipe: Pipe, timeout: number): Connection {
  const source = receive(pipe)
  let previous: Promise<unknown> = Promise.resolve()

  function tooLate(): void {
    source.fail(new StoreError(`the Nix daemon gave no answer within ${timeout} ms`))
  }

  async function some(most: number): Promise<Uint8Array> {
    return inTime(() => source.some(most))
  }

  async function inTime<T>(work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(tooLate, timeout)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
    }
  }

  async function converse<T>(request: Uint8Array, answer: SkippingReader<T>): Promise<T> {
    const timer = setTimeout(tooLate, timeout)
    try {
      source.begin()
      pipe.output.write(request)
      return await read(source, answer)
    } catch (error) {
      // Only after an error that the daemon reported do both sides still agree on their position.
      if (!(error instanceof StoreError))
        source.fail(error instanceof Error ? error : new Error(String(error)))
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    exchange(request, answer) {
      const result = previous.then(() => converse(request, answer))
      previous = result.catch(() => {})
      return result
    },
    exchangeAll(queries) {
      const result = previous.then(() => converseAll({ source, pipe, inTime }, queries))
      previous = result.catch(() => {})
      return result
    },
    async *stream(request, head, size) {
      const turn = previous
      let free = () => {}
      previous = new Promise<void>(resolve => {
        free = resolve
      })
      let left = size
      try {
        await turn
        await converse(request, head)
        while (left > 0) {
          const piece = await some(left)
          left -= piece.length
          yield piece
        }
      } finally {
        if (left > 0) source.fail(new StoreError('the answer of the Nix daemon was not read to its end'))
        free()
      }
    },
    isOpen: () => source.isOpen(),
    close: () => source.fail(new StoreError('the connection to the Nix daemon was closed')),
  }
}

/** What a conversation is held with. */
interface Conversing {
  readonly source: Source
  readonly pipe: Pipe
  /** Within the time for one request. */
  inTime<T>(work: () => Promise<T>): Promise<T>
}

async function converseAll<T>(
  { source, pipe, inTime }: Conversing,
  queries: readonly Asked<T>[],
): Promise<readonly T[]> {
  const answers: T[] = []
  source.begin()
  try {
    for (let sent = 0; answers.length < queries.length; ) {
      // Half of them at once, so that the daemon never waits for one.
      if (sent < queries.length && sent - answers.length <= ON_THEIR_WAY / 2) {
        const some = queries.slice(sent, answers.length + ON_THEIR_WAY)
        pipe.output.write(Buffer.concat(some.map(({ request }) => request)))
        sent += some.length
      }
      takeWhole(source, queries, answers)
      const next = queries[answers.length]
      if (next === undefined) break
      source.count()
      await inTime(async () => {
        // What arrives whole need not be read by its fields.
        if (source.seen(1) === undefined) await source.peek(1)
        if (takeWhole(source, queries, answers) === 0) answers.push(await read(source, next.answer))
      })
    }
    return answers
  } catch (error) {
    source.fail(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

/** Takes the next answers as far as they have arrived whole. Returns how many these are. */
function takeWhole<T>(source: Source, queries: readonly Asked<T>[], answers: T[]): number {
  const bytes = source.seen(1)
  if (bytes === undefined) return 0
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const before = answers.length
  let at = 0
  for (;;) {
    const whole = queries[answers.length]?.whole?.(buffer, at)
    if (whole === undefined) break
    answers.push(whole.value)
    at = whole.end
  }
  if (at > 0) {
    source.held(at)
    source.count()
  }
  return answers.length - before
}

async function read<T>(source: Source, answer: SkippingReader<T>): Promise<T> {
  let step = answer.next()
  while (!step.done) {
    const wanted = step.value
    if (typeof wanted === 'number') step = answer.next(source.held(wanted) ?? (await source.take(wanted)))
    else if ('peek' in wanted)
      step = answer.next(source.seen(wanted.peek) ?? (await source.peek(wanted.peek)))
    else step = answer.next(source.passed(wanted.skip) ?? (await source.skip(wanted.skip)))
  }
  return step.value
}
