import { toHex } from '../primitives/hex.ts'
import { sha256 } from '../primitives/sodium.ts'
import { isHeard } from './lists/policy-for.ts'
import type { Policy } from './policy.ts'

/** The part of a policy by which expressions are judged. */
export type ExpressionPolicy = Pick<
  Policy,
  'principals' | 'groups' | 'inputs' | 'revocations' | 'certificates' | 'lists'
>

/**
 * SHA-256, lower-case hex, of everything in a policy that a verdict on expressions can depend on:
 * people with their keys and certificates, groups, `[[inputs]]`, revocations, and the lists that
 * may speak about expressions with what they say. Rules and exemptions for store paths have no part
 * in it. `certificate`: the bytes of a certificate file.
 */
export function expressionTrust(policy: ExpressionPolicy, certificate: (path: string) => Uint8Array): string {
  const { principals, groups, inputs, revocations, certificates, lists } = policy
  const files = certificates.map(path => [path, toHex(sha256(certificate(path)))])
  const parts = {
    people: [...principals],
    groups: [...groups],
    inputs,
    revocations,
    files,
    ...listsOf(lists),
  }
  return toHex(sha256(Buffer.from(JSON.stringify(parts, plain), 'utf8')))
}

/**
 * What each list may speak for that may speak about expressions, and what it says. Without such
 * lists there is nothing. Where a list is updated from, and how, makes no difference.
 */
function listsOf(lists: Policy['lists']) {
  const said = [...lists.values()]
    .filter(list => isHeard(list, 'expression'))
    .map(({ book, updates: _, ...scope }) => [scope, 'problem' in book ? '' : book.digest])
  return said.length === 0 ? {} : { lists: said }
}

/** Where something stands in the file does not matter. */
function plain(name: string, value: unknown): unknown {
  if (name === 'line') return undefined
  if (value instanceof Uint8Array) return toHex(value)
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}
