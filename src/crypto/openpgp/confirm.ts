/**
 * Many signatures by one key: this process does the arithmetic of all of them, and a tool judges
 * one, with the certificate. So what only a tool checks, such as the signature by which a subkey
 * agrees to belong to its primary key, is checked once for each key.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { withOpenedFile } from '../detached/opened-file.ts'
import type { Suspect } from './standing.ts'
import { ask, type Tool } from './tools.ts'
import { askInTurn, findTools } from './verify.ts'

/** What a tool says: nothing, why it refuses, or why none can tell. */
export type Confirmation =
  | { readonly kind: 'confirmed' }
  | { readonly kind: 'refused' | 'undecided'; readonly detail: string }

/**
 * Has a tool verify a signature over a document with its certificate. It must name this certificate
 * and, if it names a key, the one that `suspect` has as its signer. That a key ended or was revoked
 * since is left to the caller. Writes to a private directory under /tmp, which it removes.
 */
export async function confirmByTool(
  suspect: Suspect,
  document: Uint8Array,
  tools: readonly Tool[] = findTools(),
): Promise<Confirmation> {
  const directory = makeScratch('openpgp', '/tmp')
  try {
    const [keyring, signature, path] = ['keyring.pgp', 'signature.pgp', 'document'].map(name =>
      join(directory, name),
    ) as [string, string, string]
    writeFileSync(keyring, suspect.certificate.bytes)
    writeFileSync(signature, suspect.signature.bytes)
    writeFileSync(path, document)
    const answer = await withOpenedFile(path, data =>
      askInTurn(suspect, tool => ask(tool, { data, signature, keyring, directory }), tools),
    )
    if (answer.kind === 'undecided') return answer
    if (answer.kind === 'bad-signature') return { kind: 'refused', detail: answer.detail }
    const { primaryFingerprint, signedBy } = answer
    const isNamed = signedBy === undefined || suspect.signers.some(key => key.fingerprint === signedBy)
    if (primaryFingerprint === suspect.certificate.primary.fingerprint && isNamed)
      return { kind: 'confirmed' }
    return { kind: 'undecided', detail: `the tool verified it with another key, of ${primaryFingerprint}` }
  } finally {
    removeScratch(directory)
  }
}
