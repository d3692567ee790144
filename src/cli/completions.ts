/** What may come next in a call, from the commands' data and from what this machine has. */
import { type Command, GLOBAL_OPTIONS, type Options, placeOptions } from './command.ts'
import { COMMANDS, type Entry, isPrefix } from './commands.ts'
import { placesOf, splitCall } from './parse.ts'

/** More is nothing that one chooses from. */
const MOST = 200
const LENGTH_LIMIT = 300
const LOCK_LIMIT = 16 * 1024 * 1024

/**
 * What may stand in place of the last word, the one that is being typed. Empty where a file may,
 * which shells complete best themselves, and where nothing is known. Never throws. No completion
 * has a control character, and none of a machine's names begins with a dash.
 */
export async function completionsOf(words: readonly string[]): Promise<readonly string[]> {
  const current = words.at(-1) ?? ''
  const all = await candidatesFor(words.slice(0, -1), current).catch(() => [])
  const fitting = all.filter(
    each =>
      each.startsWith(current) &&
      each.length <= LENGTH_LIMIT &&
      !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(each),
  )
  return [...new Set(fitting)].slice(0, MOST)
}

async function candidatesFor(typed: readonly string[], current: string): Promise<readonly string[]> {
  if (typed.includes('--')) return []
  const words = typed[0] === 'help' ? typed.slice(1) : typed
  const { name, rest, next } = splitCall(words, isPrefix)
  const entry = COMMANDS.find(each => each.name === name)
  if (entry === undefined) return next === undefined ? nextWords(name, current) : []
  const command = await entry.load()
  const options: Options = { ...command.options, ...placeOptions(command), ...GLOBAL_OPTIONS }
  const place = { entry, command, typed }
  const asked = optionBefore(options, rest)
  if (asked !== undefined) return valuesOf(asked.value, asked.choices, place)
  const [, inline] = /^--([a-z-]+)=/.exec(current) ?? []
  if (inline !== undefined) {
    const option = options[inline]
    if (option === undefined || option.kind === 'flag') return []
    const values = await valuesOf(option.value, option.choices, place)
    return values.map(value => `--${inline}=${value}`)
  }
  if (current.startsWith('-')) return Object.keys(options).map(key => `--${key}`)
  return argumentValues(place, options, rest)
}

/** The words that may follow those of a group, or of nothing. */
function nextWords(group: string, current: string): readonly string[] {
  if (current.startsWith('-')) return Object.keys(GLOBAL_OPTIONS).map(key => `--${key}`)
  const before = group === '' ? '' : `${group} `
  const members = COMMANDS.filter(({ name, isHidden }) => !isHidden && name.startsWith(before))
  const words = members.map(({ name }) => name.slice(before.length).split(' ')[0] ?? '')
  return group === '' ? [...words, 'help'] : words
}

/** The option whose value the current word is, where it is a word of its own. */
function optionBefore(options: Options, rest: readonly string[]) {
  // bash makes three words of --option=value.
  const last = rest.at(-1) === '=' ? rest.at(-2) : rest.at(-1)
  const [, key = Object.keys(options).find(each => last === `-${options[each]?.short}`) ?? ''] =
    /^--([a-z-]+)$/.exec(last ?? '') ?? []
  const option = Object.hasOwn(options, key) ? options[key] : undefined
  return option === undefined || option.kind === 'flag' ? undefined : option
}

/** A call as far as it is typed. */
interface Place {
  readonly entry: Entry
  readonly command: Command
  readonly typed: readonly string[]
}

async function argumentValues(
  place: Place,
  options: Options,
  rest: readonly string[],
): Promise<readonly string[]> {
  const given = rest.filter((word, index) => {
    return !word.startsWith('-') && optionBefore(options, rest.slice(0, index)) === undefined
  })
  const names = Object.entries(place.command.arguments)
  const last = names.at(-1)
  const takesMore = last !== undefined && /more|any/.test(last[1].count)
  const [key] = names[given.length] ?? (takesMore ? last : undefined) ?? []
  if (key === undefined) return Object.keys(options).map(each => `--${each}`)
  return valuesOf(key, undefined, place)
}

/** What is known of values that are called so, or of an argument of a command. */
async function valuesOf(
  called: string,
  choices: readonly string[] | undefined,
  place: Place,
): Promise<readonly string[]> {
  if (choices !== undefined) return choices
  const special = `${place.entry.name} ${called}`
  const name = Object.hasOwn(KNOWN, special) ? special : called
  const find = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined
  return find === undefined ? [] : (await find(place)).filter(each => !each.startsWith('-'))
}

/** By what help calls a value or the data an argument, behind the command where it matters. */
const KNOWN: Readonly<Record<string, (place: Place) => Promise<readonly string[]>>> = {
  'quarantine show id': quarantined,
  'quarantine release id': quarantined,
  'quarantine purge ids': quarantined,
  'conflicts withdraw paths': async ({ typed }) => {
    const { seenConflictPaths } = await import('../ledger/seen-conflicts.ts')
    return seenConflictPaths(placesIn(typed).state)
  },
  'lock update input': async () => {
    const [{ readNamedFile }, { parseFlakeLock }, { inputsOf }] = await Promise.all([
      import('../files/named-file.ts'),
      import('../formats/locks/flake-lock.ts'),
      import('../formats/locks/flake-inputs.ts'),
    ])
    const { bytes } = readNamedFile('flake.lock', LOCK_LIMIT)
    return inputsOf(parseFlakeLock(bytes)).map(({ names = [] }) => names.join('/'))
  },
  'completion shell': async () => ['bash', 'zsh', 'fish'],
  'list add kind': kindsOfEntries,
  'list remove kind': kindsOfEntries,
  'list rotate roles': async () => [...(await topRoles()), 'all'],
  'list sign ROLE': topRoles,
  'trust show name': listNames,
  'trust diff name': listNames,
  'trust update names': listNames,
  'trust pin name': listNames,
  'trust unsubscribe name': listNames,
  KEY: async ({ typed }) => {
    const [{ principals }, { printNixPublicKey }] = await Promise.all([
      policyOf(typed),
      import('../formats/nix/nix-key.ts'),
    ])
    return [...principals.values()].flatMap(({ keys }) =>
      keys.flatMap(key =>
        key.kind === 'ed25519' && key.name !== undefined
          ? printNixPublicKey({ name: key.name, publicKey: key.publicKey })
          : [],
      ),
    )
  },
  WHO: async ({ typed }) => {
    const { principals, groups } = await policyOf(typed)
    return [...principals.keys(), ...groups.keys()]
  },
  'sync URL': async ({ typed }) => (await policyOf(typed)).sources.map(({ url }) => url),
  SIGNER: async () => ['file:', 'ssh:', 'gpg:'],
}

async function quarantined({ typed }: Place): Promise<readonly string[]> {
  const { listEntries } = await import('../quarantine/entries.ts')
  return listEntries(placesIn(typed).state)
}

async function listNames({ typed }: Place): Promise<readonly string[]> {
  return [...(await policyOf(typed)).lists.keys()]
}

async function kindsOfEntries(): Promise<readonly string[]> {
  return ['principal', 'group', 'developers', 'team']
}

async function topRoles(): Promise<readonly string[]> {
  const { TOP_ROLES } = await import('../formats/lists/tuf-signed.ts')
  return TOP_ROLES
}

async function policyOf(typed: readonly string[]) {
  const { readPolicy } = await import('./policy-argument.ts')
  const { policy, state } = placesIn(typed)
  return readPolicy(policy, false, state)
}

/** The places that the words name so far. */
function placesIn(typed: readonly string[]) {
  const named = (key: string) => {
    const inline = typed.find(word => word.startsWith(`--${key}=`))
    if (inline !== undefined) return inline.slice(key.length + 3)
    const at = typed.indexOf(`--${key}`)
    const value = at < 0 ? undefined : typed[at + 1] === '=' ? typed[at + 2] : typed[at + 1]
    return value
  }
  const [policy, state] = [named('policy'), named('state')]
  const given = { ...(policy && { policy }), ...(state && { state }) }
  return placesOf({ 'no-color': false, help: false, version: false, ...given })
}
