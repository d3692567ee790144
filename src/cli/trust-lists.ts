/** What commands for users of lists share: the machine's subscriptions, and how they are read. */
import { isAbsolute } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { inTurn, listPlace } from '../lists/subscribe/places.ts'
import { PolicyError } from '../policy/language/policy-error.ts'
import type { Book, ListInForce } from '../policy/lists/book.ts'
import type { Policy } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import { printable } from '../primitives/printable.ts'
import type { Comparison } from '../reach/compare.ts'
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'
import type { PlaceName } from './command.ts'
import { assertPolicyThere, isMadeElsewhere } from './policy-argument.ts'
import { isReadable } from './readable-inquiry.ts'
import { assertOwnMachine } from './setup-words.ts'
import { UsageError } from './usage-error.ts'

/** Places of commands that look at lists; attestations are the policy's. */
export type ListPlaces = Pick<Places, Extract<PlaceName, 'policy' | 'state'>>

/** The name of a list, as its subscriber calls it. */
export const LIST_NAME_ARGUMENT = { count: 'one', text: 'What the policy calls the list' } as const

/** The command with which a list comes into the policy. */
export const SUBSCRIBE = 'nixsig trust subscribe URL'

/** A command that only root can run, for whoever reads it. */
export function asRoot(command: string): string {
  return process.geteuid?.() === 0 ? command : `${command} (${BY_ROOT})`
}

/** What to do where an update failed and its message does not say. `again`: the command, in words. */
export function tryLater(again: string): string {
  return `mend what it names if that is here, or wait for its keepers, then ${again}`
}

/** Seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000)
}

/**
 * The machine's policy with the books of its lists. Throws UsageError if it is absent, PolicyError
 * and FileError.
 */
export async function policyHere(places: ListPlaces): Promise<Policy> {
  assertPolicyThere(places.policy)
  const { readPolicy } = await import('../verifier/policy-file.ts')
  return readPolicy(whole(places)).policy
}

/** All places, with attestations where the policy says. */
function whole(places: ListPlaces): Places {
  return { ...places, attestations: undefined }
}

/** Throws UsageError, with what to do, unless root changes this machine's own lists. */
export function assertOwnLists(command: string, places: ListPlaces): void {
  assertOwnMachine(command, whole(places))
}

/** The lists with these names; all of them if none is given. Throws UsageError. */
export function chosenLists(policy: Policy, names: readonly string[]): readonly ListInForce[] {
  if (names.length === 0) return [...policy.lists.values()]
  return [...new Set(names)].map(name => chosenList(policy, name))
}

/** The list with this name. Throws UsageError, with what to do, if the policy does not have it. */
export function chosenList(policy: Policy, name: string): ListInForce {
  const list = policy.lists.get(name)
  if (list !== undefined) return list
  const all = [...policy.lists.keys()]
  const next = `${all.length === 0 ? '' : 'name one of these, or '}${asRoot(SUBSCRIBE)}`
  throw new UsageError(
    `the policy has no list ${printable(name, 60)}${all.length === 0 ? '' : `: it has ${all.join(', ')}`}; next: ${next}`,
  )
}

/**
 * Does something while nobody else changes anything of a list. Throws FileError, with what to do, if
 * somebody does.
 */
export async function inTurnOnly<T>(
  { state }: Pick<Places, 'state'>,
  name: string,
  action: () => Promise<T>,
): Promise<T> {
  const done = await inTurn(listPlace(state, name), action)
  if (done !== undefined) return done.value
  throw new FileError(
    `an update of ${name} runs: nothing was done; next: the same command again when it has ended`,
  )
}

/** Where a list is published, by the address that a policy has. */
export async function sourceAt(url: string) {
  const { directorySource, httpSource } = await import('../lists/tuf/source.ts')
  return isAbsolute(url) ? directorySource(url) : httpSource(url)
}

/** What is served there, where nothing is known of it yet. Throws UsageError, with what to do. */
export async function firstFrom<T>(url: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    throw new UsageError(
      `${printable(url)}: ${error.message}; next: look whether this is the address that its keepers give, and whether the server answers, then the same command again`,
    )
  }
}

/** Throws UsageError, with what to do instead, if NixOS or another tool makes the policy. */
export function assertMadeHere({ policy }: Pick<Places, 'policy'>, instead: string): void {
  if (isMadeElsewhere(policy))
    throw new UsageError(
      `${printable(policy)} is made by something else, so nothing was done; next: ${instead} where it is made`,
    )
}

/** Throws UsageError where this user may not look at what is kept of lists. */
export function assertLooks(places: Pick<Places, 'state'>): void {
  if (!isReadable({ ...DEFAULT_PLACES, ...places }) || !canLook(places))
    throw new UsageError(
      `cannot read ${printable(places.state)}, which is root's; next: the same command ${BY_ROOT}`,
    )
}

/** What was published of lists is root's alone. */
function canLook({ state }: Pick<Places, 'state'>): boolean {
  return process.geteuid?.() === 0 || state !== DEFAULT_PLACES.state
}

interface With {
  readonly name: string
  readonly book: Book
  /** The policy with which it is compared. */
  readonly before: Policy
  /** Milliseconds. */
  readonly patience: number
}

/** What would fall on this machine with another book of a list; undefined if it cannot be told. */
export async function fallenWith(
  places: ListPlaces,
  { name, book, before, patience }: With,
): Promise<Comparison | undefined> {
  const [{ readPolicy }, { fallenUnder }] = await Promise.all([
    import('../verifier/policy-file.ts'),
    import('../reach/fallen.ts'),
  ])
  try {
    const after = readPolicy(whole(places), new Map([[name, book]])).policy
    return await fallenUnder(whole(places), after, { before, patience })
  } catch (error) {
    if (error instanceof FileError || error instanceof FormatError || error instanceof PolicyError)
      return undefined
    throw error
  }
}
