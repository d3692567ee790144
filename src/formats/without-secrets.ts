/**
 * URLs as they may be shown to others: without a user and a password, and without the values of
 * parameters whose names look like those of secrets.
 */

/** Stands for a value that is left out. */
export const REDACTED = 'REDACTED'

/** Parameters that are secrets, or are part of a signed URL, by parts of their names. */
const SECRET =
  /token|key|signature|passw|pwd|secret|credential|auth|session|x-(?:amz|goog|ms|oss|cos)-|(?:^|[^a-z])sig(?:$|[^a-z])/i

/** What may have a user before its host: programs take some schemes without both slashes too. */
const PARTS =
  /^((?:(?:git\+)?https?|ftp):[\\/]*|[a-z][a-z0-9+.-]*:\/\/)([^/?#\\]*@)?([^?#]*)(\?[^#]*)?(#.*)?$/is

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

/** The same for each URL in a text. */
export function withoutSecretsIn(text: string): string {
  if (!text.includes('://')) return text
  return text.replaceAll(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>()]+/gi, url => withoutSecrets(url))
}

function shown(url: string, depth: number): string {
  // Programs pass over these, wherever they stand.
  const [whole, start = '', , host = '', query = '', fragment = ''] =
    PARTS.exec(url.replaceAll(/[\t\r\n]/g, '')) ?? []
  if (whole === undefined) return url
  return `${start}${host}${parameters(query, depth)}${parameters(fragment, depth)}`
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
