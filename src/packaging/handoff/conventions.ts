/**
 * Where developers put a signature beside what they publish; pure. Each kind says how its own are
 * called.
 */
import { usual } from '../../formats/detached/forms.ts'

/** A list of checksums that may name a file, and where signatures of it may be. */
export interface ListCandidate {
  readonly list: string
  readonly signatures: readonly string[]
}

/** Compressions of a tar whose signature may be over the tar. */
const COMPRESSED_TAR = /\.tar\.(?:xz|gz|bz2|zst|lz|lzma)$/

/** Names of lists of checksums in the directory of a release. */
const LISTS = ['SHA256SUMS', 'SHA512SUMS', 'sha256sums.txt', 'SHA256SUMS.txt', 'checksums.txt', 'SHA256']

/**
 * Signatures over a file at this URL, or over the tar in it. Nothing for a URL that does not end in
 * a file's name.
 */
export function signaturesBeside(url: string): readonly string[] {
  const { pathname, search } = new URL(url)
  if (pathname.endsWith('/') || search !== '') return []
  const beside = usual('file').map(extension => withPath(url, `${pathname}${extension}`))
  const tar = COMPRESSED_TAR.test(pathname) ? pathname.replace(/\.[a-z0-9]+$/, '') : undefined
  const overTar = tar === undefined ? [] : usual('tar').map(extension => withPath(url, tar + extension))
  return [...beside, ...overTar]
}

/**
 * Lists of checksums that may name a file at this URL, and that hold their signature themselves.
 */
export function clearSignedLists(url: string): readonly string[] {
  const { pathname, search } = new URL(url)
  if (pathname.endsWith('/') || search !== '') return []
  const directory = pathname.slice(0, pathname.lastIndexOf('/') + 1)
  const own = usual('signedList').map(extension => pathname + extension)
  const paths = [...own, ...usual('signedLists').map(name => directory + name)]
  return paths.map(path => withPath(url, path))
}

/**
 * Lists of checksums that may name a file at this URL, with signatures of their own beside them.
 */
export function listsBeside(url: string): readonly ListCandidate[] {
  const { pathname, search } = new URL(url)
  if (pathname.endsWith('/') || search !== '') return []
  const directory = pathname.slice(0, pathname.lastIndexOf('/') + 1)
  const own = ['.sha256', '.sha512'].map(extension => pathname + extension)
  return [...own, ...LISTS.map(name => directory + name)].map(path => ({
    list: withPath(url, path),
    signatures: usual('list').map(extension => withPath(url, path + extension)),
  }))
}

/** The names that a list may call a file by: the last components of the URLs it comes from. */
export function fileNames(urls: readonly string[]): readonly string[] {
  const names = urls.map(url => new URL(url).pathname.split('/').at(-1) ?? '')
  return [...new Set(names.map(decoded).filter(name => name !== ''))]
}

function withPath(url: string, path: string): string {
  const other = new URL(url)
  other.pathname = path
  other.hash = ''
  return other.href
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
