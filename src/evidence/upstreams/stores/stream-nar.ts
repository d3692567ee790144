import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { restFrom } from '../../../http/byte-range.ts'
import { refused, SourceError } from '../../../http/source-error.ts'
import { FormatError } from '../../../primitives/format-error.ts'
import type { OtherStoreClient } from '../../../store/other-store.ts'
import { StoreError } from '../../../store/store-error.ts'
import { STREAM_LIMIT } from '../streamed-response.ts'
import type { Streamed } from '../upstream.ts'
import type { NamedNar } from './described.ts'
import type { Sessions } from './sessions.ts'
import { storeWords } from './store-words.ts'

/** Milliseconds for which a NAR waits while others take all processes. */
const WAIT = 120_000

interface Options {
  readonly range: string | undefined
  readonly signal: AbortSignal | undefined
  /** Waits until one more NAR may be sent, and resolves with what gives the turn back. */
  readonly turn: ((signal: AbortSignal) => Promise<() => void>) | undefined
}

/**
 * The NAR of a path as a stream; of a range only where it begins is heeded. It ends with SourceError
 * if the store sends other bytes than it described; then the last of them were not passed on.
 */
export async function streamNar(
  sessions: Sessions<OtherStoreClient>,
  nar: NamedNar,
  { range, signal, turn }: Options,
): Promise<Streamed> {
  const { narSize } = nar
  const wanted = restFrom(range)
  const start = wanted < narSize ? wanted : 0
  const pieces = from(start, checked(sessions, nar, { signal, turn }))
  // Whether it can be had shows with its first piece.
  const first = await pieces.next()
  const body = Readable.from(joined(first, pieces), { objectMode: false })
  const stop = () => body.destroy(new SourceError('was stopped', { isPassing: false }))
  signal?.addEventListener('abort', stop, { once: true })
  body.once('close', () => {
    signal?.removeEventListener('abort', stop)
    // Also where nobody has begun to read it: `finally` of a generator that never began never runs.
    void pieces.return()
  })
  if (start === 0) return { status: 200, length: narSize, body }
  const contentRange = `bytes ${start}-${narSize - 1}/${narSize}`
  return { status: 206, length: narSize - start, contentRange, body }
}

type Pieces = AsyncGenerator<Uint8Array, void, undefined>

async function* joined(first: IteratorResult<Uint8Array, void>, rest: Pieces): Pieces {
  if (first.done) return
  yield first.value
  yield* rest
}

async function* from(start: number, pieces: Pieces): Pieces {
  let at = 0
  for await (const piece of pieces) {
    const skipped = Math.min(piece.length, Math.max(0, start - at))
    at += piece.length
    if (skipped < piece.length) yield piece.subarray(skipped)
  }
}

/** The pieces of the NAR; the last one only if all have the hash that the store gave them. */
async function* checked(
  sessions: Sessions<OtherStoreClient>,
  { path, narHash, narSize }: NamedNar,
  { signal, turn }: Pick<Options, 'signal' | 'turn'>,
): Pieces {
  const endsAfter = (...limits: readonly AbortSignal[]) =>
    AbortSignal.any([...limits, ...(signal === undefined ? [] : [signal])])
  const done = await turn?.(endsAfter())
  const until = performance.now() + STREAM_LIMIT
  let session: OtherStoreClient | undefined
  try {
    session = await sessions.take(endsAfter(AbortSignal.timeout(WAIT)))
    const hash = createHash('sha256')
    let held: Uint8Array | undefined
    for await (const piece of session.nar(path, narSize)) {
      hash.update(piece)
      if (held !== undefined) yield held
      if (performance.now() > until) throw new StoreError('the NAR takes too long')
      held = piece
    }
    if (hash.digest('hex') !== narHash) throw new StoreError('sent another NAR than it had described')
    if (held !== undefined) yield held
  } catch (error) {
    throw problemOf(error)
  } finally {
    if (session !== undefined) sessions.giveBack(session)
    done?.()
  }
}

function problemOf(error: unknown): unknown {
  if (error instanceof StoreError)
    return new SourceError(storeWords(error.message), { isPassing: error.isLoss })
  if (error instanceof FormatError) return refused(error.message)
  if (error instanceof DOMException)
    return new SourceError('too many NARs are under way from this store', { isPassing: true })
  return error
}
