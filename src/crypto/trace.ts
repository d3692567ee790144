/**
 * Judges by today's policy a signature that was verified under an earlier one and is no longer at
 * hand. For each signature that counts, a trace is stored, one word of printable ASCII:
 *
 *     nix                              over a narinfo
 *     envelope:<form>:<key id>         over an attestation; form and key id as in envelope-keys.ts
 *     envelope:openpgp:…               likewise, with the trace of such a signature over a file
 *     logged:<quorum>+…:envelope:…     likewise, and proven to be logged, for quorums by their digests
 *     <kind>:…                         over a file; src/crypto/detached/<kind>.ts writes and reads
 *                                      the rest
 */
import type { Key } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import type { DetachedResult, Recalling } from './detached/kind.ts'
import { OPENPGP } from './detached/openpgp.ts'
import { kindNamed } from './detached/verify.ts'
import { envelopeTrace, opensEnvelopes, ringKey } from './envelope-keys.ts'

/**
 * The result today for a signature with this trace and the key of the same identity, as the policy
 * lists it now. A trace that cannot be read, for example one by an older version, is `unreadable`.
 */
export async function recall(given: string, key: Key, moment: Recalling): Promise<DetachedResult> {
  const { trace } = splitLogged(given)
  const kind = wordOf(trace)
  if (kind === 'nix') return recallNix(trace, key)
  if (kind === 'envelope') return recallEnvelope(trace, key, moment)
  const detached = kindNamed(kind)
  if (detached !== undefined) return detached.recall(trace, key, moment)
  return { key, outcome: 'unreadable', detail: `"${printable(trace, 100)}" is not the trace of a signature` }
}

/** The trace of a signature, with the digests of the quorums for which it was proven to be logged. */
export function loggedTrace(trace: string, quorums: readonly string[]): string {
  return quorums.length === 0 ? trace : `logged:${[...new Set(quorums)].sort().join('+')}:${trace}`
}

/** The two parts of a trace that loggedTrace() made; of another, no quorums. */
export function splitLogged(trace: string): { readonly trace: string; readonly quorums: readonly string[] } {
  const [, quorums, inner] = /^logged:([0-9a-f+]+):(envelope:.*)$/.exec(trace) ?? []
  if (quorums === undefined || inner === undefined) return { trace, quorums: [] }
  return { trace: inner, quorums: quorums.split('+') }
}

function recallNix(trace: string, key: Key): DetachedResult {
  const isListed = key.kind === 'ed25519' && key.form === 'nix'
  if (trace === 'nix' && isListed) return { key, outcome: 'good', detail: 'a Nix signature' }
  return {
    key,
    outcome: 'unknown-signer',
    detail: "signed in Nix's own form, in which the key is listed no longer",
  }
}

async function recallEnvelope(trace: string, key: Key, moment: Recalling): Promise<DetachedResult> {
  const inner = trace.slice('envelope:'.length)
  const detail = 'an attestation, which the key may no longer sign as it is listed'
  if (!opensEnvelopes(key)) return { key, outcome: 'unknown-signer', detail }
  if (wordOf(inner) === 'openpgp') return OPENPGP.recall(inner, key, moment)
  if (key.kind !== 'openpgp' && envelopeTrace(ringKey(key)) === trace) {
    return { key, outcome: 'good', detail: 'an attestation' }
  }
  return { key, outcome: 'unknown-signer', detail }
}

/** The text before the first colon. */
function wordOf(text: string): string {
  return text.split(':', 1)[0] ?? ''
}
