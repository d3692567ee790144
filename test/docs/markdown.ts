/** The examples of a page of documentation, so that tests can run and read them as they stand there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Block {
  /** The page, relative to the checkout, and the line of its opening fence: `docs/policy.md:16`. */
  readonly at: string
  /** The heading above it. */
  readonly section: string
  /** What stands behind the opening fence: `toml`, `sh`, `text` … */
  readonly language: string
  readonly text: string
  /** Between it and the block before there is nothing. */
  readonly follows: boolean
}

/** Commands, and what they answer where the page shows it. */
export interface Commands {
  /** As for a block. */
  readonly at: string
  readonly section: string
  readonly script: string
  /** Whether the page says that they end with a refusal. */
  readonly refused: boolean
  /** Patterns of the lines that are shown. */
  readonly answer: readonly RegExp[]
}

/**
 * All fenced blocks of a page, those in lists without their indentation; `page` is relative to the
 * checkout. Throws if one has no end.
 */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = []
  let section = ''
  let follows = false
  let open: { readonly at: string; readonly fence: string; readonly language: string } | undefined
  let lines: string[] = []
  for (const [index, line] of readFileSync(join(PROJECT_ROOT, page), 'utf8').split('\n').entries()) {
    if (open !== undefined) {
      if (line === open.fence) {
        const { at, language } = open
        blocks.push({ at, section, language, text: lines.map(each => `${each}\n`).join(''), follows })
        open = undefined
        follows = true
      } else {
        const indent = open.fence.length - 3
        lines.push(line.slice(0, indent).trim() === '' ? line.slice(indent) : line)
      }
      continue
    }
    const [, fence, language = ''] = /^( *```)(.*)$/.exec(line) ?? []
    if (fence !== undefined) {
      open = { at: `${page}:${index + 1}`, fence, language }
      lines = []
    } else if (line.trim() !== '') {
      section = /^#+ (.*)$/.exec(line)?.[1] ?? section
      follows = false
    }
  }
  if (open !== undefined) throw new Error(`${open.at}: a block without an end`)
  return blocks
}

/**
 * The commands of a page, of one section of it if that is named. `sh` blocks succeed, `sh refused` blocks end with a
 * refusal; a `text` block right below is part of what they answer, with `…` for what differs from run to run.
 */
export function commandsOf(page: string, section?: string): readonly Commands[] {
  const blocks = blocksOf(page)
  return blocks.flatMap((block, index) => {
    if (!/^sh( refused)?$/.test(block.language)) return []
    if (section !== undefined && block.section !== section) return []
    const next = blocks[index + 1]
    const answer = next?.language === 'text' && next.follows ? patternsOf(next) : []
    const refused = block.language === 'sh refused'
    return [{ at: block.at, section: block.section, script: block.text, refused, answer }]
  })
}

/** The one block in a language that a section has. Throws if it has none, or more than one. */
export function blockOf(page: string, section: string, language: string): Block {
  const found = blocksOf(page).filter(block => block.section === section && block.language === language)
  const [only] = found
  if (only === undefined || found.length > 1)
    throw new Error(`${page}, "${section}": ${found.length} blocks of ${language}`)
  return only
}

/** The text of the one block in a language that a section has. Throws as `blockOf` does. */
export function exampleOf(page: string, section: string, language: string): string {
  return blockOf(page, section, language).text
}

/**
 * A pattern for each line of a block that shows messages, with `…` for what differs from run to
 * run.
 */
export function patternsOf({ text }: Pick<Block, 'text'>): readonly RegExp[] {
  return text.trimEnd().split('\n').map(patternOf)
}

function patternOf(line: string): RegExp {
  const literal = line
    .trim()
    .split('…')
    .map(text => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(literal.join('.*'))
}
