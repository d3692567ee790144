import { findProgram } from '../files/programs.ts'
import { printable } from '../primitives/printable.ts'
import { type OtherStore, spawnNix } from './other-daemon.ts'
import { StoreError } from './store-error.ts'

/** Milliseconds in which a program that has closed its output comes to its end. */
const LAST_WORDS = 1000

/**
 * The NAR of a path of another store, by a program of Nix for this NAR alone. Throws StoreError if
 * it has another size, or if its next part takes longer than `timeout` milliseconds.
 */
export async function* dumpedNar(
  store: OtherStore,
  { path, size, timeout }: { readonly path: string; readonly size: number; readonly timeout: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const program = findProgram('nix')
  if (program === undefined) throw new StoreError('there is no nix program to fetch a NAR with')
  const features = ['--extra-experimental-features', 'nix-command']
  const dump = spawnNix([program, ...features, 'store', 'dump-path', '--store', store.remote, path], store)
  const pieces: AsyncIterator<Uint8Array> = dump.input[Symbol.asyncIterator]()
  const late = new StoreError(`the NAR did not go on within ${timeout} ms`)
  let left = size
  try {
    dump.output.end()
    for (;;) {
      const next = await settled(pieces.next(), timeout, late)
      if (next.done === true) break
      left -= next.value.length
      if (left < 0) throw new StoreError(`the NAR is longer than the ${size} bytes that were said`)
      yield next.value
    }
    if (left === 0) return
    const words = await settled(dump.ended, LAST_WORDS, late)
    throw new StoreError(`the NAR ended ${left} bytes early: ${printable(words)}`)
  } finally {
    dump.close()
  }
}

async function settled<T>(promise: Promise<T>, milliseconds: number, late: Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), milliseconds)
  })
  try {
    return await Promise.race([promise, end])
  } finally {
    clearTimeout(timer)
  }
}
