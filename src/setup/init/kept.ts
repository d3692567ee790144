import type { Policy } from '../../policy/policy.ts'
import { toHex } from '../../primitives/hex.ts'
import { REASON } from './sections.ts'

/** What init never changes. */
const PARTS = ['mode', 'nix', 'gate', 'http', 'store', 'inputs', 'rules', 'revocations', 'quorums'] as const

/**
 * The parts of a policy that a refined one no longer has as they were, although init did not ask
 * about them; by the policies' meaning, whatever their texts are.
 */
export function lostParts(before: Policy, after: Policy): readonly string[] {
  const changed = PARTS.filter(part => meaning(before[part]) !== meaning(after[part]))
  const people = [...before.principals].some(
    ([name, principal]) => meaning(principal) !== meaning(after.principals.get(name)),
  )
  const exemptions = new Set(after.exemptions.map(meaning))
  const isExempt = before.exemptions
    .filter(({ reason }) => !reason.startsWith(`${REASON} `))
    .every(exemption => exemptions.has(meaning(exemption)))
  const directories = before.attestations.every(directory => after.attestations.includes(directory))
  const known = new Set(after.sources.map(meaning))
  const sources = before.sources.every(source => known.has(meaning(source)))
  return [
    ...changed,
    ...(people ? ['principals'] : []),
    ...(isExempt ? [] : ['exemptions']),
    ...(directories && sources ? [] : ['attestations']),
  ]
}

/** Where something stands in the file does not matter. */
function meaning(value: unknown): string {
  return (
    JSON.stringify(value, (name, part: unknown) => {
      if (name === 'line') return undefined
      if (part instanceof Uint8Array) return toHex(part)
      return part instanceof Map ? [...part] : part
    }) ?? ''
  )
}
