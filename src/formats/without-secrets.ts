/**
 * URLs as they may be shown to others: without a user and a password, and without the values of
 * parameters whose names look like those of secrets.
 */

/** Stands for a value that is left out. */
export const REDACTED = 'REDACTED'

/** Parameters that are secrets, or are part of a signed URL, by parts of their names. */
const SECRET =
  /token|key|signature|passw|pwd|secret|credential|auth|session|x-(?:amz|goog|ms|oss|cos)-|(?:^|[^a-z])sig(?:$|[^a-z])/i

/**
 * What may have a user before its host: programs take some schemes without both slashes too, and pass
 * over what is before a scheme and is no character to see.
 */
const PARTS =
  /^([^!-~]*(?:(?:(?:git\+)?https?|ftp):[\\/]*|[a-z][a-z0-9+.-]*:\/\/))([^/?#\\]*@)?([^?#]*)(\?[^#]*)?(#.*)?$/is

/** How deep a URL may be in the query of another one; what is deeper is left out. */
const DEPTH = 3

/**
 * A URL without its user and password, and with `REDACTED` in place of values of parameters that
 * look like secrets, whatever their case; in a fragment too, and in URLs that are parameters. What
 * has nothing of these is returned as it is, as is text that is no URL with a host.
 */
export function withoutSecrets(url: string): string {
  return shown(url, DEPTH)
}

/**
 * The same for each URL in a text. It ends before a space, a quotation mark or a bracket; a user and a
 * password may have marks and brackets, and end with the last `@` before a slash or a space.
 */
export function withoutSecretsIn(text: string): string {
  let told = ''
  let done = 0
  let from = 0
  for (;;) {
    const at = text.indexOf('://', from)
    if (at < 0) return done === 0 ? text : told + text.slice(done)
    const start = schemeBefore(text, at, done)
    const end = start === at ? at + 3 : endOfUrl(text, at)
    if (start < at) {
      told += text.slice(done, start) + withoutSecrets(text.slice(start, end))
      done = end
    }
    from = end
  }
}

/** Where a scheme begins that ends there, and no earlier than at `first`; its end without a scheme. */
function schemeBefore(text: string, end: number, first: number): number {
  let start = end
  // Backwards, as each start of a long word would be tried else.
  while (start > first && /[a-z0-9+.-]/i.test(text[start - 1] ?? '')) start--
  while (start < end && !/[a-z]/i.test(text[start] ?? '')) start++
  return start
}

const REST = /:\/\/(?:[^\s/?#\\]*@)?[^\s"'<>()]*/y

/** Where a URL ends whose `://` is there. */
function endOfUrl(text: string, at: number): number {
  REST.lastIndex = at
  return at + (REST.exec(text)?.[0].length ?? 0)
}

function shown(url: string, depth: number): string {
  // Programs pass over these, wherever they stand.
  const [whole, start = '', , host = '', query = '', fragment = ''] =
    PARTS.exec(url.replaceAll(/[\t\r\n]/g, '')) ?? []
  const without = `${start}${host}${parameters(query, depth)}${parameters(fragment, depth)}`
  return whole === undefined || without === whole ? url : without
}

/** A query or a fragment, with its sign. */
function parameters(text: string, depth: number): string {
  return text === ''
    ? ''
    : `${text[0]}${text
        .slice(1)
        .split('&')
        .map(one => parameter(one, depth))
        .join('&')}`
}

/** Some programs take `;` for `&`, and others for a part of the value: what is behind goes with it. */
function parameter(text: string, depth: number): string {
  let kept = ''
  for (const part of text.split(/(?=;)/)) {
    const end = part.indexOf('=')
    if (end < 0) {
      kept += part
      continue
    }
    const [name, value] = [part.slice(0, end + 1), part.slice(end + 1)]
    if (SECRET.test(decoded(name.slice(0, -1)).replace(/^;/, ''))) return `${kept}${name}${REDACTED}`
    kept += name + innerUrl(value, depth)
  }
  return kept
}

function innerUrl(value: string, depth: number): string {
  const inner = decoded(value)
  if (!PARTS.test(inner)) return value
  if (depth === 0) return REDACTED
  const without = shown(inner, depth - 1)
  return without === inner ? value : encodeURIComponent(without)
}

/** What is not well escaped stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
