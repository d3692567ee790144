/** The characters between which a value of JSON stands. */
const TOKEN = /[{}[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+/gs

/**
 * The lines, from 1, on which the keys of an object stand, in a text that parseStrictJson has read.
 * The object is that at `path`, keys from the root. Empty if that object is absent.
 */
export function linesOfKeys(text: string, path: readonly string[]): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  const around: string[] = []
  const lineAt = lineCounter(text)
  let before = ''
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === ':' && around.length === path.length + 1 && isWithin(around, path)) {
      lines.set(JSON.parse(before), lineAt(index))
    }
    // Each level has the key that was read last in it.
    if (token === ':') around[around.length - 1] = JSON.parse(before)
    if (token === '{' || token === '[') around.push('')
    if (token === '}' || token === ']') around.pop()
    before = token
  }
  return lines
}

/** The line, from 1, of an offset in a text. */
export function lineAtOffset(text: string, offset: number): number {
  return lineCounter(text)(offset)
}

function isWithin(around: readonly string[], path: readonly string[]): boolean {
  return path.every((key, depth) => around[depth] === key)
}

/** Counts lines up to an offset; the offsets it is asked about only grow. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1
  let at = 0
  return offset => {
    for (let next = text.indexOf('\n', at); next >= 0 && next < offset; next = text.indexOf('\n', at)) {
      line++
      at = next + 1
    }
    return line
  }
}
