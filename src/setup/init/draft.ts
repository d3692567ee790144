/**
 * The policy that the answers of `nixsig init` make, from nothing or from the one that is there.
 * Pure.
 */
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { gateSection, httpSection, leftSection } from '../starter-policy.ts'
import type { Answers } from './answers.ts'
import { type Block, blocksOf } from './blocks.ts'
import { type DraftParts, OWN_EXEMPTION, ownSections, REASON, type Section } from './sections.ts'

/**
 * The text of the policy. What init does not ask about stays as it is and where it is, to the
 * letter. Throws FormatError if the policy that is there is not written in tables, so that no part
 * can be replaced.
 */
export function draftPolicy(parts: DraftParts): string {
  const { before } = parts
  const sections = ownSections(parts)
  if (before === undefined)
    return [FIRST_LINES, firstSections(parts), ...sections.map(({ text }) => text)].join('\n')
  const { preamble, assigned, blocks } = blocksOf(before.toml)
  const others = assigned.filter(name => name !== 'version' && name !== 'mode')
  if (others.length > 0)
    throw new FormatError(
      'policy',
      `has ${printable(others.join(', '))} before its first [table], so init cannot write a part of it anew; next: write it in tables, as nixsig setup does, or change it by hand (docs/policy.md)`,
      'its first lines',
    )
  return `${preamble}${replaced(blocks, sections, parts.answers).join('')}`
}

/** The blocks with the sections in their places, and those that are new before the default. */
function replaced(
  blocks: readonly Block[],
  sections: readonly Section[],
  answers: Answers,
): readonly string[] {
  const places = blocks.map(block => tableOf(block, answers))
  const added = sections.filter(({ table }) => !places.includes(table)).map(({ text }) => `${text}\n`)
  const done = new Set<string>()
  const texts: string[] = []
  for (const [index, { text }] of blocks.entries()) {
    const table = places[index]
    if (table === 'default' && !done.has(table)) texts.push(...added)
    const section = sections.find(one => one.table === table)
    const isLeftOut = table === OWN_EXEMPTION && section === undefined && answers.unsigned !== 'keep'
    if (table === undefined || (section === undefined && !isLeftOut)) texts.push(text)
    else if (section === undefined || done.has(table)) texts.push(trailerOf(text).trimStart())
    else texts.push(`${section.text.trimEnd()}${trailerOf(text)}`)
    if (table !== undefined) done.add(table)
  }
  return texts
}

/** Which of init's tables a block is; undefined for others. */
function tableOf({ path, text }: Block, { unsigned }: Answers): string | undefined {
  const [first = ''] = path
  if (first === 'default' || first === 'attestations') return first
  if (first === 'groups' && path.length === 2) return path.join('.')
  const isOwn = first === 'exemptions' && text.includes(`\nreason = "${REASON} `)
  return isOwn && unsigned !== 'keep' ? OWN_EXEMPTION : undefined
}

/** The empty lines and comments at the end of a block, which belong to what follows. */
function trailerOf(text: string): string {
  return /(?:\n[ \t]*(?:#[^\n]*)?)*$/.exec(text)?.[0] ?? ''
}

const FIRST_LINES = `# The trusted list: who counts, for what, and what each store path needs before it may be used.
# Made by "nixsig init"; it is yours to edit, and init refines it. After every change: nixsig policy check
version = 1

# "warn": untrusted paths are reported but allowed. When nothing that you use is reported any more: nixsig enforce
mode = "warn"
`

function firstSections({ carried }: DraftParts): string {
  return [gateSection(carried), httpSection(carried), leftSection(carried)].join('\n').trimEnd().concat('\n')
}
