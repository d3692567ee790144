/** How Nix reaches other machines: proxies and certificates, for the policy's `[http]`. Pure. */
import { problemWith, quoted } from './fits.ts'
import { basic, decoded, shownWord } from './upstream.ts'

/** Variables by which curl, and so Nix, is told of these. */
export const HTTP_VARIABLES = [
  'http_proxy',
  'https_proxy',
  'HTTPS_PROXY',
  'all_proxy',
  'ALL_PROXY',
  'no_proxy',
  'NO_PROXY',
  'NIX_SSL_CERT_FILE',
  'SSL_CERT_FILE',
] as const

/** Variables by which Nix reaches stores of other kinds, which the gate does not have. */
export const OTHER_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONFIG_FILE',
  'NIX_SSHOPTS',
] as const

/** What was found in the environment of Nix, each value with where it stands. */
export type HttpEnvironment = Readonly<
  Partial<
    Record<
      (typeof HTTP_VARIABLES | typeof OTHER_VARIABLES)[number],
      { readonly value: string; readonly origin: string }
    >
  >
>

/** What becomes of it. Sentences are whole, and show no secret. */
export interface CarriedHttp {
  readonly proxy?: string
  /** The value of the Proxy-Authorization header. Secret. */
  readonly authorization?: string
  readonly noProxy: readonly string[]
  readonly certificates?: string
  readonly notes: readonly string[]
  readonly obstacles: readonly string[]
}

/** The certificates that nixsig uses by itself, where distributions and Nix keep them. */
const USUAL: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/ssl/certs/ca-bundle.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt',
]
const NO_PROXY_LIMIT = 100

/** A setting `ssl-cert-file` of nix.conf, with where it stands. */
export type CertificateFile = { readonly value: string; readonly origin: string } | undefined

/**
 * What the policy is to say. `fileProblem` says why a file cannot be relied on; undefined: it can.
 */
export function carryHttp(
  environment: HttpEnvironment,
  setting: CertificateFile,
  fileProblem: (file: string) => string | undefined,
): CarriedHttp {
  const notes: string[] = []
  const obstacles: string[] = []
  const proxy = carryProxy(environment, notes, obstacles)
  const certificates = carryCertificates(environment, setting, { notes, obstacles, fileProblem })
  return {
    ...proxy,
    ...(certificates === undefined ? {} : { certificates }),
    notes,
    obstacles,
  }
}

/** Sentences about what the gate will lack to ask upstreams of these kinds (`s3`, `ssh`). */
export function missingFor(environment: HttpEnvironment, kinds: ReadonlySet<string>): readonly string[] {
  return OTHER_VARIABLES.flatMap(name => {
    const found = environment[name]
    const isSsh = name === 'NIX_SSHOPTS'
    if (found === undefined || !kinds.has(isSsh ? 'ssh' : 's3')) return []
    const instead = isSsh
      ? "~/.ssh/config of root's"
      : "~/.aws/credentials and ~/.aws/config of root's, with the profile in the address"
    return [
      `${found.origin} is not seen by the gate, which is a process of its own: say the same in ${instead}`,
    ]
  })
}

function carryProxy(
  environment: HttpEnvironment,
  notes: string[],
  obstacles: string[],
): Pick<CarriedHttp, 'proxy' | 'authorization' | 'noProxy'> {
  const { no_proxy: small, NO_PROXY: big } = environment
  // curl prefers small letters, and heeds HTTP_PROXY in no others.
  const secure = environment.https_proxy ?? environment.HTTPS_PROXY
  const all = environment.all_proxy ?? environment.ALL_PROXY
  const found = [secure ?? all, environment.http_proxy ?? all].filter(
    one => one !== undefined && one.value !== '',
  )
  const [first, second] = found
  if (first === undefined || (small ?? big)?.value.trim() === '*') return { noProxy: [] }
  if (second !== undefined && second.value !== first.value)
    notes.push(
      `${second.origin} names another proxy for http:// than for https://: the policy can have one, and gets ${shownWord(first.value)}`,
    )
  const url = proxyUrl(first.value)
  if (url === undefined) {
    obstacles.push(
      `${first.origin} names the proxy ${shownWord(first.value)}, and nixsig can only use a proxy that is asked over http://: name such a one there, or take it out`,
    )
    return { noProxy: [] }
  }
  const { username, password } = url
  Object.assign(url, { username: '', password: '' })
  const hasUser = username !== '' || password !== ''
  return {
    proxy: url.href.replace(/\/+$/, ''),
    ...(hasUser ? { authorization: basic(decoded(username), decoded(password)) } : {}),
    noProxy: hostsIn(small ?? big, notes),
  }
}

/**
 * A proxy's address, as the policy can have it but for its user; curl takes one without a scheme.
 */
function proxyUrl(text: string): URL | undefined {
  const whole = text.includes('://') ? text : `http://${text}`
  if (!URL.canParse(whole)) return undefined
  const url = new URL(whole)
  url.pathname = ''
  url.search = ''
  url.hash = ''
  const plain = new URL(url)
  Object.assign(plain, { username: '', password: '' })
  const problem = problemWith(`[http]\nproxy = ${quoted(plain.href.replace(/\/+$/, ''))}\n`)
  return problem === undefined ? url : undefined
}

/** The hosts of `no_proxy`: words between commas or spaces, each with all names below it. */
function hostsIn(found: HttpEnvironment['no_proxy'], notes: string[]): readonly string[] {
  if (found === undefined) return []
  const hosts = new Set<string>()
  for (const word of found.value.split(/[\s,]+/).filter(part => part !== '')) {
    const host = hostOf(word)
    if (host !== undefined && hosts.size < NO_PROXY_LIMIT) hosts.add(host)
    else
      notes.push(
        `${found.origin} names ${shownWord(word)} among the hosts without a proxy, which the policy cannot say: [http] no-proxy takes names and addresses of hosts, at most ${NO_PROXY_LIMIT}`,
      )
  }
  return [...hosts]
}

function hostOf(word: string): string | undefined {
  const text = word.replace(/^\*?\.(?=.)/, '')
  const bare = /^[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text) ? `[${text}]` : text
  if (/[/?#@\\*]/.test(bare) || !URL.canParse(`http://${bare}`)) return undefined
  const { hostname } = new URL(`http://${bare}`)
  return problemWith(`[http]\nno-proxy = [${quoted(hostname)}]\n`) === undefined ? hostname : undefined
}

function carryCertificates(
  environment: HttpEnvironment,
  setting: CertificateFile,
  {
    notes,
    obstacles,
    fileProblem,
  }: {
    readonly notes: string[]
    readonly obstacles: string[]
    readonly fileProblem: (file: string) => string | undefined
  },
): string | undefined {
  const found = setting ?? environment.NIX_SSL_CERT_FILE ?? environment.SSL_CERT_FILE
  if (found === undefined || found.value === '' || USUAL.includes(found.value)) return undefined
  const { value, origin } = found
  if (!/^\/[\x21-\x7e]{1,1000}$/.test(value)) {
    notes.push(
      `${origin} names a file of certificates by a path that the policy cannot have: see [http] certificates`,
    )
    return undefined
  }
  // Nix's installer names the file that came with Nix, which is the usual one.
  if (/^\/nix\/store\/[^/]+-nss-cacert-[^/]+\/etc\/ssl\/certs\/ca-bundle\.crt$/.test(value)) return undefined
  const problem = fileProblem(value)
  if (problem === undefined) return value
  obstacles.push(`${origin} names certificates that nixsig cannot rely on: ${problem}`)
  return undefined
}
