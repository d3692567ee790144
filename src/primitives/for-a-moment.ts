/** How long something read from the disk is used without a look at the disk, in milliseconds. */
const MOMENT_MS = 2

/** A value that is at hand for a moment after it was put here, for questions that come together. */
export interface ForAMoment<T> {
  /** Undefined if nothing was put here, or if that is longer ago than a moment. */
  get(): T | undefined
  set(value: T): void
  forget(): void
}

/** Holds nothing at first. */
export function forAMoment<T>(now: () => number = () => performance.now()): ForAMoment<T> {
  let value: T | undefined
  let until = 0
  return {
    get: () => (value !== undefined && now() < until ? value : undefined),
    set(next) {
      value = next
      until = now() + MOMENT_MS
    },
    forget() {
      value = undefined
    },
  }
}
