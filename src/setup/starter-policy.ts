/**
 * The policy that a machine begins with: nobody is trusted, untrusted paths are reported, nothing
 * is refused.
 */
import { DEFAULT_GATE } from '../policy/language/gate.ts'
import { type Setting, settingValue, wordsFor } from './nix-conf.ts'

/** The substituters of Nix where nix.conf names none. */
const NIX_DEFAULT = ['https://cache.nixos.org']
const UPSTREAM_LIMIT = 32
const KEY_LIMIT = 32

/** The text of the policy, with the caches and keys that nix.conf names now. */
export function starterPolicy(settings: readonly Setting[], attestations: string): string {
  const { taken, left } = upstreamsIn(settings)
  return `# The trusted list of this machine: who counts, for what, and what each store path needs before it may be used.
# Created by "nixsig setup"; from now on it is yours to edit. After every change: nixsig policy check
version = 1

# "warn": untrusted paths are reported but allowed. When nothing that you use is reported any more: nixsig enforce
mode = "warn"

# Where other people's attestations are looked for. "sources" are addresses at which they publish them.
[attestations]
directories = [${quoted(attestations)}]
# sources = ["https://example.org/alice"]

# The binary caches that the gate asks: those that nix.conf named. None is trusted for being listed here.
[gate]
upstreams = [${taken.map(quoted).join(', ')}]
${left.map(word => `# not taken over, because the gate cannot ask it: ${word}\n`).join('')}
# The people and machines that you trust, each with keys that you got from them. There are none yet.
#
# [principals.alice]
# keys = ["alice-1:<44 characters>"]
#
# [groups.packagers]
# members = ["alice", "bob"]
# threshold = 2
${keysIn(settings)}
# What a path needs if no rule matches it. To begin with, no source is trusted: name a principal
# or a group in place of "refuse". With derivation = "nothing" whoever writes a derivation writes the program: name
# somebody there before others use this machine. "self" is this machine: what it built itself. To take binaries from
# caches, name who may build them for you, such as ["self", "alice"] in a group.
[default]
require.source = "refuse"
require.derivation = "nothing"
require.output = "self"
`
}

/** The caches that the gate can ask, and those that it cannot. */
function upstreamsIn(settings: readonly Setting[]): {
  readonly taken: readonly string[]
  readonly left: readonly string[]
} {
  const taken = new Set<string>()
  const left: string[] = []
  const words = settingValue(settings, 'substituters') ?? [
    ...NIX_DEFAULT,
    ...wordsFor(settings, 'substituters'),
  ]
  for (const word of words) {
    const url = upstreamOf(word)
    if (url === undefined || taken.size >= UPSTREAM_LIMIT) left.push(plain(word))
    else if (!isGate(url)) taken.add(url)
  }
  return { taken: [...taken], left }
}

/**
 * A cache's address as a policy writes it, without the parameters that only Nix understands;
 * undefined if it is not an address that the gate can ask.
 */
function upstreamOf(word: string): string | undefined {
  if (!URL.canParse(word)) return undefined
  const url = new URL(word)
  const isOfUse = ['https:', 'http:', 'file:'].includes(url.protocol) && url.username + url.password === ''
  if (!isOfUse || (url.protocol === 'file:' && url.host !== '')) return undefined
  url.search = ''
  url.hash = ''
  const text = url.href.replace(/\/+$/, '')
  return text.length > 1000 ? undefined : text
}

/** Whether this is the gate's own address, which it must not ask. */
function isGate(url: string): boolean {
  const { hostname, port } = new URL(url)
  return ['127.0.0.1', '[::1]', 'localhost'].includes(hostname) && Number(port) === DEFAULT_GATE.listen.port
}

function keysIn(settings: readonly Setting[]): string {
  const keys = (settingValue(settings, 'trusted-public-keys') ?? []).filter(key =>
    /^[0-9A-Za-z._@+-]{1,100}:[0-9A-Za-z+/]{43}=$/.test(key),
  )
  if (keys.length === 0) return ''
  const lines = keys.slice(0, KEY_LIMIT).map((key, index) => {
    const [name = ''] = key.split(':')
    return `#\n# [principals.cache-${index + 1}]   # ${name}\n# keys = [${quoted(key)}]\n`
  })
  return `#\n# Keys of caches that nix.conf trusted, should you want to go on trusting them as builders:\n${lines.join('')}`
}

/** A TOML string; JSON strings have the same syntax. */
function quoted(text: string): string {
  return JSON.stringify(text)
}

/**
 * A word of nix.conf, made safe for a TOML comment, which has no control characters, in a
 * world-readable file.
 */
function plain(word: string): string {
  const shown = word.replace(/\?.*/s, '').replace(/\/\/[^/]*@/, '//***@')
  return shown.slice(0, 200).replace(/[^\x21-\x7e]/g, '?')
}
