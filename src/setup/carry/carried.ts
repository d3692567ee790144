/**
 * What nix.conf and the environment of Nix said until now, in the words of a first policy. Pure.
 */
import type { Listen } from '../../policy/gate-settings.ts'
import { printable } from '../../primitives/printable.ts'
import { type Setting, settingValue } from '../nix-conf.ts'
import { type CarriedHttp, carryHttp, type HttpEnvironment, missingFor } from './http.ts'
import { type CacheKey, carryKeys, type LeftKey } from './key.ts'
import { SECRETS } from './secrets.ts'
import { carrySubstituter } from './substituter.ts'
import { type Secret, shownWord, type Upstream } from './upstream.ts'

/** What is there to be carried over. */
export interface Sources {
  /** Of nix.conf and what it includes, in order. */
  readonly settings: readonly Setting[]
  readonly environment: HttpEnvironment
  /** Raw keys, in base 64, by which this machine itself signs. */
  readonly ownKeys: ReadonlySet<string>
  /** Keys that trusted users added for themselves, in their own nix.conf. */
  readonly userKeys: readonly { readonly user: string; readonly word: string }[]
  /** Where the gate listens, so that it is not told to ask itself. */
  readonly listen: Listen
  /** The file that Nix takes for its netrc-file unless it is told another. */
  readonly usualNetrc: string
  readonly files: FileFacts
}

/** What is known of files that the policy is to name. */
export interface FileFacts {
  isThere(file: string): boolean
  /** Why nixsig cannot rely on a file, with what to do; undefined if it can. Safe to print. */
  problem(file: string, kind: 'public' | 'secret'): string | undefined
}

/** An upstream with where it was found. */
export interface CarriedUpstream extends Upstream {
  /** A file and line; safe to print. */
  readonly origin: string
  /** The file with its Authorization header, relative to the policy's directory. */
  readonly secret?: Secret
}

/** A word that is not carried over. */
export interface LeftWord {
  readonly origin: string
  /** Safe to print. */
  readonly shown: string
  /** A sentence without an end, about the word. */
  readonly why: string
}

/** What was carried over, and what was not. Sentences are safe to print, and show no secret. */
export interface Carried {
  readonly upstreams: readonly CarriedUpstream[]
  /** Of `trusted-substituters`: users could have these asked. */
  readonly onDemand: readonly Upstream[]
  readonly left: readonly LeftWord[]
  readonly netrcFile: string | undefined
  readonly http: CarriedHttp & { readonly secret?: Secret }
  readonly keys: readonly CacheKey[]
  readonly leftKeys: readonly LeftKey[]
  /** Keys of single users. */
  readonly userKeys: readonly (CacheKey & { readonly user: string })[]
  readonly notes: readonly string[]
  /** What a first policy could not say: to be put right before there is one. */
  readonly obstacles: readonly string[]
}

/** The substituters and keys of Nix where nix.conf names none. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  substituters: ['https://cache.nixos.org'],
  'trusted-public-keys': ['cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY='],
}
const UPSTREAM_LIMIT = 32
const WAY_OUT = 'take it out there, or write a policy without it first (docs/policy.md)'

/** Carries over what these sources say. */
export function carryOver(sources: Sources): Carried {
  const taken = takeUpstreams(sources)
  const { listed, left: leftKeys } = carryKeys(
    wordsOf(sources.settings, 'trusted-public-keys').map(({ word }) => word),
    sources.ownKeys,
  )
  const netrc = netrcOf(sources)
  const http = carryHttp(sources.environment, certificateSetting(sources.settings), file =>
    sources.files.problem(file, 'public'),
  )
  const kinds = new Set(taken.upstreams.map(({ url }) => url.replace(/(?:-ng)?:.*/s, '')))
  const missing = missingFor(sources.environment, kinds)
  const secret = http.authorization && { file: `${SECRETS}/proxy`, value: http.authorization }
  return {
    ...taken,
    onDemand: onDemandIn(sources, taken.upstreams),
    netrcFile: netrc.file,
    http: { ...http, ...(secret ? { secret } : {}) },
    keys: listed,
    leftKeys,
    userKeys: userKeysOf(sources, listed),
    notes: [...taken.notes, ...netrc.notes, ...http.notes, ...missing, ...leftKeys.map(keyNote)],
    obstacles: [...taken.obstacles, ...netrc.obstacles, ...http.obstacles],
  }
}

/** The secrets that are to lie in files. */
export function secretsOf({ upstreams, http }: Carried): readonly Secret[] {
  return [...upstreams, http].flatMap(({ secret }) => (secret === undefined ? [] : [secret]))
}

function keyNote({ shown, why }: LeftKey): string {
  return `of trusted-public-keys, ${shown} does not become a principal of the policy: ${why}`
}

/** A word of a setting in force, as UTF-8, with where it stands. */
interface PlacedWord {
  readonly word: string
  readonly origin: string
}

/** The words of a list setting in force, or of Nix's default and what was added to it. */
function wordsOf(settings: readonly Setting[], name: string): readonly PlacedWord[] {
  const lines = settings.filter(setting => setting.name === name)
  const last = lines.findLastIndex(({ isExtra }) => !isExtra)
  const usual = last < 0 ? (USUAL[name] ?? []).map(word => ({ word, origin: "Nix's default" })) : []
  const own = lines.slice(Math.max(last, 0)).flatMap(({ words, file, line }) =>
    words.map(word => ({
      word: Buffer.from(word, 'latin1').toString('utf8'),
      origin: `${printable(file)}:${line}`,
    })),
  )
  return [...usual, ...own]
}

type Taken = Pick<Carried, 'upstreams' | 'left' | 'notes' | 'obstacles'>

function takeUpstreams(sources: Sources): Taken {
  const upstreams = new Map<string, CarriedUpstream>()
  const left: LeftWord[] = []
  const notes: string[] = []
  const obstacles: string[] = []
  for (const { word, origin } of wordsOf(sources.settings, 'substituters')) {
    const shown = shownWord(word)
    const said = `${origin} names ${shown} in substituters`
    const outcome = outcomeOf(word, sources, upstreams)
    if (outcome.kind === 'upstream') {
      const { upstream } = outcome
      const secret = secretOf(upstream, upstreams)
      const before = upstreams.get(upstream.url)
      upstreams.set(upstream.url, { ...upstream, origin, ...(secret ? { secret } : {}), ...before })
      notes.push(...outcome.notes.map(note => `${said}, which ${note}`))
      continue
    }
    left.push({ origin, shown, why: outcome.why })
    if (outcome.kind === 'left-out') notes.push(`${said}: that ${outcome.why}`)
    else obstacles.push(`${said}, which the gate cannot ask: ${outcome.why}; ${WAY_OUT}`)
  }
  return { upstreams: [...upstreams.values()], left, notes, obstacles }
}

function outcomeOf(word: string, { listen, files }: Sources, known: ReadonlyMap<string, unknown>) {
  const outcome = carrySubstituter(word)
  if (outcome.kind !== 'upstream') return outcome
  const { url, client } = outcome.upstream
  if (isGate(url, listen)) return { kind: 'left-out', why: 'is where the gate itself listens' } as const
  if (!known.has(url) && known.size >= UPSTREAM_LIMIT) {
    return { kind: 'impossible', why: `a policy can have ${UPSTREAM_LIMIT} upstreams` } as const
  }
  const problem =
    client && (files.problem(client.certificate, 'public') ?? files.problem(client.key, 'secret'))
  return problem === undefined ? outcome : ({ kind: 'impossible', why: problem } as const)
}

/** Whether this is the gate's own address, which it must not ask. */
function isGate(url: string, listen: Listen): boolean {
  if (!/^http:/.test(url)) return false
  const { hostname, port } = new URL(url)
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return ['127.0.0.1', '[::1]', 'localhost', host].includes(hostname) && Number(port || 80) === listen.port
}

/** The file for an upstream's Authorization header, by the name of its host. */
function secretOf(
  { url, authorization }: Upstream,
  known: ReadonlyMap<string, CarriedUpstream>,
): Secret | undefined {
  if (authorization === undefined) return undefined
  const host = new URL(url).hostname.replace(/[^0-9a-z.-]/g, '').replace(/^[.-]+/, '') || 'host'
  const taken = new Set([...known.values()].map(({ secret }) => secret?.file))
  let file = `${SECRETS}/${host.slice(0, 100)}`
  for (let count = 2; taken.has(file); count++) file = `${SECRETS}/${host.slice(0, 100)}-${count}`
  return { file, value: authorization }
}

/** Addresses that users could have had asked; those with secrets are not shown to all. */
function onDemandIn(sources: Sources, upstreams: readonly CarriedUpstream[]): readonly Upstream[] {
  const known = new Set(upstreams.map(({ url }) => url))
  return wordsOf(sources.settings, 'trusted-substituters').flatMap(({ word }) => {
    const outcome = carrySubstituter(word)
    if (outcome.kind !== 'upstream' || known.has(outcome.upstream.url)) return []
    known.add(outcome.upstream.url)
    const { url, priority } = outcome.upstream
    return [priority === undefined ? { url } : { url, priority }]
  })
}

function netrcOf({ settings, usualNetrc, files }: Sources): {
  readonly file: string | undefined
  readonly notes: readonly string[]
  readonly obstacles: readonly string[]
} {
  const setting = settings.filter(({ name }) => name === 'netrc-file').at(-1)
  const file = setting === undefined ? usualNetrc : settingText(setting)
  const said =
    setting === undefined
      ? `Nix takes names and passwords from ${printable(file)}`
      : `${printable(setting.file)}:${setting.line} names ${printable(file)} as netrc-file`
  if (file === '' || !files.isThere(file)) {
    const notes =
      setting === undefined || file === ''
        ? []
        : [`${said}, and there is no such file: it is left out of the policy`]
    return { file: undefined, notes, obstacles: [] }
  }
  const problem = files.problem(file, 'public')
  if (problem === undefined) return { file, notes: [], obstacles: [] }
  return { file: undefined, notes: [], obstacles: [`${said}, which the gate cannot rely on: ${problem}`] }
}

function certificateSetting(settings: readonly Setting[]) {
  const setting = settings.filter(({ name }) => name === 'ssl-cert-file').at(-1)
  return setting && { value: settingText(setting), origin: `${printable(setting.file)}:${setting.line}` }
}

/** The value of a setting that is not a list. */
export function settingText({ words }: Pick<Setting, 'words'>): string {
  return Buffer.from(words.join(' '), 'latin1').toString('utf8')
}

function userKeysOf({ userKeys, ownKeys }: Sources, listed: readonly CacheKey[]): Carried['userKeys'] {
  const known = new Set(listed.map(({ key }) => key))
  return userKeys.flatMap(({ user, word }) => {
    if (known.has(word)) return []
    known.add(word)
    return carryKeys([word], ownKeys).listed.map(key => ({ ...key, user }))
  })
}

/** Whether nix.conf lets Nix take what nobody signed. */
export function takesUnsigned(settings: readonly Setting[]): boolean {
  return ['false', 'no', '0'].includes(settingValue(settings, 'require-sigs')?.join(' ') ?? '')
}
