/**
 * What a command is: data that the parser, the help, the completion and the reference are made
 * from.
 */
import { DEFAULT_PLACES, type Places } from '../verifier/places.ts'
import type { Status } from './exit-status.ts'
import type { Terminal } from './terminal.ts'

/** An option of a command. `value` is how help calls what is given with it. */
export type Option =
  | { readonly kind: 'flag'; readonly text: string; readonly short?: string }
  | ({ readonly kind: 'value' } & Valued & { readonly fallback?: string; readonly required?: true })
  /** May be given more than once. */
  | ({ readonly kind: 'values' } & Valued & {
        readonly fallback?: readonly string[]
        readonly required?: true
      })

interface Valued {
  readonly value: string
  readonly text: string
  /** One letter, without its dash. */
  readonly short?: string
  readonly choices?: readonly string[]
}

/** An option that has a value. */
export type ValuedOption = Exclude<Option, { readonly kind: 'flag' }>

export type Options = Readonly<Record<string, Option>>

/** A positional argument. Those that take several come last. */
export interface Argument {
  readonly count: 'one' | 'at most one' | 'one or more' | 'any number'
  readonly text: string
}

/** How an argument is called in help and messages: one of `paths` is a PATH. */
export function argumentName(key: string, { count }: Argument): string {
  const isOne = count === 'one' || count === 'at most one'
  return (isOne ? key : key.replace(/s$/, '')).toUpperCase()
}

/** Positional arguments in their order, by name. */
export type Arguments = Readonly<Record<string, Argument>>

type ValueOf<O extends Option> = O extends { readonly kind: 'flag' }
  ? boolean
  : O extends { readonly kind: 'values' }
    ? readonly Chosen<O>[]
    : O extends { readonly fallback: string } | { readonly required: true }
      ? Chosen<O>
      : Chosen<O> | undefined

type Chosen<O> = O extends { readonly choices: readonly (infer C)[] } ? C : string

type Given<A extends Argument> = A['count'] extends 'one'
  ? string
  : A['count'] extends 'at most one'
    ? string | undefined
    : readonly string[]

type Nothing = Readonly<Record<never, never>>

/** What a command is called with: its arguments and options by their names. */
export type Values<A extends Arguments, O extends Options> = {
  readonly [N in keyof A]: Given<A[N]>
} & { readonly [N in keyof O]: ValueOf<O[N]> }

/** A place that the command line can name. */
export type PlaceName = keyof typeof PLACE_OPTIONS

/** When a policy of the user's own is read (own-policy.ts). */
export type OwnPolicy = 'first' | 'without-another'

/** Where a command looks, of that only what it says that it reads, and how it answers. */
export interface Invocation<P extends PlaceName = never> {
  readonly places: Pick<Places, P>
  readonly terminal: Terminal
}

export interface Command {
  readonly arguments: Arguments
  readonly options: Options
  /** The places that it looks at: no other can be named in a call. */
  readonly reads: readonly PlaceName[]
  /**
   * Whether a policy of the user's own takes the place of the machine's: wherever there is one, or
   * only where the machine has none. By default it never does (own-policy.ts).
   */
  readonly ownPolicy?: OwnPolicy
  /** Calls, without `nixsig`, and what they are for (may be empty). */
  readonly examples: readonly (readonly [call: string, purpose: string])[]
  /** Below everything else in the help. */
  readonly epilogue?: string
  /** Runs it with the values that its own data describes. */
  readonly run: (values: never, invocation: Invocation<PlaceName>) => Promise<Status>
}

/** Checks the data of a command against the values that its function takes. */
export function command<
  const A extends Arguments = Nothing,
  const O extends Options = Nothing,
  const P extends PlaceName = never,
>(parts: {
  readonly arguments?: A
  readonly options?: O
  readonly reads?: readonly P[]
  readonly ownPolicy?: OwnPolicy
  readonly examples?: Command['examples']
  readonly epilogue?: string
  readonly run: (values: Values<A, O>, invocation: Invocation<P>) => Promise<Status>
}): Command {
  return { arguments: {}, options: {}, examples: [], reads: [], ...parts }
}

/** All places, for commands that judge. */
export const EVERYWHERE = ['policy', 'state', 'attestations'] as const

/** Options of the commands that look at these places. */
export const PLACE_OPTIONS = {
  policy: {
    kind: 'value',
    value: 'FILE',
    fallback: DEFAULT_PLACES.policy,
    text: 'The policy: the trusted list and its rules',
  },
  attestations: {
    kind: 'values',
    value: 'DIR',
    text: "Directory of attestations, in place of the policy's",
  },
  state: {
    kind: 'value',
    value: 'DIR',
    fallback: DEFAULT_PLACES.state,
    text: 'What this machine keeps: ledger, quarantine, keys',
  },
} as const satisfies Options

/** Options of every command. */
export const GLOBAL_OPTIONS = {
  'no-color': { kind: 'flag', text: 'No colours (NO_COLOR does the same)' },
  help: { kind: 'flag', short: 'h', text: 'Show this help' },
  version: { kind: 'flag', short: 'V', text: 'Show the version of nixsig' },
} as const satisfies Options

export type GlobalValues = Values<Nothing, typeof GLOBAL_OPTIONS> &
  Partial<Values<Nothing, typeof PLACE_OPTIONS>>

/** The options of the places that a command looks at, in the order of the help. */
export function placeOptions({ reads }: Command): Options {
  return Object.fromEntries(Object.entries(PLACE_OPTIONS).filter(([key]) => reads.some(name => name === key)))
}

/** The option of commands whose answer is one thing. */
export const JSON_OPTION = {
  kind: 'flag',
  text: 'Print one line of JSON, for programs',
} as const satisfies Option

/** The option of commands that answer one by one. */
export const JSON_LINES_OPTION = {
  kind: 'flag',
  text: 'Print a line of JSON for each, for programs',
} as const satisfies Option

/** The option of every command that writes attestations. */
export const OUT_OPTION = {
  kind: 'value',
  value: 'DIR',
  fallback: 'attestations',
  text: 'Directory of attestations to add to',
} as const satisfies Option

/**
 * Whether the state directory belongs with the policy in use: both the machine's own, or both
 * named.
 */
export function isUsualSetting({ policy, state, attestations }: Places): boolean {
  return policy === DEFAULT_PLACES.policy && state === DEFAULT_PLACES.state && attestations === undefined
}
