import { looksLikeSignify, parseSignifySignature, printSignifyKeyNumber } from '../../formats/signify.ts'
import type { Key } from '../../policy/policy.ts'
import { verifyEd25519 } from '../../primitives/sodium.ts'
import { numberTrace, recallByNumber } from './key-number.ts'
import type { DetachedKind, DetachedResult } from './kind.ts'
import { contentsWithin, type OpenedFile } from './opened-file.ts'

/** OpenBSD's signify. Its signatures are over the file itself, which has to fit into memory. */
export const SIGNIFY: DetachedKind = {
  kind: 'signify',
  isBare: true,
  recognises: looksLikeSignify,
  check: parseSignifySignature,
  takes: key => key.kind === 'ed25519' && key.form === 'signify',
  verify,
  recall: async (trace, key) => recallByNumber('signify', trace, key),
}

/** Limit on the bytes of the file. */
const MEMORY_LIMIT = 1024 * 1024 * 1024

async function verify(file: OpenedFile, signature: Uint8Array, key: Key): Promise<DetachedResult> {
  if (key.kind !== 'ed25519' || key.keyNumber === undefined) {
    return { key, outcome: 'unreadable', detail: 'the key has no key number' }
  }
  const parsed = parseSignifySignature(signature)
  const detail = `signify key ${printSignifyKeyNumber(parsed.keyNumber)}`
  if (Buffer.compare(parsed.keyNumber, key.keyNumber) !== 0) return { key, outcome: 'unknown-signer', detail }
  const message = await contentsWithin(file, MEMORY_LIMIT)
  if (message === undefined) {
    return { key, outcome: 'unreadable', detail: `${detail}: a file of more than ${MEMORY_LIMIT} bytes` }
  }
  const isGood = verifyEd25519(message, parsed.signature, key.publicKey)
  if (!isGood) return { key, outcome: 'bad-signature', detail }
  return { key, outcome: 'good', detail, trace: numberTrace('signify', key) }
}
