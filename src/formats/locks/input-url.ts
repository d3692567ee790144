/**
 * The canonical URL of a repository or a file that a lock names, which the globs of `[[inputs]]`
 * are matched with. One place has one canonical URL, whoever writes it, or it is refused:
 *
 *     https://github.com/NixOS/nixpkgs      github:, also git+https: of it, without `.git`
 *     ssh://git.example.org/infra/site      without the user, and without a usual port
 *     https://example.org/a.tar.gz?x=1      a tarball, with its query
 *     file:///srv/repository                a local repository
 *     path:/srv/tree                        a directory that is copied as it is
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { innerDirectory } from './inner-directory.ts'

const URL_LIMIT = 2048

/** Ports that go without saying; the URL standard leaves out those of https and http itself. */
const USUAL_PORTS: Readonly<Record<string, string>> = { 'ssh:': '22', 'git:': '9418' }

const SCHEMES: readonly string[] = ['https:', 'http:', 'ssh:', 'git:']

/** Forges at which `NixOS` and `nixos` are the same owner. */
const CASELESS_HOSTS: readonly string[] = ['github.com', 'gitlab.com', 'codeberg.org', 'bitbucket.org']

/**
 * The canonical URL of what a URL names: `git` leaves out a final `.git`. Throws FormatError for a
 * URL that could be read in two ways, or that has another scheme.
 */
export function canonicalUrl(text: string, kind: 'git' | 'file'): string {
  if (text.length > URL_LIMIT) throw unfit(text, `longer than ${URL_LIMIT} characters`)
  const written = text.replace(/^(?:git|tarball|file)\+/, '')
  const bare = kind === 'git' ? withoutDirectory(text, fromScp(written)) : written
  if (bare.startsWith('/')) return fileUrl(`file://${bare}`)
  if (/^file:/i.test(bare)) return fileUrl(bare)
  if (/^(?:[\w.-]+@)?[\w.-]+:(?!\/\/)/.test(bare)) {
    throw unfit(text, 'not a URL: write ssh://HOST/PATH for HOST:PATH')
  }
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]+)([^?#]*)(\?[^#]*)?(#.*)?$/i.exec(bare)
  if (parts === null || /[^\x21-\x7e]/.test(bare)) throw unfit(text, 'not a URL')
  const [, scheme = '', authority = '', path = '', query = '', fragment] = parts
  const protocol = `${scheme.toLowerCase()}:`
  if (!SCHEMES.includes(protocol)) throw unfit(text, `${protocol} is not a scheme that is known here`)
  if (fragment !== undefined) throw unfit(text, 'it has a fragment')
  assertDirectory(text, query)
  const host = hostOf(text, protocol, authority)
  return `${protocol}//${host}${pathOf(text, path, kind)}${query === '?' ? '' : query}`
}

/** The usual host of each forge that flakes name by a word. */
export const FORGE_HOSTS: Readonly<Record<string, string>> = {
  github: 'github.com',
  gitlab: 'gitlab.com',
  sourcehut: 'git.sr.ht',
}

/** The canonical URL of a repository at a forge with owners. Throws FormatError. */
export function forgeUrl(host: string, owner: string, repo: string): string {
  const isOwner = owner.split('/').every(name => /^~?\w[\w.-]{0,99}$/.test(name))
  // `.git` would be left out at the end, so that a repository of that name would have none.
  const isRepository = /^[\w.-]{1,100}$/.test(repo) && !/^\.{1,2}(?:git)?$/.test(repo)
  if (!isOwner) throw unfit(owner, 'cannot be a name at a forge')
  if (!isRepository) throw unfit(repo, 'cannot be a name at a forge')
  return canonicalUrl(`https://${host}/${owner}/${repo}`, 'git')
}

/** The canonical URL of a directory that is copied as it is. Throws FormatError. */
export function pathUrl(path: string): string {
  return `path:${absolute(path)}`
}

/** Whether upper and lower case are the same in the path of a canonical URL. */
export function ignoresCase(url: string): boolean {
  const host = /^(?:https|http|ssh|git):\/\/([^/]+)\//.exec(url)?.[1]
  return host !== undefined && CASELESS_HOSTS.includes(host)
}

/** `user@host:path`, as git and Nix take it for `ssh://user@host/path`. */
function fromScp(text: string): string {
  const [, user, host, path] = /^([\w.-]+)@([\w.-]+):\/?([^/].*)$/.exec(text) ?? []
  return path === undefined ? text : `ssh://${user}@${host}/${path}`
}

/**
 * A repository without `dir`, which Nix before 2.20 leaves in what it locks, and does not send to a
 * server.
 */
function withoutDirectory(text: string, url: string): string {
  const [, base = url, query] = /^([^?#]*)\?([^#]*)$/.exec(url) ?? []
  if (query === undefined) return url
  assertDirectory(text, query)
  const left = query.split('&').filter(each => !/^dir(?:=|$)/.test(each))
  return left.length === 0 || left.join('') === '' ? base : `${base}?${left.join('&')}`
}

/**
 * What to fetch from: the canonical URL, with the user of `ssh`, as which servers know who asks.
 * Passwords for HTTP are left out.
 */
export function fetchUrl(written: string, canonical: string): string {
  const user = /^ssh:\/\/([\w.-]+)@/i.exec(fromScp(written.replace(/^git\+/, '')))?.[1]
  return user === undefined ? canonical : canonical.replace('ssh://', `ssh://${user}@`)
}

/** A glob for all canonical URLs on the host of a URL, whatever its path; of all, if that is odd. */
export function originGlob(text: string): string {
  const bare = fromScp(text.replace(/^(?:git|tarball|file)\+/, ''))
  if (/^(?:\/|file:)/i.test(bare)) return 'file://*'
  const [, scheme = '', authority = ''] = /^([a-z]+):\/\/([^/?#]+)/i.exec(bare) ?? []
  const protocol = `${scheme.toLowerCase()}:`
  if (!SCHEMES.includes(protocol) || !/^(?:[\w.-]+@)?[\w.-]+(?::\d+)?$/.test(authority)) return '*'
  try {
    return `${protocol}//${hostOf(text, protocol, authority)}/*`
  } catch (error) {
    if (error instanceof FormatError) return '*'
    throw error
  }
}

/** To Nix, `dir` is the directory of a flake in what the URL names. */
function assertDirectory(text: string, query: string): void {
  const named = new URLSearchParams(query).getAll('dir')
  if (named.length > 1 || !named.every(dir => dir !== '' && innerDirectory(dir) !== undefined)) {
    throw unfit(text, 'its "dir" is not the names of directories with slashes between them')
  }
}

function fileUrl(url: string): string {
  const [, path] = /^file:(?:\/\/)?(\/[^%?#]*)$/i.exec(url) ?? []
  if (path === undefined) throw unfit(url, 'a file URL with a host, a query or an escape, or without a path')
  return `file://${absolute(path)}`
}

function absolute(path: string): string {
  const clean = path.replace(/(?<=.)\/+$/, '')
  if (!clean.startsWith('/')) throw unfit(path, 'not an absolute path')
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(clean)) throw unfit(path, 'a path with a control character')
  assertSegments(path, clean)
  return clean
}

function hostOf(text: string, protocol: string, authority: string): string {
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  if (authority.split('@').length > 2 || /[\\%]/.test(authority))
    throw unfit(text, 'a host or a user with an escape')
  let parsed: URL
  try {
    // `ssh:` is not special in the URL standard: its host would stay as it was written.
    parsed = new URL(`https://${host}/`)
  } catch {
    throw unfit(text, 'no host')
  }
  if (parsed.hostname.endsWith('.')) throw unfit(text, 'a host that ends in a dot')
  const port = /:(\d+)$/.exec(host)?.[1]
  const usual = protocol === 'https:' ? '443' : protocol === 'http:' ? '80' : USUAL_PORTS[protocol]
  return port === undefined || Number(port) === Number(usual)
    ? parsed.hostname
    : `${parsed.hostname}:${Number(port)}`
}

function pathOf(text: string, path: string, kind: 'git' | 'file'): string {
  const clean = kind === 'git' ? path.replace(/\/+$/, '').replace(/\.git$/, '') : path
  assertSegments(text, clean)
  for (const [escaped] of clean.matchAll(/%.{0,2}/gs)) assertEscape(text, escaped)
  return clean.replace(/%[0-9a-f]{2}/gi, escaped => plain(escaped) ?? escaped.toUpperCase())
}

/** Refuses what servers and globs could read in two ways. */
function assertSegments(text: string, path: string): void {
  if (/\/\.{1,2}(?:\/|$)|\/\//.test(path)) throw unfit(text, 'a path with "..", "." or "//"')
  if (path.includes('\\')) throw unfit(text, 'a path with a backslash')
}

/** What some escape in a path and others do not, to the same effect (RFC 3986, "sub-delims"). */
function plain(escaped: string): string | undefined {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return /[!$&'()+,;=:@]/.test(character) ? character : undefined
}

/** Only what cannot stand in a path by itself may be escaped, and no control character. */
function assertEscape(text: string, escaped: string): void {
  const code = /^%[0-9a-f]{2}$/i.test(escaped) ? Number.parseInt(escaped.slice(1), 16) : 0
  if (code < 0x20 || code === 0x7f || /[\w.~*/\\-]/.test(String.fromCharCode(code))) {
    throw unfit(text, `${escaped} is an escape that could be read in two ways`)
  }
}

function unfit(text: string, problem: string): FormatError {
  return new FormatError('URL', problem, printable(text, 120))
}
