/** What a daemon sends, taken in bounded memory. */
import type { Readable, Writable } from 'node:stream'
import { printable } from '../primitives/printable.ts'
import { StoreError } from './store-error.ts'
import { wireError } from './wire.ts'

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

/** The bytes that a daemon sends, as they arrive. */
export interface Source {
  /**
   * Starts the count of an answer's bytes. Throws if the connection failed or unrequested bytes
   * arrived.
   */
  begin(): void
  /** Starts that count anew, for the next of several answers. */
  count(): void
  /** The next `count` bytes if they have arrived: without waiting, for answers of many parts. */
  held(count: number): Uint8Array | undefined
  /** The next `count` bytes. */
  take(count: number): Promise<Uint8Array>
  /** All bytes that have arrived, at least `count`; they stay unread. */
  peek(count: number): Promise<Uint8Array>
  /** The same as `peek` and `skip`, if the bytes have arrived: without waiting. */
  seen(count: number): Uint8Array | undefined
  passed(count: number): Uint8Array | undefined
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

/** Takes what arrives from now on. */
export function receive(pipe: Pipe): Source {
  let waiting: { count: number; resolve: () => void; reject: (error: Error) => void } | undefined
  const buffer = openBuffer()
  let failure: Error | undefined

  function fail(error: Error): void {
    if (failure !== undefined) return
    failure = error
    waiting?.reject(error)
    waiting = undefined
    pipe.close()
  }

  async function arrival(count: number): Promise<void> {
    if (buffer.length() >= count) return
    if (failure !== undefined) throw failure
    pipe.input.resume()
    await new Promise<void>((resolve, reject) => {
      waiting = { count, resolve, reject }
    })
  }

  async function some(most: number): Promise<Uint8Array> {
    if (buffer.length() === 0) await arrival(1)
    return buffer.uncounted(Math.min(most, buffer.length()))
  }

  pipe.input.on('data', (chunk: Buffer) => {
    if (!buffer.add(chunk)) return fail(wireError(`more than ${MAX_ANSWER} bytes`, 'answer'))
    if (waiting === undefined && buffer.length() > ENOUGH) pipe.input.pause()
    if (waiting === undefined || buffer.length() < waiting.count) return
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
      if (buffer.length() > 0) throw wireError('bytes that nobody asked for', 'answer')
      buffer.count()
    },
    count: buffer.count,
    held: count => (buffer.length() >= count ? buffer.cut(count) : undefined),
    take: count => arrival(count).then(() => buffer.cut(count)),
    seen: count => (buffer.length() >= count ? buffer.all() : undefined),
    peek: count => arrival(count).then(buffer.all),
    some,
    passed(count) {
      if (buffer.length() < count) return undefined
      if (!buffer.skip(count)) throw wireError(`more than ${MAX_SKIPPED} bytes`, 'answer')
      buffer.uncounted(count)
      return NOTHING
    },
    async skip(count) {
      if (!buffer.skip(count)) throw wireError(`more than ${MAX_SKIPPED} bytes`, 'answer')
      // Some at a time, or they would all wait in memory.
      for (let left = count; left > 0; ) left -= (await some(left)).length
      return NOTHING
    },
  }
}

/** The bytes that arrived and wait, and how many one answer has had. */
function openBuffer() {
  let buffered: Buffer = Buffer.alloc(0)
  let answered = 0
  let skipped = 0
  const cut = (count: number): Uint8Array => {
    const bytes = buffered.subarray(0, count)
    buffered = buffered.subarray(count)
    return bytes
  }
  return {
    length: () => buffered.length,
    all: (): Uint8Array => buffered,
    cut,
    /** Whether an answer may have that many bytes. */
    add(chunk: Buffer): boolean {
      answered += chunk.length
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk])
      return answered <= MAX_ANSWER
    },
    /** Begins to count the next answer, some of which may have arrived. */
    count(): void {
      answered = buffered.length
      skipped = 0
    },
    /** The same as `cut`, of bytes that do not count. */
    uncounted(count: number): Uint8Array {
      answered -= count
      return cut(count)
    },
    /** Whether one answer may have so many more bytes that are passed over. */
    skip(count: number): boolean {
      skipped += count
      return skipped <= MAX_SKIPPED
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
