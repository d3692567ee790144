import { FileError } from '../files/regular-file.ts'
import { looksLikeMinisign, parseMinisignSignature } from '../formats/minisign.ts'
import { isText } from '../formats/openpgp-armor.ts'
import { parseDetachedSignatures } from '../formats/openpgp-signature.ts'
import type { Key } from '../policy/policy.ts'
import { FormatError } from '../primitives/format-error.ts'
import { verifyMinisign } from './minisign.ts'
import { type OpenedFile, withOpenedFile } from './opened-file.ts'

/** Bytes that a signature file may have. */
export const SIGNATURE_FILE_LIMIT = 256 * 1024

export type SignatureKind = 'openpgp' | 'minisign'

/** What one key has to do with a detached signature over a file. `detail` is escaped and fit for a message. */
export interface DetachedResult {
  readonly key: Key
  readonly outcome:
    | 'good'
    | 'unknown-signer' // it names another key
    | 'bad-signature' // it names this key and does not verify, or the comment it vouches for does not
    | 'unacceptable' // it proves too little: SHA-1, over text, by a short key …
    | 'expired-signature'
    | 'expired-key'
    | 'revoked-key'
    | 'unreadable' // this key, or a tool that is needed, could not be used: nothing is known
  readonly detail: string
}

/**
 * Tries all keys of its kind on a detached signature; one result for each, none if no key is of that kind. `signature`
 * is the contents of the signature file, whose kind is told by those contents and not by its name. The file is opened
 * once, and all readers get that same file. Throws FormatError if the signature is malformed or of no known kind, and
 * FileError if the file cannot be read or changed meanwhile.
 */
export async function verifyDetached(question: {
  readonly file: string
  readonly signature: Uint8Array
  readonly keys: readonly Key[]
}): Promise<readonly DetachedResult[]> {
  const { signature } = question
  const kind = signatureKind(signature)
  const keys = question.keys.filter(key => kindOfKey(key) === kind)
  return withOpenedFile(question.file, async file => {
    const results: DetachedResult[] = []
    for (const key of keys) results.push(await verifyWithKey(file, signature, key))
    return results
  })
}

/**
 * What kind of signature a file holds: minisign, or OpenPGP, armoured or binary. Parses all of it, so a malformed one is
 * found even where no key of its kind is known. Throws FormatError.
 */
export function signatureKind(signature: Uint8Array): SignatureKind {
  if (signature.length === 0) throw unknownForm('empty')
  if (signature.length > SIGNATURE_FILE_LIMIT) throw unknownForm(`more than ${SIGNATURE_FILE_LIMIT} bytes`)
  if (looksLikeMinisign(signature)) {
    parseMinisignSignature(signature)
    return 'minisign'
  }
  if (isText(signature) && !Buffer.from(signature).includes('-----BEGIN PGP ')) {
    throw unknownForm('neither OpenPGP nor minisign')
  }
  parseDetachedSignatures(signature)
  return 'openpgp'
}

/** The kind of detached signature that a key can verify; undefined for those that sign attestations only. */
function kindOfKey(key: Key): SignatureKind | undefined {
  if (key.kind === 'openpgp') return 'openpgp'
  return key.form === 'minisign' ? 'minisign' : undefined
}

async function verifyWithKey(file: OpenedFile, signature: Uint8Array, key: Key): Promise<DetachedResult> {
  if (key.kind === 'ed25519') {
    const { keyNumber, publicKey } = key
    if (keyNumber === undefined) return { key, outcome: 'unreadable', detail: 'the key has no key number' }
    const result = await verifyMinisign(file, signature, { keyNumber, publicKey })
    const outcome = result.kind === 'bad-comment' ? 'bad-signature' : result.kind
    return { key, outcome, detail: result.detail }
  }
  const { verifyOpenPgp } = await import('./openpgp.ts')
  const { certificate, fingerprint } = key
  try {
    const result = await verifyOpenPgp({ file, signature, certificate, fingerprint })
    if (result.kind !== 'good') return { key, outcome: result.kind, detail: result.detail }
    const day = new Date(result.signedAt * 1000).toISOString().slice(0, 10)
    return { key, outcome: 'good', detail: `signed ${day}` }
  } catch (error) {
    // The signature was parsed before: what cannot be read is this key's certificate, or /tmp is full.
    const isForeseen = error instanceof FormatError || error instanceof FileError || isSystemError(error)
    if (!isForeseen) throw error
    return { key, outcome: 'unreadable', detail: error.message }
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

function unknownForm(problem: string): FormatError {
  return new FormatError('detached signature', problem, 'the whole file')
}
