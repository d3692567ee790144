/**
 * What nix.conf said and a policy that is there already does not: nobody would heed it any more.
 */
import type { Policy } from '../../policy/policy.ts'
import type { Carried } from './carried.ts'
import { shownWord } from './upstream.ts'

/** One sentence for each, safe to print. */
export function lostBy(
  policy: Pick<Policy, 'gate' | 'http' | 'principals'>,
  carried: Carried,
): readonly string[] {
  const asked = new Set(policy.gate.upstreams.map(({ url }) => url))
  const unasked = carried.upstreams.filter(({ url }) => !asked.has(url))
  return [
    ...unasked.map(
      ({ origin, url }) =>
        `${origin} names ${shownWord(url)} in substituters, and the policy does not ([gate] upstreams): it will not be asked any more`,
    ),
    ...carried.left.map(
      ({ origin, shown, why }) =>
        `${origin} names ${shown} in substituters, which the gate does not ask: ${why}`,
    ),
    ...keysLost(policy, carried),
    ...settingsLost(policy, carried),
  ]
}

function keysLost({ principals }: Pick<Policy, 'principals'>, { keys }: Carried): readonly string[] {
  const listed = new Set(
    [...principals.values()].flatMap(principal =>
      principal.keys.flatMap(key =>
        key.kind === 'ed25519' ? [Buffer.from(key.publicKey).toString('base64')] : [],
      ),
    ),
  )
  const lost = keys.filter(({ key }) => !listed.has(key.slice(key.indexOf(':') + 1)))
  if (lost.length === 0) return []
  const names = lost.map(({ key }) => key.slice(0, key.indexOf(':'))).join(', ')
  return [`of trusted-public-keys, the policy does not list ${names}: what only they signed is not trusted`]
}

function settingsLost({ gate, http }: Pick<Policy, 'gate' | 'http'>, carried: Carried): readonly string[] {
  const lost: string[] = []
  const say = (what: string, field: string) =>
    lost.push(`Nix reached caches with ${what}, and the policy does not name it (${field})`)
  if (carried.netrcFile !== undefined && gate.netrcFile === undefined)
    say(`the passwords in ${carried.netrcFile}`, '[gate] netrc-file')
  if (carried.http.proxy !== undefined && http.proxy === undefined)
    say(`the proxy ${carried.http.proxy}`, '[http] proxy')
  if (carried.http.certificates !== undefined && http.certificates === undefined)
    say(`the certificates in ${carried.http.certificates}`, '[http] certificates')
  return lost
}
