/** `nixsig trust list|show|diff`: what is known here of the lists that the policy subscribes to. */

import { join } from 'node:path'
import { jsonLine } from '../../explain/verdict-json.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { openBook } from '../../lists/book/read.ts'
import { digestOfBook, writeBook } from '../../lists/book/write.ts'
import { type Contents, isUnreadable } from '../../lists/subscribe/contents.ts'
import { type KeptHere, keptHere, waitingVersion } from '../../lists/subscribe/kept.ts'
import { nextSubscribe } from '../../lists/subscribe/next-subscribe.ts'
import { listPlace } from '../../lists/subscribe/places.ts'
import type { ListInForce } from '../../policy/lists/book.ts'
import type { Policy } from '../../policy/policy.ts'
import { when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_LINES_OPTION, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import type { Terminal } from '../terminal.ts'
import {
  asRoot,
  assertLooks,
  chosenList,
  fallenWith,
  LIST_NAME_ARGUMENT,
  type ListPlaces,
  now,
  policyHere,
  SUBSCRIBE,
} from '../trust-lists.ts'
import {
  ageWords,
  differenceJson,
  endWords,
  fallsJson,
  keeperLines,
  sayDifference,
  sayFalls,
} from '../trust-report.ts'
import { countsOf, findShown, type Shown, sayContents, shownLines } from '../trust-show.ts'
import { UsageError } from '../usage-error.ts'

type Here = Invocation<'policy' | 'state'>

/** A line a list. */
export const trustList = command({
  options: { json: JSON_LINES_OPTION },
  examples: [['trust list', 'Which version of each list is in force, and until when']],
  epilogue: 'Status 0: all lists count. 20: one of them has ended, or is not here.',
  reads: ['policy', 'state'],
  run: listAll,
})

async function listAll({ json }: { readonly json: boolean }, { places, terminal }: Here): Promise<Status> {
  const policy = await policyHere(places)
  if (policy.lists.size === 0 && !json)
    terminal.print(`the policy subscribes to no list; next: ${asRoot(SUBSCRIBE)}`)
  let counts = true
  for (const list of policy.lists.values()) {
    const waiting = await waitingOf(places, list.name)
    const { book, grace } = list
    if ('problem' in book || book.ends + grace <= now()) counts = false
    if (json) terminal.print(jsonLine(stateJson(list, waiting)))
    else terminal.print(stateLine(list, waiting))
  }
  return counts ? 0 : 20
}

function stateLine({ name, book, updates }: ListInForce, waiting: number | undefined): string {
  const mode = `updates: ${updates.mode}`
  if ('problem' in book)
    return `${name}: ${printable(book.problem, 200)}; ${mode}; next: ${asRoot(`nixsig trust update ${name}`)}`
  const state = `version ${book.version}, seen ${ageWords(book.seen, now())}; ${endWords(book.ends, now())}; ${mode}`
  return waiting === undefined
    ? `${name}: ${state}`
    : `${name}: ${state}; version ${waiting} waits: ${asRoot(`nixsig trust diff ${name}`)}`
}

/** The version that waits; undefined if none does, or this user may not look. */
async function waitingOf({ state }: ListPlaces, name: string): Promise<number | undefined> {
  try {
    return await waitingVersion(listPlace(state, name))
  } catch (error) {
    if (isUnreadable(error) || (error as NodeJS.ErrnoException).code === 'EACCES') return undefined
    throw error
  }
}

function stateJson({ name, updates, roles, names, book, grace }: ListInForce, waiting: number | undefined) {
  return {
    list: name,
    url: updates.url,
    mode: updates.mode,
    revocations: updates.revocations,
    roles,
    names,
    grace,
    version: 'problem' in book ? null : book.version,
    seen: 'problem' in book ? null : book.seen,
    ends: 'problem' in book ? null : book.ends,
    says: 'problem' in book ? null : book.says,
    counts: !('problem' in book) && book.ends + grace > now(),
    problem: 'problem' in book ? book.problem : null,
    waiting: waiting ?? null,
  }
}

/** One list, or what it says of somebody or of a source. */
export const trustShow = command({
  arguments: {
    name: LIST_NAME_ARGUMENT,
    what: { count: 'at most one', text: 'A principal, a group or an entry of it, or the name of a source' },
  },
  options: { json: JSON_OPTION },
  examples: [
    ['trust show debian', 'Who keeps it, what it says, and until when it counts'],
    ['trust show debian libmd-1.1.0.tar.xz', 'Who signs this source, and where the list has that from'],
  ],
  epilogue: 'Status 0: shown. 10: the list says nothing of what was asked about.',
  reads: ['policy', 'state'],
  run: show,
})

interface ShowOptions {
  readonly name: string
  readonly what: string | undefined
  readonly json: boolean
}

async function show({ name, what, json }: ShowOptions, { places, terminal }: Here): Promise<Status> {
  const { list, kept, contents } = await open(places, name)
  if (what !== undefined) return showSome(findShown(name, contents, what), { name, what, json }, terminal)
  const { root, fingerprint, book, waiting } = kept
  const [{ document }] = contents.parts
  if (json) {
    terminal.print(
      jsonLine({
        ...stateJson(list, waiting?.contents.version),
        root: fingerprint ?? null,
        keepers: root?.roles ?? null,
        calls_itself: document.name,
        about: document.about ?? null,
        contents: countsOf(contents),
        lapsed_teams: [...contents.lapsed].map(([team, detail]) => ({ team, detail })),
        suggested_rules: document.rules ?? null,
      }),
    )
    return 0
  }
  sayContents(terminal, name, contents)
  if ('problem' in book) terminal.print(`  ${printable(book.problem, 300)}`)
  else
    terminal.print(
      `  version ${book.version}, seen ${ageWords(book.seen, now())}; ${endWords(book.ends, now())}`,
    )
  terminal.print(
    `  may speak as ${list.roles.join(', ')} about ${list.names.map(glob => printable(glob)).join(', ')}; updates: ${list.updates.mode}, from ${printable(list.updates.url)}`,
  )
  terminal.print(`  first root ${fingerprint ?? 'unknown'}`)
  for (const line of root === undefined ? [] : keeperLines(root)) terminal.print(line)
  if (waiting !== undefined)
    terminal.print(`  version ${waiting.contents.version} waits: nixsig trust diff ${name}`)
  if (document.rules !== undefined) {
    terminal.print('  rules that it suggests; none of them is in force:')
    for (const line of document.rules.trimEnd().split('\n')) terminal.print(`    ${printable(line, 300)}`)
  }
  return 0
}

function showSome(
  found: readonly Shown[],
  { name, what, json }: { readonly name: string; readonly what: string; readonly json: boolean },
  terminal: Terminal,
): Status {
  if (json) terminal.print(jsonLine({ list: name, asked: what, found }))
  else {
    if (found.length === 0) terminal.print(`${name} says nothing of ${printable(what, 200)}`)
    for (const shown of found) for (const line of shownLines(shown)) terminal.print(line)
  }
  return found.length === 0 ? 10 : 0
}

/** What waits, and what would fall with it. */
export const trustDiff = command({
  arguments: { name: LIST_NAME_ARGUMENT },
  options: { json: JSON_OPTION },
  examples: [['trust diff debian', 'What nobody has agreed to yet']],
  epilogue: 'Fetches nothing: nixsig trust update does. Status 0: nothing waits. 12: something does.',
  reads: ['policy', 'state'],
  run: diff,
})

const PATIENCE = 60_000

async function diff(
  { name, json }: { readonly name: string; readonly json: boolean },
  { places, terminal }: Here,
): Promise<Status> {
  const { policy, kept } = await open(places, name)
  const { waiting, book } = kept
  if (waiting === undefined) {
    if (json) terminal.print(jsonLine({ list: name, digest: null, difference: null, comparison: null }))
    else {
      const seen = 'problem' in book ? '' : `, as of ${when(book.seen)}`
      terminal.print(`nothing waits${seen}; nixsig trust update ${name} asks for more`)
    }
    return 0
  }
  const fallen = await fallenIn(places, { policy, name, contents: waiting.contents })
  const { difference } = waiting
  const { parts } = waiting.contents
  const digest = digestOfBook({ name, parts })
  if (json)
    terminal.print(
      jsonLine({ list: name, digest, difference: differenceJson(difference), comparison: fallsJson(fallen) }),
    )
  else {
    terminal.print(terminal.strong(`${name}: version ${difference.from} to ${difference.to}`))
    sayDifference(terminal, difference)
    sayFalls(terminal, fallen)
    terminal.print(`nixsig trust update ${name} --shown ${digest} takes it, and nothing newer`)
  }
  return 12
}

async function fallenIn(
  places: ListPlaces,
  { policy, name, contents }: { readonly policy: Policy; readonly name: string; readonly contents: Contents },
) {
  const scratch = makeScratch('list')
  try {
    const { parts, version } = contents
    const [ends, seen] = [now() + 86_400, now()]
    writeBook(scratch, { name, parts, version, ends, seen })
    const book = openBook(join(scratch, 'book'), name)
    return await fallenWith(places, { name, book, before: policy, patience: PATIENCE })
  } finally {
    removeScratch(scratch)
  }
}

interface Opened {
  readonly policy: Policy
  readonly list: ListInForce
  readonly kept: KeptHere
  readonly contents: Contents
}

/** Throws UsageError if the policy does not have the list, or it was never taken in here. */
async function open(places: ListPlaces, name: string): Promise<Opened> {
  const policy = await policyHere(places)
  const list = chosenList(policy, name)
  assertLooks(places)
  const kept = await keptHere(listPlace(places.state, name), name)
  const { contents } = kept
  if (contents === undefined)
    throw new UsageError(
      `${name} was never taken in here; next: ${nextSubscribe({ name, url: list.updates.url })}`,
    )
  return { policy, list, kept, contents }
}
