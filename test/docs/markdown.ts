/** The examples of a page of documentation, so that tests can run and read them as they stand there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Block {
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
  readonly section: string
  readonly script: string
  /** Whether the page says that they end with a refusal. */
  readonly refused: boolean
  /** Patterns of the lines that are shown. */
  readonly answer: readonly RegExp[]
}

/** All fenced blocks of a page; `page` is relative to the checkout. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = []
  let section = ''
  let between = ''
  const text = readFileSync(join(PROJECT_ROOT, page), 'utf8')
  for (const [index, part] of text.split(/^```/m).entries()) {
    if (index % 2 === 1) {
      const [language = ''] = part.split('\n', 1)
      const follows = index > 1 && between.trim() === ''
      blocks.push({ section, language, text: part.slice(language.length + 1), follows })
      continue
    }
    const headings = [...part.matchAll(/^#+ (.*)$/gm)]
    section = headings.at(-1)?.[1] ?? section
    between = part
  }
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
    const answer =
      next?.language === 'text' && next.follows ? next.text.trimEnd().split('\n').map(patternOf) : []
    const refused = block.language === 'sh refused'
    return [{ section: block.section, script: block.text, refused, answer }]
  })
}

/** The one example in a language that a section has. Throws if there is none or more than one. */
export function exampleOf(page: string, section: string, language: string): string {
  const found = blocksOf(page).filter(block => block.section === section && block.language === language)
  const [only] = found
  if (only === undefined || found.length > 1)
    throw new Error(`${page}, "${section}": ${found.length} blocks of ${language}`)
  return only.text
}

function patternOf(line: string): RegExp {
  const literal = line
    .trim()
    .split('…')
    .map(text => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(literal.join('.*'))
}
