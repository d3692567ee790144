/** The pieces of a policy that the answers of `nixsig init` write. Pure. */
import type { Instant, Policy, Requirement } from '../../policy/policy.ts'
import { when } from '../../policy/words.ts'
import type { Carried } from '../carry/carried.ts'
import { quoted } from '../carry/fits.ts'
import { cachesSection, MAKERS_SECTION } from '../starter-policy.ts'
import type { Answers, NewPrincipal } from './answers.ts'
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
  /** Who makes the exemption, as plain as a user's name. */
  readonly author?: string | undefined
}

/** A piece of the policy that init writes. */
export interface Section {
  /** Its table, such as `groups.caches`; of what is always added, the name of the new table. */
  readonly table: string
  readonly text: string
}

/** The beginning of the reasons of exemptions that init writes, and so may write anew. */
export const REASON = 'nixsig init'
const MAX_AGE = 3600
/** Its table in a section, beside the exemptions of others. */
export const OWN_EXEMPTION = 'the exemption of init'

/** What these answers write; what they keep as it is has no section. */
export function ownSections(parts: DraftParts): readonly Section[] {
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
    { table: 'groups.caches', text: cachesSection(caches) },
    { table: 'groups.makers', text: MAKERS_SECTION },
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

function exemptionSection({ answers, now, author }: DraftParts): readonly Section[] {
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
${author === undefined ? '' : `author = "${author}"\n`}until = ${when(unsigned.exemptUntil)}
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
  const logged = requirement.logged === undefined ? [] : [`logged = ${quoted(requirement.logged)}`]
  return `{ ${[...fields, ...logged].join(', ')} }`
}

function namesToml(names: readonly string[]): string {
  const [first = ''] = names
  return names.length === 1 ? quoted(first) : `[${names.map(quoted).join(', ')}]`
}
