import { addressesOf } from '../formats/nix/fetched-urls.ts'
import { asksItsDevelopers } from '../policy/lists/policy-for.ts'
import type { Input, Output } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { vouchedFor } from './makers.ts'

/** How many addresses of one source count. */
const LIMIT = 256

/**
 * A source with the addresses that its derivations state, as far as the policy asks for its
 * developers by them. As with names (namesOf), an address counts only if a build names the
 * derivation or somebody vouches for it: any other could bring in the address of somebody else's
 * source.
 */
export async function withAddresses<T extends Input>(
  inquiry: Inquiry,
  input: T,
  makers: readonly Output[],
): Promise<T & { readonly urls?: readonly string[] }> {
  if (input.kind !== 'fetched-source') return input
  const { path, kind, derivation } = input
  if (!asksItsDevelopers(await inquiry.policy(), { name: path.name, kind })) return input
  const vouched = (await vouchedFor(inquiry, makers)).map(maker => maker.derivation)
  const derivations = derivation === undefined ? vouched : [derivation, ...vouched]
  const urls = new Set(derivations.flatMap(stored => addressesOf(stored.derivation)))
  return urls.size === 0 ? input : { ...input, urls: [...urls].slice(0, LIMIT) }
}
