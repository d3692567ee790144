/**
 * A policy's text in pieces, so that some can be written anew and the others stay as they are.
 * Pure.
 */
import { parse } from 'smol-toml'
import { headersOf, type TomlPath } from '../../policy/language/locate.ts'

/** A header with the comment that stands directly above it, and everything up to the next one. */
export interface Block {
  /** Of the table that the header begins; without the numbers of list elements. */
  readonly path: readonly string[]
  readonly text: string
}

export interface Blocks {
  /** What stands before the first header. */
  readonly preamble: string
  /** The names that the preamble assigns to. */
  readonly assigned: readonly string[]
  readonly blocks: readonly Block[]
}

/** Splits a valid TOML document. The pieces, joined, are the document. */
export function blocksOf(toml: string): Blocks {
  const headers = headersOf(toml).map(({ path, offset }) => ({ path, start: withComment(toml, offset) }))
  const preamble = toml.slice(0, headers[0]?.start ?? toml.length)
  const blocks = headers.map(({ path, start }, index) => ({
    path: namesIn(path),
    text: toml.slice(start, headers[index + 1]?.start ?? toml.length),
  }))
  return { preamble, assigned: Object.keys(parse(preamble, { integersAsBigInt: true })), blocks }
}

function namesIn(path: TomlPath): readonly string[] {
  return path.filter(part => typeof part === 'string')
}

/** The offset of the first of the comment lines above a header, with no empty line between. */
function withComment(toml: string, header: number): number {
  let start = toml.lastIndexOf('\n', header - 1) + 1
  while (start > 0) {
    const above = toml.lastIndexOf('\n', start - 2) + 1
    if (!/^[ \t]*#/.test(toml.slice(above, start))) break
    start = above
  }
  return start
}
