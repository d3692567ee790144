/**
 * The policy that a machine begins with. It names the caches and keys by which Nix went until
 * today, reports what is not trusted, and refuses nothing.
 */
import type { Carried } from './carry/carried.ts'
import { quoted } from './carry/fits.ts'
import { upstreamToml } from './carry/upstream.ts'

/** The text of the policy, with what nix.conf named until now. */
export function starterPolicy(carried: Carried, attestations: string): string {
  return `# The trusted list of this machine: who counts, for what, and what each store path needs before it may be used.
# Created by "nixsig setup"; from now on it is yours to edit. After every change: nixsig policy check
version = 1

# "warn": untrusted paths are reported but allowed. When nothing that you use is reported any more: nixsig enforce
mode = "warn"

# Where other people's attestations are looked for. "sources" are addresses at which they publish them.
[attestations]
directories = [${quoted(attestations)}]
# sources = ["https://example.org/alice"]

${gateSection(carried)}
${httpSection(carried)}${principalsSection(carried)}
# The people and machines that you trust, each with keys that you got from them.
#
# [principals.alice]
# keys = ["alice-1:<44 characters>"]
#
# [groups.packagers]
# members = ["alice", "bob"]
# threshold = 2

${defaultSection(carried)}`
}

/** `[gate]`, with the caches that nix.conf named. */
export function gateSection({ upstreams, left, onDemand, netrcFile }: Carried): string {
  const listed = upstreams.map(upstream => upstreamToml(upstream, upstream.secret?.file))
  const inOneLine = listed.join(', ')
  const list = inOneLine.length > 100 ? `\n${listed.map(one => `  ${one},\n`).join('')}` : inOneLine
  return `# The binary caches that the gate asks: those that nix.conf named. None is trusted for being listed here.
[gate]
upstreams = [${list}]
${netrcFile === undefined ? '' : `netrc-file = ${quoted(netrcFile)}\n`}${left
  .map(({ shown, why }) => `# not taken over: ${shown} (${why})\n`)
  .join('')}${
  onDemand.length === 0
    ? ''
    : `# Users could also have had these asked (trusted-substituters). Nobody can any more; move up what is to be asked for all:\n`
}${onDemand.map(upstream => `# ${upstreamToml(upstream, undefined)},\n`).join('')}`
}

/** `[http]`, as Nix was told; empty where it was told nothing. */
export function httpSection({ http }: Carried): string {
  const { proxy, secret, noProxy, certificates } = http
  if (proxy === undefined && certificates === undefined) return ''
  const lines = [
    ...(proxy === undefined ? [] : [`proxy = ${quoted(proxy)}`]),
    ...(secret === undefined ? [] : [`proxy-authorization = ${quoted(secret.file)}`]),
    ...(proxy === undefined || noProxy.length === 0
      ? []
      : [`no-proxy = [${noProxy.map(quoted).join(', ')}]`]),
    ...(certificates === undefined ? [] : [`certificates = ${quoted(certificates)}`]),
  ]
  return `# How other machines are reached: as Nix was told to. The environment of Nix has no influence on nixsig.
[http]
${lines.join('\n')}

`
}

function principalsSection(carried: Carried): string {
  const { keys } = carried
  const left = leftSection(carried)
  const listed = keys.map(({ principal, key }) => `[principals.${principal}]\nkeys = [${quoted(key)}]\n`)
  const groups = `${cachesSection(keys.map(({ principal }) => principal))}\n${MAKERS_SECTION}`
  return [
    ...(keys.length === 0
      ? []
      : [
          `# The keys that nix.conf trusted until today (trusted-public-keys).\n${listed.join('\n')}\n${groups}`,
        ]),
    ...(left === '' ? [] : [left]),
  ].join('\n')
}

/** The group of caches: one signature is enough. */
export function cachesSection(names: readonly string[]): string {
  return `# Whoever of them signed an output counts as its builder: one is enough, as it was for Nix.
[groups.caches]
members = [${names.map(quoted).join(', ')}]
threshold = 1
`
}

/** The group of builders that a default may name where caches are trusted. */
export const MAKERS_SECTION = `# Who may have built what this machine uses: itself, or one of these caches.
[groups.makers]
members = ["self", "caches"]
threshold = 1
`

/** Comments about keys that do not become principals; empty if all do. */
export function leftSection({ leftKeys, userKeys }: Pick<Carried, 'leftKeys' | 'userKeys'>): string {
  const left = leftKeys.map(
    ({ shown, why }) => `# not taken over from trusted-public-keys: ${shown} (${why})\n`,
  )
  const users = userKeys.map(
    ({ principal, key, user }) => `# [principals.${principal}]   # ${user}\n# keys = [${quoted(key)}]\n`,
  )
  return [
    ...(left.length === 0 ? [] : [left.join('')]),
    ...(users.length === 0
      ? []
      : [
          `# Keys that single users trusted, in a nix.conf of their own. Whether all are to trust them is yours to say.\n${users.join('#\n')}`,
        ]),
  ].join('\n')
}

function defaultSection({ keys }: Carried): string {
  const hasCaches = keys.length > 0
  const builders = hasCaches
    ? `# Outputs may come from this machine or from a cache whose key stands above.`
    : `# "self" is this machine: what it built itself. To take binaries
# from caches, name who may build them for you, such as ["self", "alice"] in a group.`
  const unknown = hasCaches
    ? `# Caches bring outputs without the derivations that made them. With plain Nix the signature was enough, and it is
# here. With false, somebody also has to vouch for the derivation and its sources, and it has to be in this store.
accept-unknown-derivation = true
`
    : ''
  return `# What a path needs if no rule matches it. To begin with, no source is trusted: name a principal
# or a group in place of "refuse". With derivation = "nothing" whoever writes a derivation writes the program: name
# somebody there before others use this machine.
${builders}
[default]
require.source = "refuse"
require.derivation = "nothing"
require.output = "${hasCaches ? 'makers' : 'self'}"
${unknown}`
}
