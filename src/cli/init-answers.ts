/**
 * The answers to the questions of `nixsig init`: from options, and from whoever sits at the
 * terminal.
 */
import { usualEnd } from '../adopt/exemptions.ts'
import { parseNixPublicKey } from '../formats/nix/nix-key.ts'
import { parseUpstreamAddress } from '../policy/language/upstream-address.ts'
import type { Instant } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'
import { type CacheKey, carryKeys } from '../setup/carry/key.ts'
import type { Answers, NewPrincipal } from '../setup/init/answers.ts'
import { exemptionEnd } from './exemption-end.ts'
import { keysAsToml } from './key-argument.ts'
import { UsageError } from './usage-error.ts'

/** The options that answer. Empty lists and undefined: not answered. */
export interface AnswerOptions {
  readonly build: readonly string[]
  readonly package: readonly string[]
  readonly source: readonly string[]
  readonly 'source-key': readonly string[]
  readonly unsigned: 'refuse' | 'exempt' | 'pass' | 'keep' | undefined
  readonly until: string | undefined
  readonly derivations: 'anybody' | 'packagers' | 'keep' | undefined
}

/** What answers are held against. */
export interface Known {
  /** The keys that nix.conf trusts. */
  readonly keys: readonly CacheKey[]
  /** Whether there is a policy already, of which something can be kept. */
  readonly hasPolicy: boolean
  /** Whether it only warns, and next to nothing could be built if it were enforced. */
  readonly isLacking: boolean
  /** Whether it has a group of packagers. */
  readonly hasPackagers: boolean
  readonly now: Instant
}

/** Answers, as far as they are given. */
export type PartialAnswers = { readonly [Q in keyof Answers]: Answers[Q] | undefined }

/**
 * Reads the options. Throws UsageError for what does not answer, FormatError and FileError for a
 * key.
 */
export function answersIn(options: AnswerOptions, known: Known): PartialAnswers {
  if (options.until !== undefined && options.unsigned !== 'exempt')
    throw new UsageError('--until goes with --unsigned exempt')
  if (options['source-key'].length > 0 && options.source.length === 0)
    throw new UsageError('--source-key goes with --source, where it signs')
  const sourceKeys = options['source-key'].map(parsePrincipal)
  const packagers = options.package.length === 0 ? undefined : packagersOf(options.package)
  return {
    build: options.build.length === 0 ? undefined : buildersOf(options.build, known),
    packagers:
      packagers === undefined && sourceKeys.length === 0 ? undefined : [...(packagers ?? []), ...sourceKeys],
    sources: options.source.length === 0 ? undefined : sourcesOf(options.source),
    unsigned: options.unsigned && unsignedOf(options.unsigned, options.until, known),
    derivations: options.derivations && derivationsOf(options.derivations, known),
  }
}

/** What is taken where nobody answers: as it is, or to begin with what nix.conf trusts. */
export function suggestedAnswers({ keys, hasPolicy, isLacking, now }: Known): Answers {
  return {
    build: hasPolicy ? 'keep' : { keys },
    packagers: [],
    sources: [],
    unsigned: hasPolicy && !isLacking ? 'keep' : { exemptUntil: usualEnd(now) },
    derivations: hasPolicy ? 'keep' : 'anybody',
  }
}

/** The option that answers a question. */
export const OPTION_OF: Readonly<Record<keyof Answers, string>> = {
  build: '--build',
  packagers: '--package',
  sources: '--source',
  unsigned: '--unsigned',
  derivations: '--derivations',
}

/** Words: `nix-conf`, `self`, `keep`, or keys and their names. Throws UsageError. */
export function buildersOf(words: readonly string[], known: Known): Answers['build'] {
  if (words.includes('keep')) {
    assertAlone(words, '--build', 'keep')
    if (!known.hasPolicy) throw nothingToKeep('--build')
    return 'keep'
  }
  if (words.includes('self')) {
    assertAlone(words, '--build', 'self')
    return { keys: [] }
  }
  const keys = new Map<string, CacheKey>()
  for (const word of words) for (const key of keysFor(word, known)) keys.set(key.key, key)
  return { keys: [...keys.values()] }
}

function keysFor(word: string, { keys }: Known): readonly CacheKey[] {
  if (word === 'nix-conf') return keys
  const named = keys.find(({ principal, key }) => principal === word || key.split(':')[0] === word)
  if (named !== undefined) return [named]
  const names = keys.map(({ key }) => key.split(':')[0] ?? '')
  try {
    parseNixPublicKey(word)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new UsageError(
      `--build ${printable(word.replace(/:.*/s, ':…'), 60)} is neither a key (name:…) nor one that nix.conf trusts (${names.length === 0 ? 'none' : printable(names.join(', '), 300)}), nor nix-conf or self`,
    )
  }
  const { listed, left } = carryKeys([word], new Set())
  if (left[0] !== undefined) throw new UsageError(`--build ${left[0].shown}: ${left[0].why}`)
  return listed
}

/** `nobody`, or `NAME=KEY` each. Throws UsageError. */
export function packagersOf(words: readonly string[]): readonly NewPrincipal[] {
  if (!words.includes('nobody')) return words.map(parsePrincipal)
  assertAlone(words, '--package', 'nobody')
  return []
}

/** A name, and a key or the file of one. Throws UsageError, FormatError, FileError. */
function parsePrincipal(text: string): NewPrincipal {
  const [, name, key] = /^([0-9A-Za-z_-]{1,60})=(.+)$/s.exec(text) ?? []
  if (name === undefined || key === undefined)
    throw new UsageError(
      `${printable(text.replace(/:.*/s, ':…'), 60)}: write NAME=KEY, a name in letters, digits, "-" and "_", and a public key or its file`,
    )
  const [keyToml, ...more] = keysAsToml(key)
  if (keyToml === undefined || more.length > 0)
    throw new UsageError(`${printable(key, 200)} has ${more.length + 1} keys: name a file with one`)
  return { name, keyToml }
}

/** `none`, or addresses. Throws UsageError. */
export function sourcesOf(words: readonly string[]): readonly string[] {
  if (words.includes('none')) {
    assertAlone(words, '--source', 'none')
    return []
  }
  const urls = words.map(word => {
    const parsed = /^https?:/.test(word)
      ? parseUpstreamAddress(word)
      : { problem: 'must begin with "https://"' }
    if ('problem' in parsed) throw new UsageError(`--source ${printable(word, 200)} ${parsed.problem}`)
    return parsed.url
  })
  return [...new Set(urls)]
}

/** Throws UsageError for an end that is not a date to come, and where there is nothing to keep. */
export function unsignedOf(
  word: NonNullable<AnswerOptions['unsigned']>,
  until: string | undefined,
  { hasPolicy, now }: Known,
): Answers['unsigned'] {
  if (word === 'keep' && !hasPolicy) throw nothingToKeep('--unsigned')
  if (word !== 'exempt') return word
  return { exemptUntil: exemptionEnd(until, now) }
}

function derivationsOf(
  word: NonNullable<AnswerOptions['derivations']>,
  { hasPolicy }: Known,
): Answers['derivations'] {
  if (word === 'keep' && !hasPolicy) throw nothingToKeep('--derivations')
  return word
}

function assertAlone(words: readonly string[], option: string, word: string): void {
  if (words.length > 1) throw new UsageError(`${option} ${word} stands alone`)
}

function nothingToKeep(option: string): UsageError {
  return new UsageError(`${option} keep: there is no policy yet, of which it could be kept`)
}
