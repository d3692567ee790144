/** What `nixsig audit` prints, within 80 columns but for store paths: the worst first. */
import type { Audit, AuditedPath } from '../audit/audit.ts'
import { endingName, labelsOfEnding } from '../audit/ending-name.ts'
import { isOnlyLetIn } from '../audit/let-in.ts'
import type { AuditChanges } from '../audit/since.ts'
import { list, pathWord, when, whoWord, word } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import { wrapped } from './status-report.ts'
import type { Terminal } from './terminal.ts'

/** Width of the names at the left. */
const LABEL = 12
/** Paths of one group, principals and other findings that are named. */
const NAMED = 5
const PRINCIPALS = 8

type Row = (label: string, text: string) => void

/** What is printed besides the audit itself. */
export interface Beside {
  readonly changes?: AuditChanges | undefined
  /** Whether it is known what was let in with a warning, which only root may read; by default it is. */
  readonly knowsLetIn?: boolean
}

/** Prints everything. */
export function sayAudit(
  terminal: Terminal,
  audit: Audit,
  { changes, knowsLetIn = true }: Beside = {},
): void {
  const row: Row = (label, text) => terminal.print(wrapped(label.padEnd(LABEL) + text, LABEL))
  const rows = (label: string, texts: readonly string[]) => {
    for (const [index, text] of texts.entries()) row(index === 0 ? label : '', text)
  }
  rows('asked', askedLines(audit))
  row('policy', `${pathWord(audit.policy.file)}, ${audit.policy.mode}`)
  if (audit.respite !== undefined) row('respite', respiteWords(audit))
  row('trusted', trustedWords(terminal, audit))
  rows('signed', shareLines(audit))
  rows('rests on', principalLines(audit))
  row('weakest', weakestWords(audit))
  rows('exemptions', exemptionLines(audit))
  rows('ends', endLines(audit))
  rows('disk', diskLines(audit))
  rows('let in', knowsLetIn ? letInLines(audit) : ['not known: only root may read it'])
  sayGroups(terminal, audit)
  if (changes !== undefined) sayChanges(terminal, audit, changes)
  terminal.print(`\n${distanceWords(terminal, audit)}`)
}

function askedLines({ asked, paths }: Audit): readonly string[] {
  const closure = paths.filter(({ part }) => part === 'closure').length
  const making = paths.length - closure
  const of = `${counted(closure, 'path')}, and ${making} that they were made of`
  if (asked.kind === 'store') return [`the whole store: ${of}`]
  const [first = 'nothing', ...rest] = asked.roots
  const more = rest.length === 0 ? '' : ` and ${rest.length} more`
  return [`${pathWord(first)}${more}: ${of}`]
}

function respiteWords({ respite }: Audit): string {
  const reason = respite?.reason ?? ''
  return `nothing is refused until ${when(respite?.until ?? 0)}${reason === '' ? '' : `: ${word(reason)}`}`
}

function closureOf({ paths }: Audit): readonly AuditedPath[] {
  return paths.filter(({ part }) => part === 'closure')
}

function trustedWords(terminal: Terminal, audit: Audit): string {
  const closure = closureOf(audit)
  const trusted = closure.filter(({ outcome }) => outcome === 'trusted').length
  const undecided = closure.filter(({ outcome }) => outcome === 'indeterminate').length
  const refused = closure.length - trusted - undecided
  const words = [
    `${trusted} of ${counted(closure.length, 'path')}`,
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(undecided > 0 ? [`${undecided} undecided`] : []),
    ...(audit.unjudged > 0 ? [`${audit.unjudged} not judged for want of time`] : []),
  ].join(', ')
  const isAll = trusted === closure.length && audit.unjudged === 0
  return isAll ? terminal.good(words) : terminal.bad(words)
}

/** How far it is from all trusted, which is what somebody sees who scrolls no further up. */
function distanceWords(terminal: Terminal, audit: Audit): string {
  const closure = closureOf(audit)
  const of = counted(closure.length, 'path')
  const refused = closure.filter(({ outcome }) => outcome !== 'trusted').length
  if (refused > 0) return terminal.bad(`${refused} of ${of} would be refused now`)
  if (audit.unjudged > 0)
    return terminal.doubtful('not all of it was judged; next: nixsig audit --timeout 6000')
  return terminal.good(`none of ${of} would be refused now`)
}

const KIND_WORDS = {
  'fetched-source': 'fetched sources',
  'local-source': 'local sources',
  derivation: 'derivations',
  output: 'outputs',
  expression: 'expressions',
} as const

/** A line for each kind; a role that nobody has is left out. */
function shareLines({ shares }: Audit): readonly string[] {
  const kinds = [...new Set(shares.map(({ kind }) => kind))]
  return kinds.map(kind => {
    const own = shares.filter(share => share.kind === kind)
    const total = own[0]?.total ?? 0
    const roles = own
      .filter(({ signed }) => signed > 0)
      .map(({ role, signed }) => `${signed} of ${total} by ${role}s`)
    return `${KIND_WORDS[kind]}: ${roles.length === 0 ? `none of ${total} is signed` : roles.join(', ')}`
  })
}

function principalLines(audit: Audit): readonly string[] {
  const of = closureOf(audit).length
  const all = audit.principals.filter(({ falls, roles }) => falls.length > 0 || roles.length > 0)
  if (all.length === 0) return ['nobody: no signature counts for anything here']
  const lines = all
    .slice(0, PRINCIPALS)
    .map(
      ({ name, roles, falls }) =>
        `${whoWord(name)} (${roles.join(', ') || 'a certifier'}): without, ${falls.length} of ${counted(of, 'path')} would fall`,
    )
  return all.length > PRINCIPALS ? [...lines, `and ${all.length - PRINCIPALS} more`] : lines
}

function weakestWords(audit: Audit): string {
  const { weakest, keys, principals } = audit
  const key = keys[weakest?.key ?? -1]
  if (weakest === undefined || key === undefined) return 'no single key would bring anything down'
  const who = principals[key.principal ?? -1]
  const whose = who === undefined ? '' : ` of ${whoWord(who.name)}`
  return `the key ${word(key.label)}${whose}: ${weakest.falls} of ${counted(closureOf(audit).length, 'path')} would fall with it`
}

function exemptionLines({ exemptions }: Audit): readonly string[] {
  const lines = exemptions.map(
    ({ line, reason, until, paths }) =>
      `line ${line}, until ${when(until)}: ${counted(paths.length, 'path')} (${word(reason)})`,
  )
  return cut(lines, ['none'])
}

function endLines(audit: Audit): readonly string[] {
  const labelOf = labelsOfEnding(audit)
  const lines = audit.ends.map(ending => {
    const { at, falls } = ending
    const name = endingName(ending, labelOf(ending))
    return `${when(at)}: the ${name}; ${counted(falls.length, 'path')} would fall`
  })
  return cut(lines, ['nothing within 30 days'])
}

function diskLines({ disk, paths, asked }: Audit): readonly string[] {
  const nameOf = (place: number) => pathWord(paths[place]?.path ?? '')
  const lines = [
    ...disk.differing.map(({ path }) => `${nameOf(path)} is not what the store registered`),
    ...disk.missing.map(path => `${nameOf(path)} is registered and not there`),
    ...disk.unregistered.map(({ name }) => `${word(name)} is not in the database of the store`),
  ]
  const good = asked.contents
    ? 'as the store registered it'
    : 'all of it is there; contents were not read (--contents)'
  return cut(lines, [good])
}

function letInLines(audit: Audit): readonly string[] {
  const all = closureOf(audit).filter(isOnlyLetIn)
  return cut(
    all.map(({ path }) => pathWord(path)),
    ['nothing that is refused now'],
  )
}

function cut(lines: readonly string[], none: readonly string[]): readonly string[] {
  if (lines.length === 0) return none
  if (lines.length <= NAMED) return lines
  return [...lines.slice(0, NAMED), `and ${lines.length - NAMED} more (--json has all)`]
}

function sayGroups(terminal: Terminal, { groups, paths }: Audit): void {
  for (const { title, next, paths: own } of groups) {
    terminal.print('')
    const asked = own.filter(place => paths[place]?.part === 'closure').length
    const behind = own.length - asked
    const count = behind === 0 ? asked : `${asked}, and ${behind} that they were made of`
    terminal.print(wrapped(`${title} (${count}):`, 0), 'refusal')
    for (const place of own.slice(0, NAMED)) {
      const { path = '', because } = paths[place] ?? {}
      terminal.print(`  ${pathWord(path)}`)
      if (because !== undefined) terminal.print(`    for ${pathWord(because)}`)
    }
    if (own.length > NAMED) terminal.print(`  and ${own.length - NAMED} more (--json has all)`)
    terminal.print(wrapped(`  next: ${next}`, 4))
  }
}

function sayChanges(
  terminal: Terminal,
  { paths, principals, exemptions }: Audit,
  changes: AuditChanges,
): void {
  const nameOf = (place: number) => pathWord(paths[place]?.path ?? '')
  terminal.print(`\n${terminal.strong(`since ${when(changes.since)}`)}`)
  const say = (label: string, all: readonly string[]) => {
    if (all.length > 0) terminal.print(wrapped(`  ${label} (${all.length}): ${list(all, NAMED)}`, 4))
  }
  if (changes.policyChanged) terminal.print('  the policy changed')
  say('refused now', changes.newlyRefused.map(nameOf))
  say('trusted now', changes.newlyTrusted.map(nameOf))
  say('new', changes.appeared.map(nameOf))
  say('gone', changes.vanished.map(pathWord))
  say(
    'more rests on',
    changes.grown.map(({ principal, before, after }) => {
      return `${whoWord(principals[principal]?.name ?? '')} (${before} paths before, ${after} now)`
    }),
  )
  say(
    'new exemptions',
    changes.newExemptions.map(place => `line ${exemptions[place]?.line ?? 0}`),
  )
  say('keys that are new', changes.newKeys.map(word))
  say('keys that are gone', changes.goneKeys.map(word))
  if (nothingIn(changes)) terminal.print('  nothing changed')
}

function nothingIn({ policyChanged, since: _, ...lists }: AuditChanges): boolean {
  return !policyChanged && Object.values(lists).every(({ length }) => length === 0)
}
