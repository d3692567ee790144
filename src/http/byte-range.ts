/** Part of a file: its first and its last byte. */
export interface BytePart {
  readonly start: number
  readonly end: number
}

/**
 * The part that a Range header asks for; undefined if there is no valid range or it is outside a
 * file of `size` bytes (RFC 9110, 14.2).
 */
export function partOf(range: string | undefined, size: number): BytePart | undefined {
  const [, from, to] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range ?? '') ?? []
  if (from === undefined) return undefined
  const start = Number(from)
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1)
  return start <= end && start < size ? { start, end } : undefined
}

/** The first byte of the rest that a Range header asks for (`bytes=N-`); 0 for anything else. */
export function restFrom(range: string | undefined): number {
  return Number(/^bytes=(\d{1,15})-$/.exec(range ?? '')?.[1] ?? 0)
}
