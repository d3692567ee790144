/** What keeps a policy from being enforced at all, whatever is in the store. Pure. */
import type { Policy } from './policy.ts'

/**
 * Why next to nothing could be built by this policy, with what to do; undefined if something could.
 */
export function lackOf(policy: Policy): string | undefined {
  const { principals, groups, lists, rules, fallback, exemptions } = policy
  if (principals.size === 0 && lists.size === 0)
    return 'trusts nobody, so nearly everything would be refused: list whom you trust first ([principals], or nixsig init)'
  const takesSources = [...rules, fallback].some(
    ({ require: { source } }) => source && source.kind !== 'refuse',
  )
  // As setup wrote it, with the keys that nix.conf had.
  const caches = groups.get('caches')?.members ?? []
  const listsOthers = [...principals.keys()].some(name => !caches.includes(name))
  if (takesSources || listsOthers || lists.size > 0 || exemptions.length > 0) return undefined
  return 'lists caches alone and refuses every source: for those it trusts nobody, so nearly everything would be refused: say who vouches for sources first (require.source, or nixsig init)'
}
