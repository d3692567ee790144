/**
 * A conversation with a Nix daemon over any pair of byte streams: one request at a time, each with
 * a time limit.
 */
import type { Readable, Writable } from 'node:stream'
import { printable } from '../primitives/printable.ts'
import { StoreError } from './store-error.ts'
import { type SkippingReader, wireError } from './wire.ts'

/** The most bytes that one answer may have, and that may wait unread. */
const MAX_ANSWER = 128 * 1024 * 1024
/** How many bytes may wait unread before no more are taken from the pipe. */
const ENOUGH = 1024 * 1024
/** The most bytes of one answer that are passed over. Nix's database holds less about a path. */
const MAX_SKIPPED = 8 * 1024 * 1024 * 1024
const NOTHING = new Uint8Array()

/** A pair of byte streams to a daemon. */
export interface Pipe {
  readonly input: Readable
  readonly output: Writable
  /**
   * Resolves with what is known about the reason, raw, once the other side is gone. Never rejects.
   */
  readonly ended: Promise<string>
  /** Closes both directions and the process or socket behind them. */
  close(): void
}

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
    const timer = setTimeout(tooLate, timeout)
    try {
      return await source.some(most)
    } finally {
      clearTimeout(timer)
    }
  }

  async function converse<T>(request: Uint8Array, answer: SkippingReader<T>): Promise<T> {
    const timer = setTimeout(tooLate, timeout)
    try {
      source.begin()
      pipe.output.write(request)
      let step = answer.next()
      while (!step.done) {
        const wanted = step.value
        if (typeof wanted === 'number') step = answer.next(source.held(wanted) ?? (await source.take(wanted)))
        else if ('peek' in wanted) step = answer.next(await source.peek(wanted.peek))
        else step = answer.next(await source.skip(wanted.skip))
      }
      return step.value
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

interface Source {
  /**
   * Starts the count of an answer's bytes. Throws if the connection failed or unrequested bytes
   * arrived.
   */
  begin(): void
  /** The next `count` bytes if they have arrived: without waiting, for answers of many parts. */
  held(count: number): Uint8Array | undefined
  /** The next `count` bytes. */
  take(count: number): Promise<Uint8Array>
  /** All bytes that have arrived, at least `count`; they stay unread. */
  peek(count: number): Promise<Uint8Array>
  /** Passes over the next so many bytes, which do not count; resolves with nothing. */
  skip(count: number): Promise<Uint8Array>
  /** The next bytes, at most so many and at least one, which do not count. */
  some(most: number): Promise<Uint8Array>
  /**
   * Closes the pipe; what is asked now and later is answered with this error. Only the first
   * failure counts.
   */
  fail(error: Error): void
  isOpen(): boolean
}

function receive(pipe: Pipe): Source {
  let waiting: { count: number; resolve: () => void; reject: (error: Error) => void } | undefined
  let buffered: Buffer = Buffer.alloc(0)
  let answered = 0
  let skipped = 0
  let failure: Error | undefined

  function fail(error: Error): void {
    if (failure !== undefined) return
    failure = error
    waiting?.reject(error)
    waiting = undefined
    pipe.close()
  }

  function cut(count: number): Uint8Array {
    const bytes = buffered.subarray(0, count)
    buffered = buffered.subarray(count)
    return bytes
  }

  async function arrival(count: number): Promise<void> {
    if (buffered.length >= count) return
    if (failure !== undefined) throw failure
    pipe.input.resume()
    await new Promise<void>((resolve, reject) => {
      waiting = { count, resolve, reject }
    })
  }

  async function some(most: number): Promise<Uint8Array> {
    if (buffered.length === 0) await arrival(1)
    const piece = cut(Math.min(most, buffered.length))
    answered -= piece.length
    return piece
  }

  pipe.input.on('data', (chunk: Buffer) => {
    answered += chunk.length
    if (answered > MAX_ANSWER) return fail(wireError(`more than ${MAX_ANSWER} bytes`, 'answer'))
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
    if (waiting === undefined && buffered.length > ENOUGH) pipe.input.pause()
    if (waiting === undefined || buffered.length < waiting.count) return
    const { resolve } = waiting
    waiting = undefined
    resolve()
  })
  whenGone(pipe, fail)

  return {
    fail,
    isOpen: () => failure === undefined,
    begin() {
      if (failure !== undefined) throw failure
      if (buffered.length > 0) throw wireError('bytes that nobody asked for', 'answer')
      answered = 0
      skipped = 0
    },
    held: count => (buffered.length >= count ? cut(count) : undefined),
    take: count => arrival(count).then(() => cut(count)),
    peek: count => arrival(count).then(() => buffered),
    some,
    async skip(count) {
      skipped += count
      if (skipped > MAX_SKIPPED) throw wireError(`more than ${MAX_SKIPPED} bytes`, 'answer')
      // Some at a time, or they would all wait in memory.
      for (let left = count; left > 0; ) left -= (await some(left)).length
      return NOTHING
    },
  }
}

/** Calls back when the other side is gone, with the reason. */
function whenGone(pipe: Pipe, fail: (error: StoreError) => void): void {
  pipe.ended.then(words => {
    const reason = words === '' ? '' : `: ${printable(words)}`
    fail(new StoreError(`the Nix daemon went away${reason}`, { isLoss: true }))
  })
  // A broken stream also ends the pipe, which is where it is handled.
  pipe.input.on('error', () => {})
  pipe.output.on('error', () => {})
}
