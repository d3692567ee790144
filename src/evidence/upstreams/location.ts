import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

/**
 * The address of a file that a binary cache names, as Nix resolves it: relative to the cache's own
 * address, or absolute; a fragment is left out. Throws FormatError unless it is below the cache's
 * address by the URL standard: a cache must not direct a request to another place, nor to a place
 * other than the one that was checked.
 */
export function locationOf(base: string, name: string): string {
  if (/[\\\s]/.test(name)) throw malformed('has a character that no such address has', name)
  const [written = ''] = name.split('#')
  const text = resolved(base, escaped(written))
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '')
    throw malformed('is not an address', name)
  // An address that the standard would normalise (dots, ports, letters) is not passed on.
  if (url.href !== text || !text.startsWith(`${base}/`))
    throw malformed(`is not below ${printable(base)}`, name)
  if (hasDots(url.pathname)) throw malformed('has steps in it', name)
  return text
}

function resolved(base: string, name: string): string {
  if (/^[a-z][a-z0-9+.-]*:/i.test(name)) return name
  if (name.startsWith('//')) throw malformed('is neither relative nor absolute', name)
  // From the root of the server, as current versions of Nix take it.
  if (name.startsWith('/') && /^https?:/.test(base)) return `${new URL(base).origin}${name}`
  if (name.startsWith('/')) throw malformed('is neither relative nor absolute', name)
  return `${base}/${withoutSteps(name)}`
}

/** Characters that the standard would escape in some part of an address. */
function escaped(name: string): string {
  return name.replace(/["'<>^`{|}]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** `./nar/x` is `nar/x`, and so is `nar/../nar/x`. Throws FormatError for steps that lead out. */
function withoutSteps(name: string): string {
  const [path = '', ...query] = name.split('?')
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '..' && kept.pop() === undefined) throw malformed('has steps in it that lead out', name)
    if (part !== '.' && part !== '..') kept.push(part)
  }
  if (kept.join('') === '') throw malformed('is no file', name)
  return [kept.join('/'), ...query].join('?')
}

/** The address as `locationOf` resolves it, relative to the base. Throws as `locationOf` does. */
export function nameBelow(base: string, name: string): string {
  return locationOf(base, name).slice(base.length + 1)
}

/** Whether the path has a `.` or `..` step for a server that decodes it once too often. */
function hasDots(pathname: string): boolean {
  const decoded = pathname
    .replace(/%25/gi, '%')
    .replace(/%2e/gi, '.')
    .replace(/%(?:2f|5c)/gi, '/')
  return decoded.split('/').some(part => part === '.' || part === '..')
}

function malformed(problem: string, name: string): FormatError {
  return new FormatError('narinfo', `its URL ${problem}`, `"${printable(name, 200)}"`)
}
