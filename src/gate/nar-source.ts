/** The bytes that a ticket stands for, as one upstream sends them. */
import type { Readable } from 'node:stream'
import { fileLimit } from '../evidence/upstreams/read-nar.ts'
import type { Streamed, StreamOptions, StreamTurns, Upstream } from '../evidence/upstreams/upstream.ts'
import { onAbort } from '../files/deadline.ts'
import { asNarFault, NarFault } from './nar-faults.ts'
import type { NarFile, NarTicket } from './nar-ticket.ts'
import type { PeerTurns } from './nar-turns.ts'

/** Milliseconds within which an upstream has to begin its answer, even if it is the only one. */
const OPENING = 120_000

/**
 * An upstream that has sent fewer bytes than these within so many milliseconds is given up while
 * there are others.
 */
export interface Pace {
  readonly bytes: number
  readonly ms: number
}

/** A file of an upstream that is open. */
export interface NarSource {
  readonly file: NarFile
  readonly upstream: Pick<Upstream, 'stream'>
}

/** How it is read. */
export interface Reading {
  readonly ticket: NarTicket
  readonly turns: PeerTurns
  /** Undefined: however slow it is. */
  readonly pace: Pace | undefined
  /** The first byte that is wanted. */
  readonly from: number
  readonly signal: AbortSignal
}

export interface NarFlow {
  readonly source: NarSource
  /** Which byte comes first: 0, or the one that is wanted. */
  readonly begin: number
  /** The size of the whole, if it is known. */
  readonly size: number | undefined
  /** The next piece; undefined at the end. Rejects with NarFault. */
  next(): Promise<Buffer | undefined>
  /** Ends it; again does nothing. */
  close(): void
}

/**
 * Opens a source. Bytes come as the ticket's form says: as the file has them, or decompressed. Never
 * more than a NAR of that size needs. Rejects with NarFault, or with the signal's reason.
 */
export async function openFlow(source: NarSource, reading: Reading): Promise<NarFlow> {
  const { ticket, pace, turns, signal } = reading
  const ended = new AbortController()
  const stopListening = onAbort(signal, reason => ended.abort(reason))
  const watch = watchPace(pace, fault => ended.abort(fault))
  const opening = limitOpening(() => ended.abort(new NarFault('late', 'did not begin to answer')))
  let giveBack: (() => void) | undefined
  const close = () => {
    giveBack?.()
    stopListening()
    watch.stop()
    opening.stop()
    ended.abort()
  }
  /** Waiting for a turn is not the upstream's fault. */
  const inTurn = <T>(waiting: Promise<T>) => opening.apart(watch.apart(waiting))
  const faulty = (error: unknown) => {
    close()
    if (signal.aborted) return signal.reason
    return watch.fault() ?? asNarFault(error)
  }
  try {
    const range = ticket.form === 'nar' || reading.from === 0 ? {} : { range: `bytes=${reading.from}-` }
    // Taken first: a file that is open and not read is taken for one that stands still.
    if (isPacked(source, ticket)) giveBack = await turns.unpacking(ended.signal)
    opening.start()
    const streamTurns: StreamTurns = {
      // One turn is enough for both programs of a file: two could keep each other waiting.
      program: signal => (giveBack === undefined ? inTurn(turns.program(signal)) : Promise.resolve(() => {})),
      sending: (store, signal) => inTurn(turns.sending(store, signal)),
    }
    const file = openFile(source, { ...range, signal: ended.signal, turns: streamTurns })
    const streamed = await watch.during(untilAborted(file, ended.signal))
    opening.stop()
    const { begin, size } = partSent(streamed, reading)
    const pieces = piecesOf(streamed.body, source, reading, ended.signal)
    return {
      source,
      begin,
      size: ticket.form === 'nar' ? ticket.narSize : size,
      close,
      async next() {
        try {
          const piece = await watch.during(pieces.next().then(({ value }) => value || undefined))
          if (piece === undefined) close()
          return piece
        } catch (error) {
          throw faulty(error)
        }
      },
    }
  } catch (error) {
    throw faulty(error)
  }
}

/** Calls back if nothing was opened in time. What is waited for apart does not count. */
function limitOpening(onLate: () => void) {
  let timer: NodeJS.Timeout | undefined
  let isOpening = false
  const limit = {
    start() {
      isOpening = true
      timer = setTimeout(onLate, OPENING)
    },
    async apart<T>(waiting: Promise<T>): Promise<T> {
      clearTimeout(timer)
      try {
        return await waiting
      } finally {
        if (isOpening) limit.start()
      }
    },
    stop() {
      isOpening = false
      clearTimeout(timer)
    },
  }
  return limit
}

/** What a promise resolves to. Rejects when the signal aborts, whatever the promise waits for. */
function untilAborted(opening: Promise<Streamed>, signal: AbortSignal): Promise<Streamed> {
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, reject)
    opening.then(streamed => {
      // It came too late: nobody reads it.
      if (signal.aborted) streamed.body.destroy()
      resolve(streamed)
    }, reject)
    opening.finally(stopListening).catch(() => undefined)
  })
}

/**
 * Opens the file of a source. Throws NarFault if it is absent, and what `Upstream.stream` throws.
 */
export async function openFile({ upstream, file }: NarSource, options: StreamOptions): Promise<Streamed> {
  const streamed = await upstream.stream(file.file, options)
  if (streamed === undefined) throw new NarFault('absent', 'has no such file')
  // A stream that fails while nobody reads it must not end the program.
  streamed.body.on('error', () => {})
  return streamed
}

/** Where what was sent begins, and how long the whole is. Throws NarFault for another part. */
function partSent(
  { status, length, contentRange, body }: Streamed,
  { from }: Reading,
): Pick<NarFlow, 'begin' | 'size'> {
  if (status === 200) return { begin: 0, size: length }
  const [, begin, , size] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(contentRange ?? '') ?? []
  if (Number(begin) === from) return { begin: from, size: size === '*' ? undefined : Number(size) }
  body.destroy()
  throw new NarFault('failed', 'sent another part than was asked for')
}

/** How often it is looked whether enough comes, in each period. */
const LOOKS = 10

/**
 * Calls back with a fault, once, if too little comes. Only the time counts in which somebody waits
 * for a piece: a client that reads slowly is not the upstream's fault.
 */
function watchPace(pace: Pace | undefined, onSlow: (fault: NarFault) => void) {
  let [came, looks, isAwaited, isApart] = [0, 0, false, false]
  let fault: NarFault | undefined
  const timer = pace && setInterval(() => look(pace), pace.ms / LOOKS)
  function look({ bytes, ms }: Pace): void {
    if (!isAwaited || isApart || ++looks < LOOKS) return
    if (came < bytes) {
      fault = new NarFault('late', `sent ${came} bytes in ${ms / 1000} seconds`)
      clearInterval(timer)
      onSlow(fault)
    }
    ;[came, looks] = [0, 0]
  }
  return {
    fault: () => fault,
    async during<T>(waiting: Promise<T>): Promise<T> {
      isAwaited = true
      try {
        const piece = await waiting
        if (Buffer.isBuffer(piece)) came += piece.length
        return piece
      } finally {
        isAwaited = false
      }
    },
    /** Waits for something else than the upstream. */
    async apart<T>(waiting: Promise<T>): Promise<T> {
      isApart = true
      try {
        return await waiting
      } finally {
        ;[isApart, came, looks] = [false, 0, 0]
      }
    },
    stop: () => clearInterval(timer),
  }
}

async function* piecesOf(
  body: Readable,
  source: NarSource,
  { ticket }: Reading,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const stopListening = onAbort(signal, () => body.destroy())
  const { form, narSize } = ticket
  const { compression } = source.file
  const limit = fileLimit(narSize)
  try {
    const sent = isPacked(source, ticket) ? await unpacked(body, { compression, limit, signal }) : body
    const most = form === 'nar' ? narSize : limit
    let size = 0
    for await (const piece of sent) {
      size += piece.length
      if (size > most) throw new NarFault('failed', `sent more than ${most} bytes`)
      yield Buffer.isBuffer(piece) ? piece : Buffer.from(piece)
    }
    // A stream that was destroyed can end without an error.
    if (signal.aborted) throw signal.reason
  } finally {
    stopListening()
    body.destroy()
  }
}

/** Whether the gate decompresses it. */
function isPacked({ file }: NarSource, { form }: NarTicket): boolean {
  return form === 'nar' && file.compression !== 'none'
}

async function unpacked(
  body: Readable,
  options: { compression: string; limit: number; signal: AbortSignal },
) {
  const { decompressed } = await import('../files/decompress-stream.ts')
  return decompressed(body, options)
}
