/** One word of Nix's `substituters`, as an upstream of the policy. Pure. */
import { normalize } from 'node:path'
import { LOCAL_PARAMETERS, PARAMETERS } from '../../policy/language/upstream-address.ts'
import { problemWith } from './fits.ts'
import { basic, decoded, type Upstream, upstreamToml } from './upstream.ts'

/** What becomes of a word. Sentences have no end, and show neither the word nor a secret. */
export type Outcome =
  | { readonly kind: 'upstream'; readonly upstream: Upstream; readonly notes: readonly string[] }
  /** Nothing is lost by leaving it out. */
  | { readonly kind: 'left-out'; readonly why: string }
  /** Nix could ask it, and the gate cannot. */
  | { readonly kind: 'impossible'; readonly why: string }

/** Parameters that say how Nix writes to a store, or what it keeps of it in memory. */
const WITHOUT_EFFECT: readonly string[] = [
  'buffer-size',
  'compression',
  'compression-level',
  'index-debug-info',
  'local-nar-cache',
  'log-compression',
  'ls-compression',
  'max-connections',
  'max-connection-age',
  'multipart-chunk-size',
  'multipart-threshold',
  'multipart-upload',
  'narinfo-compression',
  'parallel-compression',
  'path-info-cache-size',
  'read-only',
  'require-sigs',
  'secret-key',
  'secret-keys',
  'storage-class',
  'system-features',
  'write-debug-info',
  'write-nar-listing',
]

const OWN_STORE =
  "is this machine's own store, which Nix does not have to ask as a cache, so it is left out of the policy"

interface Parameter {
  readonly name: string
  /** As it is written. */
  readonly value: string
}

/** What becomes of a word. `word` is UTF-8 text without white space. */
export function carrySubstituter(word: string): Outcome {
  if (word.length > 4096) return { kind: 'impossible', why: 'it is longer than 4096 characters' }
  if (/^(?:auto|daemon|local|local:\/\/\/?|unix:\/\/)$/.test(word))
    return { kind: 'left-out', why: OWN_STORE }
  const [, base = '', query = ''] = /^([^?]*)(?:\?(.*))?$/s.exec(word) ?? []
  const parameters = query.split('&').flatMap(parameterOf)
  if (/^(?:https?|file):/i.test(base)) return carryCache(word, parameters)
  if (/^(?:s3|ssh|ssh-ng):\/\//.test(base)) return carryRemote(base, parameters)
  if (/^(?:\/|local(?:$|:\/\/\/))/.test(base))
    return carryLocal(base.replace(/^local(?::\/\/)?/, ''), parameters)
  if (/^dummy:\/\//.test(base)) return { kind: 'left-out', why: 'is a store that has nothing' }
  const scheme = /^([a-z][a-z0-9+.-]{0,30}):\/\//.exec(base)?.[1]
  if (scheme !== undefined)
    return { kind: 'impossible', why: `it cannot ask a store of the kind ${scheme}://` }
  return { kind: 'impossible', why: 'it is neither the address of a store nor an absolute path' }
}

function parameterOf(text: string): readonly Parameter[] {
  if (text === '') return []
  const at = text.indexOf('=')
  return [at < 0 ? { name: text, value: '' } : { name: text.slice(0, at), value: text.slice(at + 1) }]
}

/** Binary caches over HTTP, and in a directory. */
function carryCache(word: string, parameters: readonly Parameter[]): Outcome {
  if (!URL.canParse(word)) return { kind: 'impossible', why: 'its address is malformed' }
  const url = new URL(word)
  const { username, password } = url
  const hasUser = username !== '' || password !== ''
  // A password with "?" or "/" in it makes these something else than they look.
  if (!hasUser && url.pathname.includes('@'))
    return { kind: 'impossible', why: 'there is an "@" after its host: write "%40" where it is meant so' }
  Object.assign(url, { username: '', password: '', search: '', hash: '' })
  const isWeb = url.protocol !== 'file:'
  return finish(
    {
      url: url.href.replace(/\/+$/, ''),
      ...(hasUser ? { authorization: basic(decoded(username), decoded(password)) } : {}),
      ...(isWeb ? clientIn(parameters) : {}),
    },
    parameters,
    isWeb ? ['tls-certificate', 'tls-private-key'] : [],
  )
}

function clientIn(parameters: readonly Parameter[]): Pick<Upstream, 'client'> {
  const file = (name: string) => decoded(parameters.find(one => one.name === name)?.value ?? '')
  const [certificate, key] = [file('tls-certificate'), file('tls-private-key')]
  return certificate === '' && key === '' ? {} : { client: { certificate, key } }
}

function carryRemote(base: string, parameters: readonly Parameter[]): Outcome {
  const scheme = base.slice(0, base.indexOf(':') + 1) as keyof typeof PARAMETERS
  const known = Object.keys(PARAMETERS[scheme])
  const kept = parameters.filter(({ name }) => known.includes(name))
  const url = base.replace(/\/+$/, '') + queryOf(kept)
  return finish({ url }, parameters, known)
}

function carryLocal(path: string, parameters: readonly Parameter[]): Outcome {
  const kept = parameters.filter(({ name }) => Object.hasOwn(LOCAL_PARAMETERS, name))
  const root = path === '' ? kept.find(({ name }) => name === 'root')?.value : path
  const rest = kept.filter(({ name }) => name !== 'root')
  const plain = root?.startsWith('/') ? normalize(root).replace(/(?<=.)\/+$/, '') : root
  if (plain === '/' && rest.length === 0) return { kind: 'left-out', why: OWN_STORE }
  if (plain === undefined && rest.length === 0) return { kind: 'left-out', why: OWN_STORE }
  const named = plain === undefined ? [] : [{ name: 'root', value: plain }]
  const isPlain = path !== '' && rest.length === 0
  return finish(
    { url: isPlain && plain ? plain : `local${queryOf([...named, ...rest])}` },
    parameters,
    Object.keys(LOCAL_PARAMETERS),
  )
}

function queryOf(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return ''
  return `?${parameters.map(({ name, value }) => `${name}=${value}`).join('&')}`
}

/**
 * Deals with what all stores may be told, and asks the policy language whether it takes the rest.
 */
function finish(upstream: Upstream, parameters: readonly Parameter[], known: readonly string[]): Outcome {
  const notes: string[] = []
  let priority: number | undefined
  for (const { name, value } of parameters) {
    if (known.includes(name) || WITHOUT_EFFECT.includes(name)) continue
    if (name === 'store' && decoded(value) !== '/nix/store')
      return { kind: 'impossible', why: 'its paths are not in /nix/store' }
    if (name === 'priority') priority = priorityOf(value)
    if (name === 'trusted' && isTrue(value))
      notes.push('has "trusted", which means nothing to nixsig: list the key that signs what is there')
    if (name === 'want-mass-query' && !isTrue(value))
      notes.push('is asked about every path, although "want-mass-query" is false')
    if (!['store', 'priority', 'trusted', 'want-mass-query'].includes(name))
      notes.push(
        `has the parameter ${shownName(name)}, which is not carried over: the gate has none of that name`,
      )
  }
  const problem = problemOf(upstream)
  if (problem !== undefined) return { kind: 'impossible', why: `its entry in the policy ${problem}` }
  return {
    kind: 'upstream',
    upstream: { ...upstream, ...(priority === undefined ? {} : { priority }) },
    notes,
  }
}

/**
 * The nearest priority that a policy can have; undefined for what Nix does not take for a number.
 */
function priorityOf(value: string): number | undefined {
  return /^-?[0-9]{1,10}$/.test(value) ? Math.min(Math.max(Number(value), 1), 1_000_000) : undefined
}

function isTrue(value: string): boolean {
  return ['true', 'yes', '1'].includes(value)
}

function shownName(name: string): string {
  return /^[a-z][a-z0-9-]{0,40}$/.test(name) ? name : 'with a strange name'
}

/** Why a policy cannot have this upstream. */
function problemOf(upstream: Upstream): string | undefined {
  if (/[^\x21-\x7e]/.test(upstream.url)) return 'must be in ASCII'
  const file = upstream.authorization === undefined ? undefined : 'secrets/file'
  return problemWith(`[gate]\nupstreams = [${upstreamToml(upstream, file)}]\n`)
}
