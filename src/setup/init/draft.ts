/**
 * The policy that the answers of `nixsig init` make, from nothing or from the one that is there.
 * Pure.
 */

import type { Instant, Policy, Requirement } from '../../policy/policy.ts'
import { when } from '../../policy/words.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { Carried } from '../carry/carried.ts'
import { quoted } from '../carry/fits.ts'
import { gateSection, httpSection, leftSection } from '../starter-policy.ts'
import type { Answers, NewPrincipal } from './answers.ts'
import { type Block, blocksOf } from './blocks.ts'
import { identityOfText } from './identity.ts'

/** What a draft is made from. */
export interface DraftParts {
  readonly answers: Answers
  /** What nix.conf says, for the caches of a first policy. */
  readonly carried: Carried
  /** The directory of attestations of a first policy. */
  readonly attestations: string
  /** The policy that is there, valid, with its text. */
  readonly before: { readonly policy: Policy; readonly toml: string } | undefined
  readonly now: Instant
}

/** The beginning of the reasons of exemptions that init writes, and so may write anew. */
const REASON = 'nixsig init'
const MAX_AGE = 3600

/** A piece of the policy that init writes. */
interface Section {
  /** Its table, such as `groups.caches`; of what is always added, the name of the new table. */
  readonly table: string
  readonly text: string
}

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

const OWN_EXEMPTION = 'the exemption of init'

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

function ownSections(parts: DraftParts): readonly Section[] {
  const { answers, before } = parts
  const people = newPeople(parts)
  const known = before?.policy.groups.get('packagers')?.members ?? []
  const packagers = [...known, ...people.packagers.filter(name => !known.includes(name))]
  const isDefaultKept =
    before !== undefined &&
    !letsPackagersIn(parts) &&
    [answers.build, answers.unsigned, answers.derivations].every(answer => answer === 'keep')
  return [
    ...(before !== undefined && answers.sources.length === 0
      ? []
      : [{ table: 'attestations', text: attestationsSection(parts) }]),
    ...people.added.map(({ name, keyToml }) => ({
      table: `principals.${name}`,
      text: `[principals.${name}]\nkeys = [${keyToml}]\n`,
    })),
    ...cacheGroups(answers, people.caches),
    ...(answers.packagers.length === 0
      ? []
      : [{ table: 'groups.packagers', text: packagersSection(packagers, before?.policy) }]),
    ...exemptionSection(parts),
    ...(isDefaultKept ? [] : [{ table: 'default', text: defaultSection(parts, packagers) }]),
  ]
}

interface People {
  /** Those who are not listed yet. */
  readonly added: readonly NewPrincipal[]
  /** The names of those whose keys were named, as they are or will be listed. */
  readonly caches: readonly string[]
  readonly packagers: readonly string[]
}

/** A key has one holder: whoever is listed with it already keeps their name. */
function newPeople({ answers, before }: DraftParts): People {
  const names = new Set([
    ...(before?.policy.principals.keys() ?? []),
    ...(before?.policy.groups.keys() ?? []),
    ...RESERVED,
  ])
  const holders = new Map<string, string>()
  for (const { name, keys } of before?.policy.principals.values() ?? [])
    for (const { identity } of keys) holders.set(identity, name)
  const added: NewPrincipal[] = []
  const list = ({ name, keyToml }: NewPrincipal): string => {
    const identity = identityOfText(keyToml)
    const known = holders.get(identity)
    if (known !== undefined) return known
    let unique = name
    for (let count = 2; names.has(unique); count++) unique = `${name}-${count}`
    names.add(unique)
    holders.set(identity, unique)
    added.push({ name: unique, keyToml })
    return unique
  }
  const keys = answers.build === 'keep' ? [] : answers.build.keys
  const caches = keys.map(({ principal, key }) => list({ name: principal, keyToml: quoted(key) }))
  return { caches: [...new Set(caches)], packagers: [...new Set(answers.packagers.map(list))], added }
}

const RESERVED = ['self', 'nothing', 'refuse', 'approved', 'caches', 'makers', 'packagers']

function attestationsSection({ answers, before, attestations }: DraftParts): string {
  const directories = before?.policy.attestations ?? [attestations]
  const listed = before?.policy.sources ?? []
  const sources = [
    ...listed.map(({ url, maxAge }) =>
      maxAge === MAX_AGE ? quoted(url) : `{ url = ${quoted(url)}, max-age = ${maxAge} }`,
    ),
    ...answers.sources.filter(url => listed.every(one => one.url !== url)).map(quoted),
  ]
  return `# Where other people's attestations are looked for. "sources" are addresses at which they publish them.
[attestations]
directories = [${directories.map(quoted).join(', ')}]
${sources.length === 0 ? '# sources = ["https://example.org/alice"]' : `sources = [${sources.join(', ')}]`}
`
}

function cacheGroups({ build }: Answers, caches: readonly string[]): readonly Section[] {
  if (build === 'keep' || caches.length === 0) return []
  return [
    {
      table: 'groups.caches',
      text: `# Whoever of them signed an output counts as its builder: one is enough, as it was for Nix.
[groups.caches]
members = [${caches.map(quoted).join(', ')}]
threshold = 1
`,
    },
    {
      table: 'groups.makers',
      text: `# Who may have built what this machine uses: itself, or one of these caches.
[groups.makers]
members = ["self", "caches"]
threshold = 1
`,
    },
  ]
}

function packagersSection(members: readonly string[], before: Policy | undefined): string {
  const threshold = before?.groups.get('packagers')?.threshold ?? 1
  return `# Who says that a source is the real one. With threshold = 2 two of them have to, and one stolen key is not enough.
[groups.packagers]
members = [${members.map(quoted).join(', ')}]
threshold = ${threshold}
`
}

function exemptionSection({ answers, now }: DraftParts): readonly Section[] {
  const { unsigned } = answers
  if (typeof unsigned === 'string') return []
  const day = when(Math.floor(now / 86_400) * 86_400)
  return [
    {
      table: OWN_EXEMPTION,
      text: `# Until then sources pass that nobody signed. Each that gets a signature needs this no more.
[[exemptions]]
name = "*"
kind = ["fetched-source", "local-source"]
reason = "${REASON} ${day}: sources are not signed yet"
until = ${when(unsigned.exemptUntil)}
`,
    },
  ]
}

/**
 * Whether the first packagers are named where every source was refused, as setup wrote it: they are
 * named for their word to count. What nobody signs stays refused.
 */
function letsPackagersIn({ answers, before }: DraftParts): boolean {
  return answers.packagers.length > 0 && before?.policy.fallback.require.source?.kind === 'refuse'
}

function defaultSection(parts: DraftParts, packagers: readonly string[]): string {
  const { answers, before } = parts
  const was = before?.policy.fallback
  const hasPackagers = packagers.length > 0
  const source =
    answers.unsigned === 'keep' && !letsPackagersIn(parts)
      ? requirementToml(was?.require.source)
      : answers.unsigned === 'pass'
        ? '"nothing"'
        : sourceToml(was?.require.source, hasPackagers)
  const derivation =
    answers.derivations === 'keep'
      ? requirementToml(was?.require.derivation)
      : answers.derivations === 'packagers'
        ? '"packagers"'
        : '"nothing"'
  const { build } = answers
  const hasCaches = build !== 'keep' && build.keys.length > 0
  const output = build === 'keep' ? requirementToml(was?.require.output) : hasCaches ? '"makers"' : '"self"'
  const graph = was?.acceptGraph === true || answers.derivations === 'packagers'
  const unknown = build === 'keep' ? was?.acceptUnknownDerivation === true : hasCaches
  return `# What a path needs if no rule matches it. With derivation = "nothing" whoever writes a derivation writes the
# program: name somebody there before others use this machine.
[default]
require.source = ${source}
require.derivation = ${derivation}
require.output = ${output}
${graph ? "# A packager's signature on a whole build graph counts for the sources and derivations in it.\naccept-graph = true\n" : ''}${
  unknown
    ? '# Caches bring outputs without the derivations that made them; their signature is enough.\naccept-unknown-derivation = true\n'
    : ''
}${was?.acceptExpiredKey === 'if-signed-before' ? 'accept-expired-key = "if-signed-before"\n' : ''}`
}

/** Signed sources: by the packagers, or by whom the policy named before. */
function sourceToml(was: Requirement | undefined, hasPackagers: boolean): string {
  if (was?.kind === 'all') return requirementToml(was)
  return hasPackagers ? '"packagers"' : '"refuse"'
}

/** A requirement as the policy's language has it. */
function requirementToml(requirement: Requirement | undefined): string {
  if (requirement === undefined) return '"refuse"'
  if (requirement.kind !== 'all') return quoted(requirement.kind)
  const { demands } = requirement
  if (demands.every(({ role }) => role === 'approver')) return '"approved"'
  if (demands.every(({ role }) => role === undefined)) return namesToml(demands.map(({ who }) => who))
  const roles = [...new Set(demands.map(({ role }) => role))]
  const fields = roles.map(
    role => `${role} = ${namesToml(demands.filter(one => one.role === role).map(({ who }) => who))}`,
  )
  return `{ ${fields.join(', ')} }`
}

function namesToml(names: readonly string[]): string {
  const [first = ''] = names
  return names.length === 1 ? quoted(first) : `[${names.map(quoted).join(', ')}]`
}
