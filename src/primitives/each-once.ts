/** The same function of an object or text, which works out what comes of each once. */
export function eachOnce<One, Result extends object | boolean>(
  work: (one: One) => Result,
): (one: One) => Result {
  const known = new Map<One, Result>()
  return one => {
    const before = known.get(one)
    if (before !== undefined) return before
    const result = work(one)
    known.set(one, result)
    return result
  }
}
