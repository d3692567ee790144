import { addressesOf } from '../formats/nix/fetched-urls.ts'
import { requirementFor, ruleFor } from '../policy/match.ts'
import { ITS_DEVELOPERS } from '../policy/policy.ts'
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
  const policy = await inquiry.policy()
  if (policy.lists.size === 0 && policy.developers.length === 0) return input
  const { path, kind, derivation } = input
  const requirement = requirementFor(ruleFor(policy, { name: path.name, kind }), kind)
  const isAsked = requirement.kind === 'all' && requirement.demands.some(({ who }) => who === ITS_DEVELOPERS)
  if (!isAsked) return input
  const vouched = (await vouchedFor(inquiry, makers)).map(maker => maker.derivation)
  const derivations = derivation === undefined ? vouched : [derivation, ...vouched]
  const urls = new Set(derivations.flatMap(stored => addressesOf(stored.derivation)))
  return urls.size === 0 ? input : { ...input, urls: [...urls].slice(0, LIMIT) }
}
