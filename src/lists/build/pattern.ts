/**
 * Turns the regular expressions of watch files into globs, by reading them alone: none of them is
 * ever run, so that none can take long. What is not literal text becomes `*`.
 */

/** What stands for any run of characters in a glob. */
const ANY = '*'

/**
 * The glob of a regular expression, in one pass; undefined if it has alternatives at its top. A dot
 * that nothing repeats is taken for a dot: many watch files do not escape theirs, and the glob
 * matches less, never more.
 */
export function globOfRegex(pattern: string): string | undefined {
  const parts: string[] = []
  for (let at = 0; at < pattern.length; ) {
    const char = pattern.charAt(at)
    if (char === '|') return undefined
    if (char === '\\') {
      const next = pattern.charAt(at + 1)
      parts.push(/^[0-9A-Za-z]?$/.test(next) ? ANY : literal(next))
      at += 2
    } else if (char === '[') {
      parts.push(ANY)
      at = afterClass(pattern, at)
    } else if (char === '(') {
      parts.push(ANY)
      at = afterGroup(pattern, at)
    } else if ('*+?{'.includes(char)) {
      if (parts.length > 0) parts[parts.length - 1] = ANY
      at = char === '{' ? afterBrace(pattern, at) : at + 1
    } else {
      if (char !== '^' && char !== '$') parts.push(literal(char))
      at++
    }
  }
  return joined(parts)
}

/** A text in which nothing varies, as a glob. */
export function globOfText(text: string): string {
  return joined([...text].map(literal))
}

/** `*` and `?` in a text would be taken for a glob's own. */
function literal(char: string): string {
  return char === '*' || char === '?' ? ANY : char
}

function joined(parts: readonly string[]): string {
  return parts.filter((part, at) => part !== ANY || parts[at - 1] !== ANY).join('')
}

function afterClass(pattern: string, start: number): number {
  let at = start + 1
  if (pattern.charAt(at) === '^') at++
  if (pattern.charAt(at) === ']') at++
  for (; at < pattern.length && pattern.charAt(at) !== ']'; at++) if (pattern.charAt(at) === '\\') at++
  return at + 1
}

function afterGroup(pattern: string, start: number): number {
  let depth = 0
  for (let at = start; at < pattern.length; ) {
    const char = pattern.charAt(at)
    if (char === '[') {
      at = afterClass(pattern, at)
      continue
    }
    if (char === '\\') at++
    else if (char === '(') depth++
    else if (char === ')' && --depth === 0) return at + 1
    at++
  }
  return pattern.length
}

function afterBrace(pattern: string, start: number): number {
  const end = pattern.indexOf('}', start)
  return end < 0 ? pattern.length : end + 1
}
