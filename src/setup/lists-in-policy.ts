/** `[lists.NAME]` in a policy's text, which otherwise stays as it stands. Pure. */
import type { ListUpdates } from '../policy/lists/book.ts'
import { blocksOf } from './init/blocks.ts'

/**
 * The text with another `updates` in the table of a list; undefined if the list has no table of its
 * own.
 */
export function withUpdates(toml: string, name: string, mode: ListUpdates['mode']): string | undefined {
  const line = `updates = "${mode}"`
  return changed(toml, name, text => {
    if (/^[ \t]*updates[ \t]*=/m.test(text)) return text.replace(/^[ \t]*updates[ \t]*=.*$/m, line)
    return text.replace(/^([ \t]*\[.*)$/m, `$1\n${line}`)
  })
}

/** The text without the table of a list; undefined if it has none of its own. */
export function withoutList(toml: string, name: string): string | undefined {
  return changed(toml, name, () => '')
}

function changed(toml: string, name: string, change: (text: string) => string): string | undefined {
  const { preamble, blocks } = blocksOf(toml)
  const isIts = ({ path }: (typeof blocks)[number]) =>
    path.length === 2 && path[0] === 'lists' && path[1] === name
  if (blocks.filter(isIts).length !== 1) return undefined
  return [preamble, ...blocks.map(block => (isIts(block) ? change(block.text) : block.text))].join('')
}

/** A line of a policy. */
export interface PolicyLine {
  /** From 1. */
  readonly line: number
  readonly text: string
}

/** The lines that name somebody of a list: `NAME/…` in quotes. Comments do not count. */
export function linesNaming(toml: string, name: string): readonly PolicyLine[] {
  return toml
    .split('\n')
    .map((text, index) => ({ line: index + 1, text: text.trim() }))
    .filter(({ text }) => !text.startsWith('#') && (text.includes(`"${name}/`) || text.includes(`'${name}/`)))
}
