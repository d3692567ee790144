/** What minisign and signify have in common: a signature refers to its key by a number. */
import type { Key } from '../../policy/policy.ts'
import { toHex } from '../../primitives/hex.ts'
import type { DetachedResult } from './kind.ts'

type Tool = 'minisign' | 'signify'

/** The trace of a good signature by this key: the tool, and the key number in hex. */
export function numberTrace(tool: Tool, key: Key): string {
  return `${tool}:${key.kind === 'ed25519' && key.keyNumber !== undefined ? toHex(key.keyNumber) : '-'}`
}

/** Judges a remembered signature: the key must still be listed for this tool, with this number. */
export function recallByNumber(tool: Tool, trace: string, key: Key): DetachedResult {
  const isListed = key.kind === 'ed25519' && key.form === tool && key.keyNumber !== undefined
  if (isListed && numberTrace(tool, key) === trace)
    return { key, outcome: 'good', detail: `${tool} key`, trace }
  return { key, outcome: 'unknown-signer', detail: `signed with the ${tool} key of another number or form` }
}
