/**
 * OpenPGP signatures over envelopes. Heavy: runs a program for each; load it by `import()` only.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { isText } from '../../formats/openpgp/armor.ts'
import { parseDetachedSignatures } from '../../formats/openpgp/signature.ts'
import type { OpenPgpKey } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { DetachedResult } from '../detached/kind.ts'
import { withOpenedFile } from '../detached/opened-file.ts'
import { OPENPGP } from '../detached/openpgp.ts'
import type { SignatureResult } from '../signature-result.ts'

/**
 * Verifies whether a certificate's key signed a message: one detached signature over its bytes, not
 * armoured. It is judged like a signature over a file. Writes the message to a private directory
 * under /tmp, which it removes.
 */
export async function verifyOpenPgpMessage(
  key: OpenPgpKey,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<SignatureResult> {
  const malformed = whyMalformed(signature)
  if (malformed !== undefined) return { outcome: 'bad-signature', detail: malformed }
  let directory: string | undefined
  try {
    directory = makeScratch('envelope', '/tmp')
    const path = join(directory, 'message')
    writeFileSync(path, message)
    const results = await withOpenedFile(path, file => OPENPGP.verify(file, signature, key, 'file'))
    return resultOf([results].flat())
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    return { outcome: 'undecided', detail: error.message }
  } finally {
    if (directory !== undefined) removeScratch(directory)
  }
}

/** Requires one packet: each further one would need another run of a program. */
function whyMalformed(signature: Uint8Array): string | undefined {
  if (isText(signature)) return 'not one binary OpenPGP signature'
  try {
    return parseDetachedSignatures(signature).length === 1 ? undefined : 'several OpenPGP signatures in one'
  } catch (error) {
    if (error instanceof FormatError) return error.message
    throw error
  }
}

function resultOf(results: readonly DetachedResult[]): SignatureResult {
  const [result] = results
  if (result === undefined || results.length > 1)
    return { outcome: 'bad-signature', detail: 'not one result' }
  const { outcome, detail, signedAt, keyExpired, keyEnds, trace } = result
  switch (outcome) {
    case 'good':
      return {
        outcome,
        ...(keyEnds === undefined ? {} : { keyEnds }),
        ...(trace === undefined ? {} : { trace }),
      }
    case 'expired-since':
      if (signedAt === undefined || keyExpired === undefined) return { outcome: 'expired-signature', detail }
      return { outcome, signedAt, keyExpired }
    case 'expired-signature':
    case 'expired-key':
      return { outcome: 'expired-signature', detail }
    case 'revoked-key':
      return { outcome, detail }
    case 'unreadable':
      return { outcome: 'undecided', detail }
    // It names the same key as the envelope, but that key did not make it.
    case 'unknown-signer':
    case 'other-file':
    case 'bad-signature':
    case 'unacceptable':
      return { outcome: 'bad-signature', detail }
  }
}
