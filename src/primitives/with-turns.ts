import { setImmediate } from 'node:timers/promises'

/** Goes through items that anybody can make many, and gives other work a turn after every so many. */
export async function* withTurns<T>(items: Iterable<T>, every: number): AsyncGenerator<T, void, undefined> {
  let done = 0
  for (const item of items) {
    yield item
    if (++done % every === 0) await setImmediate()
  }
}
