/**
 * The threads of this process in which libuv waits for resolvers, disks and zlib. Their number is
 * fixed when the first of them is needed.
 */

const VARIABLE = 'UV_THREADPOOL_SIZE'

/**
 * Threads of programs that ask caches: half of them wait for resolvers, one for each cache at most.
 */
export const MANY_THREADS = 32

/**
 * Has libuv start so many threads, unless the environment says how many. To be called before any of
 * them is needed.
 */
export function wantThreads(count: number): void {
  process.env[VARIABLE] ??= String(count)
}

/** How many there are, as libuv reads it: 4 unless the environment says more or fewer. */
export function threadCount(): number {
  return Math.min(1024, Math.max(1, Number.parseInt(process.env[VARIABLE] ?? '4', 10) || 1))
}
