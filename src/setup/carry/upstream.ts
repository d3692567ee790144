/** An upstream of a policy that comes from nix.conf, and how it is shown. */
import { quoted } from './fits.ts'

/** A file that only root may read, which setup writes beside the policy. */
export interface Secret {
  /** Relative to the policy's directory. */
  readonly file: string
  /** One line, without a line feed. Never shown. */
  readonly value: string
}

/** An upstream, as the policy is to name it. */
export interface Upstream {
  readonly url: string
  readonly priority?: number
  /** The value of the Authorization header. Secret. */
  readonly authorization?: string
  readonly client?: { readonly certificate: string; readonly key: string }
}

/** The upstream in TOML. `file`: where its Authorization header is. */
export function upstreamToml({ url, priority, client }: Upstream, file: string | undefined): string {
  const fields = [
    `url = ${quoted(url)}`,
    ...(file === undefined ? [] : [`authorization = ${quoted(file)}`]),
    ...(priority === undefined ? [] : [`priority = ${priority}`]),
    ...(client === undefined
      ? []
      : [`client-certificate = ${quoted(client.certificate)}`, `client-key = ${quoted(client.key)}`]),
  ]
  return fields.length === 1 ? quoted(url) : `{ ${fields.join(', ')} }`
}

/**
 * A word of nix.conf for a terminal or a world-readable file: without user, password and
 * parameters, which may be secret, and in ASCII.
 */
export function shownWord(word: string): string {
  return (word.includes('@') ? withoutUser(word) : word)
    .replace(/[?#].*/s, '')
    .slice(0, 200)
    .replace(/[^\x21-\x7e]/g, '?')
}

/** What stands before an "@" may be a password, however it is written. */
function withoutUser(word: string): string {
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]{0,30}:\/\//.exec(word)?.[0] ?? ''
  const host = URL.canParse(word) && scheme !== '' ? new URL(word).host : ''
  return `${scheme}***@${host === '' ? '***' : host}`
}

/** The value of a header for HTTP's Basic authentication (RFC 7617). */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`
}

/** Undoes percent-encoding, as curl does; text that has none stays. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
