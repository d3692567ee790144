import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'

/**
 * The only store directory that nixsig supports. Nix can be built for others, but the directory is
 * part of every store path's hash, so a store elsewhere shares no path with any public cache.
 */
export const STORE_DIR = '/nix/store'

/** Limit on the characters of a store path's name, including the `.drv` of a derivation. */
const NAME_LIMIT = 211

// The digest is Nix32. Its 32 digits are exactly 160 bits, so no bits can be set beyond the last
// byte.
const STORE_PATH = /^\/nix\/store\/([0-9a-df-np-sv-z]{32})-([0-9A-Za-z+._?=-]{1,211})$/

/** A path directly in the store (Nix manual, "Store path specification"). */
export interface StorePath {
  /** The full path: `/nix/store/<digest>-<name>`. */
  readonly path: string
  /** 32 digits of Nix32. */
  readonly digest: string
  /** What follows the digest and its dash, including the `.drv` of a derivation. */
  readonly name: string
}

/**
 * Parses a store path, with nothing before and nothing below it. A name may be anything that some
 * version of Nix allows: 2.8 accepts `.`, `..` and names that start with `.-` or `..-`, newer
 * versions do not. Throws FormatError.
 */
export function parseStorePath(text: string): StorePath {
  const [path, digest, name] = STORE_PATH.exec(text) ?? []
  if (path === undefined || digest === undefined || name === undefined) {
    throw new FormatError('store path', problemOf(text), `"${printable(text, 300)}"`)
  }
  return { path, digest, name }
}

/** Whether a text is a store path. */
export function isStorePath(text: string): boolean {
  return STORE_PATH.test(text)
}

/** The digest of a text that is known to be a store path: without parsing it again. */
export function digestIn(path: string): string {
  return path.slice(STORE_DIR.length + 1, STORE_DIR.length + 1 + 32)
}

/** The name of a text that is known to be a store path, likewise. */
export function nameIn(path: string): string {
  return path.slice(STORE_DIR.length + 1 + 32 + 1)
}

/** Whether a text can be the name of a store path. */
export function isStorePathName(text: string): boolean {
  return text.length <= NAME_LIMIT && /^[0-9A-Za-z+._?=-]+$/.test(text)
}

/** The last component of a store path, as narinfo files name paths: `<digest>-<name>`. */
export function baseName(path: StorePath): string {
  return `${path.digest}-${path.name}`
}

/** Whether a store path has the name of a derivation's .drv file. */
export function isDerivationPath(path: StorePath): boolean {
  return path.name.length > '.drv'.length && path.name.endsWith('.drv')
}

/**
 * The name of a derivation: the name of its store path without `.drv`. Throws FormatError if it has
 * another extension.
 */
export function derivationName(path: StorePath): string {
  if (isDerivationPath(path)) return path.name.slice(0, -'.drv'.length)
  throw new FormatError('store path', 'not that of a derivation', path.path)
}

/**
 * The store path name of a derivation's output: the derivation's name, followed by `-<output>`
 * unless that is `out`.
 */
export function outputPathName(name: string, output: string): string {
  return output === 'out' ? name : `${name}-${output}`
}

function problemOf(text: string): string {
  if (!text.startsWith(`${STORE_DIR}/`)) return `not in ${STORE_DIR}`
  const base = text.slice(STORE_DIR.length + 1)
  if (base.includes('/')) return 'more than a path directly in the store'
  if (!/^[0-9a-df-np-sv-z]{32}-/.test(base)) return 'does not start with a digest of 32 characters and a dash'
  if (base.length === 33) return 'has an empty name'
  if (base.length > 33 + NAME_LIMIT) return `has a name longer than ${NAME_LIMIT} characters`
  return 'has a character in its name that is not allowed there'
}
