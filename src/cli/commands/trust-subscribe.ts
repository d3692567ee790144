/** `nixsig trust subscribe URL`: begins to trust a list of others, as far as the policy says. */
import { isAbsolute, normalize } from 'node:path'
import { jsonLine } from '../../explain/verdict-json.ts'
import { FileError } from '../../files/regular-file.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { LIST_NAME } from '../../formats/lists/names.ts'
import type { Contents } from '../../lists/subscribe/contents.ts'
import type { FirstRootSeen } from '../../lists/subscribe/first-root.ts'
import { listPlace, tufPlace } from '../../lists/subscribe/places.ts'
import type { TufSource } from '../../lists/tuf/source.ts'
import { ALL_ROLES, RESERVED_LISTS, UPDATE_MODES } from '../../policy/language/lists.ts'
import type { ListInForce } from '../../policy/lists/book.ts'
import type { Policy, Role } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { isMadeElsewhere } from '../policy-argument.ts'
import { saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { assertOwnLists, firstFrom, inTurnOnly, now, policyHere, sourceAt } from '../trust-lists.ts'
import { compareRoot, rolesFor, withQuestions } from '../trust-questions.ts'
import { endWords } from '../trust-report.ts'
import { sayContents } from '../trust-show.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly url: string
  readonly root: string | undefined
  readonly as: string | undefined
  readonly role: readonly string[]
  readonly source: readonly string[]
  readonly updates: 'auto' | 'ask' | 'pinned'
  readonly grace: string | undefined
  readonly corroborated: boolean
  readonly json: boolean
}

/** Compares the first root with what the user was told, and writes `[lists.NAME]`. */
export const trustSubscribe = command({
  arguments: { url: { count: 'one', text: 'Where the list is published: a URL, or a directory' } },
  options: {
    root: {
      kind: 'value',
      value: 'FINGERPRINTS',
      text: 'What its keepers gave you: the fingerprint of its first root, or the ids of all its root keys',
    },
    as: { kind: 'value', value: 'NAME', text: 'What you call it; its own name by default' },
    role: {
      kind: 'values',
      value: 'ROLE',
      choices: ALL_ROLES,
      text: 'A role that it may speak for, such as developer',
    },
    source: {
      kind: 'values',
      value: 'GLOB',
      text: 'Names of sources and paths that it may speak for; all by default',
    },
    updates: {
      kind: 'value',
      value: 'WORD',
      choices: UPDATE_MODES,
      fallback: 'ask',
      text: 'Whether updates are taken, asked about, or only told',
    },
    grace: {
      kind: 'value',
      value: 'DAYS',
      text: 'For how long its last good state counts after its end; 0 by default',
    },
    corroborated: { kind: 'flag', text: 'Only entries that two distributions agree on count' },
    json: JSON_OPTION,
  },
  examples: [
    [
      'trust subscribe https://lists.example.org/debian --root 5f0c… --role developer',
      'With what its keepers published elsewhere',
    ],
    ['trust subscribe /srv/list --as house', 'Shows the fingerprint, and asks you to compare it'],
  ],
  epilogue: `Nothing of a list counts until a rule asks for somebody whom it names: "NAME/principal", or its-developers.
Without --root the fingerprints are shown and asked about; without a terminal nothing is done.
Status 0: subscribed. 2: it cannot be read, is another list, or the policy cannot be changed here.`,
  reads: ['policy', 'state'],
  run: subscribe,
})

async function subscribe(
  options: Options,
  { places, terminal }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  assertOwnLists('trust subscribe', places)
  const url = addressOf(options.url)
  const policy = await policyHere(places)
  const { fetchFirstRoot, remembering } = await import('../../lists/subscribe/first-root.ts')
  const source = remembering(await sourceAt(url))
  terminal.progress(`asking ${printable(url)}`)
  const first = await firstFrom(url, () => fetchFirstRoot(source))
  const { name, known, roles } = await withQuestions(options, async questions => {
    await compareRoot(first, options, { terminal, questions })
    const contents = await firstFrom(url, () => preview(source, first))
    const name = nameFor(options, contents)
    const known = knownAs(policy, name, url)
    if (!options.json) sayContents(terminal, name, contents)
    const roles = known?.roles ?? (await rolesFor(options, name, questions))
    return { name, known, roles }
  })
  const table = tableOf(name, url, roles, options)
  const updated = await take({ name, url, state: places.state, source, first, known })
  if (updated.kind === 'failed')
    throw new FileError(
      `${name}: ${updated.problem}; the policy was not changed; next: call again later, or ask its keepers`,
    )
  const isElsewhere = known === undefined && isMadeElsewhere(places.policy)
  const status = isElsewhere
    ? 2
    : await writeSubscription(name, known === undefined ? table : undefined, terminal)
  if (options.json)
    terminal.print(
      jsonLine({ list: name, url, root: first.sha256, roles, version: updated.version, ends: updated.ends }),
    )
  else if (!isElsewhere) {
    if (known !== undefined)
      terminal.print(`the policy had [lists.${name}] already, and what it says there stays as it is`)
    const says = `${terminal.good('subscribed')} to ${printable(url)} as ${name}: version ${updated.version}, ${endWords(updated.ends, now())}`
    terminal.print(
      `${says}\nnext: let a rule ask for "${name}/…" or its-developers; nixsig trust show ${name} has whom it names`,
    )
  }
  if (isElsewhere)
    terminal.note(
      `nixsig: ${printable(places.policy)} is made by something else. The list is kept here, and counts once this is written where the policy is made (on NixOS: security.nixsig.lists.${name}):\n${table.trimEnd()}`,
    )
  return status
}

/** An address as policies write it. Throws UsageError. */
function addressOf(text: string): string {
  if (/^https?:\/\//.test(text)) return text.replace(/\/+$/, '')
  if (isAbsolute(text)) return normalize(text).replace(/(?<=.)\/+$/, '')
  throw new UsageError(
    `${printable(text, 200)}: give an http or https URL, or the absolute path of a directory`,
  )
}

/** What the list says, before anything of it is kept. Throws FileError and FormatError. */
async function preview(source: TufSource, first: FirstRootSeen): Promise<Contents> {
  const [{ openTufStore }, { beginTrust, readNewest }, { contentsOf }] = await Promise.all([
    import('../../lists/tuf/store.ts'),
    import('../../lists/tuf/update.ts'),
    import('../../lists/subscribe/contents.ts'),
  ])
  const scratch = makeScratch('list')
  try {
    const store = openTufStore(scratch)
    await beginTrust(store, source, { sha256: first.sha256 })
    return await contentsOf(await readNewest(store, source, now()))
  } finally {
    removeScratch(scratch)
  }
}

function nameFor({ as }: Options, { parts: [{ document }] }: Contents): string {
  const name = as ?? document.name
  if (!LIST_NAME.test(name))
    throw new UsageError(`--as ${printable(name, 60)}: 1 to 32 lower-case letters, digits and hyphens`)
  if (RESERVED_LISTS.includes(name))
    throw new UsageError(`"${name}" means something else in a policy; next: choose another name with --as`)
  return name
}

/** The entry that the policy has already, as where it is made elsewhere. */
function knownAs(policy: Policy, name: string, url: string): ListInForce | undefined {
  const known = policy.lists.get(name)
  if (known !== undefined && known.updates.url !== url)
    throw new UsageError(
      `the policy has a list ${name} from ${printable(known.updates.url)}; next: choose another name with --as, or nixsig trust unsubscribe ${name}`,
    )
  return known
}

interface Taking {
  readonly name: string
  readonly url: string
  readonly state: string
  readonly source: TufSource
  readonly first: FirstRootSeen
  /** The list as the policy has it already. */
  readonly known: ListInForce | undefined
}

async function take({ name, url, state, source, first, known }: Taking) {
  const [{ openTufStore }, { beginTrust }, { updateList }] = await Promise.all([
    import('../../lists/tuf/store.ts'),
    import('../../lists/tuf/update.ts'),
    import('../../lists/subscribe/update.ts'),
  ])
  const directory = listPlace(state, name)
  const done = await inTurnOnly({ state }, name, async () => {
    const store = openTufStore(tufPlace(directory))
    const before = store.fingerprint()
    if (before !== undefined && before !== first.sha256)
      throw new UsageError(
        `another list was called ${name} here, with the first root ${before}; next: choose another name with --as, or nixsig trust unsubscribe ${name} --forget`,
      )
    // What is new in it is for "trust update" to show.
    if (before !== undefined && known !== undefined && !('problem' in known.book))
      return { kind: 'newest', version: known.book.version, ends: known.book.ends } as const
    if (before === undefined) await beginTrust(store, source, { sha256: first.sha256 })
    const agree = async () => true
    return updateList({
      name,
      url,
      directory,
      source,
      mode: 'ask',
      revocations: 'at-once',
      now: now(),
      agree,
    })
  })
  if (done.kind === 'failed') return done
  const version = done.kind === 'newest' ? done.version : done.difference.to
  return { kind: done.kind, version, ends: done.ends } as const
}

/** `[lists.NAME]` in TOML. */
function tableOf(name: string, url: string, roles: readonly Role[], options: Options): string {
  const { source, updates, grace, corroborated } = options
  if (grace !== undefined && !/^\d{1,3}$/.test(grace)) throw new UsageError('--grace takes a number of days')
  const lines = [
    `[lists.${name}]`,
    `url = ${JSON.stringify(url)}`,
    `roles = ${listOf(roles)}`,
    ...(source.length > 0 ? [`names = ${listOf(source)}`] : []),
    `updates = "${updates}"`,
    ...(grace === undefined ? [] : [`grace = ${Number(grace)}`]),
    ...(corroborated ? ['corroborated = true'] : []),
  ]
  return `${lines.join('\n')}\n`
}

function listOf(texts: readonly string[]): string {
  return `[${texts.map(text => JSON.stringify(text)).join(', ')}]`
}

/** Undefined: the policy has it, and only has to be told to those who read it. */
async function writeSubscription(
  name: string,
  table: string | undefined,
  terminal: Terminal,
): Promise<Status> {
  const [{ changePolicy, withAppended }, { announcePolicy }, { machinePlaces }] = await Promise.all([
    import('../../setup/change-policy.ts'),
    import('../../setup/announce-policy.ts'),
    import('../../setup/places.ts'),
  ])
  const places = machinePlaces()
  if (table === undefined) return saySettled(await announcePolicy(places), terminal)
  const settled = await changePolicy(places, {
    text: ({ toml }, { lists }) => (lists.has(name) ? undefined : withAppended(toml, table)),
    problem: (before, after) =>
      after.lists.has(name) && after.lists.size === before.lists.size + 1
        ? undefined
        : 'it would not have this list',
  })
  return saySettled(settled, terminal)
}
