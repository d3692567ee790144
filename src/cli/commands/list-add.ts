import type { ListDocument, ListedTeam } from '../../formats/lists/listed.ts'
import { readDocument, writeDocument } from '../../lists/keep/draft.ts'
import { addPrincipal, type Rotation, setEntry } from '../../lists/keep/edit.ts'
import { readKeepers } from '../../lists/keep/keepers.ts'
import { addTeam } from '../../lists/keep/teams.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import {
  editing,
  instantOption,
  KEEPER_OPTION,
  keeperArgument,
  LIST_ARGUMENT,
  listDirectory,
  listedKeys,
  nextSign,
  numberOption,
  TEAM_OPTION,
  THRESHOLD_OPTION,
} from '../list-arguments.ts'
import { UsageError } from '../usage-error.ts'

type Kind = 'principal' | 'group' | 'developers' | 'team'

interface Options {
  readonly directory: string
  readonly kind: string
  readonly name: string
  readonly key: readonly string[]
  readonly about: string | undefined
  readonly 'valid-from': string | undefined
  readonly 'valid-until': string | undefined
  readonly namespace: readonly string[]
  readonly member: readonly string[]
  readonly source: readonly string[]
  readonly url: readonly string[]
  readonly by: readonly string[]
  readonly keeper: readonly string[]
  readonly threshold: string | undefined
  readonly team: string | undefined
}

/** Options that each kind takes beside its name. */
const TAKES: Readonly<Record<Kind, readonly (keyof Options)[]>> = {
  principal: ['key', 'about', 'valid-from', 'valid-until', 'namespace', 'team'],
  group: ['member', 'threshold', 'team'],
  developers: ['source', 'url', 'by', 'threshold', 'team'],
  team: ['source', 'url', 'keeper', 'threshold'],
}

/** `nixsig list add DIRECTORY KIND NAME` */
export const listAdd = command({
  arguments: {
    directory: LIST_ARGUMENT,
    kind: { count: 'one', text: 'principal, group, developers or team' },
    name: { count: 'one', text: 'Its name in the list' },
  },
  options: {
    key: {
      kind: 'values',
      value: 'KEY',
      text: "A principal's key: itself, its file, or an OpenPGP certificate",
    },
    about: { kind: 'value', value: 'TEXT', text: 'Who a principal claims to be' },
    'valid-from': { kind: 'value', value: 'DATE', text: 'From when the keys count' },
    'valid-until': { kind: 'value', value: 'DATE', text: 'From when they count no more' },
    namespace: { kind: 'values', value: 'NAME', text: 'What SSH keys may sign: file, git …' },
    member: { kind: 'values', value: 'PRINCIPAL', text: "A group's member" },
    source: {
      kind: 'values',
      value: 'GLOB',
      text: 'Names of sources that developers sign, or a team speaks for',
    },
    url: { kind: 'values', value: 'GLOB', text: 'Addresses that these sources come from; by default any' },
    by: { kind: 'values', value: 'NAME', text: 'A principal or group that signs these sources' },
    keeper: KEEPER_OPTION,
    threshold: THRESHOLD_OPTION,
    team: TEAM_OPTION,
  },
  examples: [
    ['list add list principal guillem --key guillem.asc', 'With an OpenPGP certificate'],
    [
      "list add list developers libmd --source 'libmd-*.tar.*' --url 'https://archive.example.org/libmd/*' --by guillem",
      'Who signs which sources',
    ],
    [
      "list add list team gnome --source 'gnome-*' --keeper dora=dora.pub",
      'A team that speaks for some names alone',
    ],
    ['list add list principal eve --key eve.pub --team gnome', "In the team's part"],
  ],
  run: add,
})

async function add(options: Options, { terminal }: Invocation): Promise<Status> {
  const directory = listDirectory(options.directory)
  const kind = kindOf(options.kind)
  for (const option of new Set(Object.values(TAKES).flat())) {
    const value = options[option]
    if (value !== undefined && value.length > 0 && !TAKES[kind].includes(option))
      throw new UsageError(`--${option} is not for a ${kind}`)
  }
  const document = readDocument(directory, options.team)
  editing(() => {
    if (kind === 'team') addTeam(directory, options.name, teamOf(options), keepersOfTeam(directory, options))
    else writeDocument(directory, options.team, changed(kind, document, directory, options))
  })
  terminal.print(
    `${terminal.good('added')} ${kind} ${printable(options.name)}; next: ${nextSign(options.directory)}`,
  )
  return 0
}

/** The kind of an entry. Throws UsageError. */
export function kindOf(text: string): Kind {
  if (text === 'principal' || text === 'group' || text === 'developers' || text === 'team') return text
  throw new UsageError(`${printable(text)}: it is one of principal, group, developers and team`)
}

function changed(
  kind: Exclude<Kind, 'team'>,
  document: ListDocument,
  directory: string,
  options: Options,
): ListDocument {
  const { name, about, team, source: names, url: urls, by, member: members } = options
  const threshold = numberOption('--threshold', options.threshold)
  switch (kind) {
    case 'principal': {
      const values = {
        validFrom: instantOption('--valid-from', options['valid-from']),
        validUntil: instantOption('--valid-until', options['valid-until']),
        namespaces: options.namespace,
      }
      const keys = options.key.flatMap(key => listedKeys(key, values, { directory, team }))
      return addPrincipal(document, name, { keys, about })
    }
    case 'group':
      return setEntry(document, 'groups', name, { members, threshold: threshold ?? members.length })
    case 'developers': {
      const entry = { names, urls, by, threshold: threshold ?? 1, provenance: [], tried: [] }
      return setEntry(document, 'developers', name, entry)
    }
  }
}

function teamOf({ source: names, url: urls }: Options): ListedTeam {
  return { names, urls }
}

/** Who keeps the part of a team that is new, or keeps it as well from now on. Throws UsageError. */
function keepersOfTeam(directory: string, { keeper, threshold }: Options): Rotation {
  const kept = readKeepers(directory)
  const add = keeper.map(text => keeperArgument(text, kept))
  if (add.length === 0) throw new UsageError('who keeps the part of the team? (--keeper NAME=KEY)')
  return { add, remove: [], threshold: numberOption('--threshold', threshold) }
}
