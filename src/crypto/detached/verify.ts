import type { Key } from '../../policy/policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import type { DetachedKind, DetachedResult, SignatureKind, SignatureUse } from './kind.ts'
import { MINISIGN } from './minisign.ts'
import { withOpenedFile } from './opened-file.ts'
import { OPENPGP } from './openpgp.ts'
import { SIGNIFY } from './signify.ts'
import { SIGSTORE } from './sigstore.ts'
import { SSHSIG } from './sshsig.ts'

export type { DetachedResult, SignatureKind, SignatureUse } from './kind.ts'

/** Bytes that a signature file may have. */
export const SIGNATURE_FILE_LIMIT = 256 * 1024

/** All kinds; the first that recognises a signature file is the one it is judged as. */
const KINDS: readonly DetachedKind[] = [MINISIGN, SIGNIFY, SSHSIG, SIGSTORE, OPENPGP]

/**
 * Tries all keys of its kind on a detached signature; one result for each, none if no key is of that kind. `signature`
 * is the contents of the signature file, whose kind is told by those contents and not by its name. The file is opened
 * once, and all readers get that same file. Throws FormatError if the signature is malformed or of no known kind, and
 * FileError if the file cannot be read or changed meanwhile. `use` is `file` unless told.
 */
export async function verifyDetached(question: {
  readonly file: string
  readonly signature: Uint8Array
  readonly keys: readonly Key[]
  readonly use?: SignatureUse
}): Promise<readonly DetachedResult[]> {
  const { signature, use = 'file' } = question
  const kind = checkedKind(signature)
  const keys = question.keys.filter(key => kind.takes(key))
  return withOpenedFile(question.file, async file => {
    const results: DetachedResult[] = []
    for (const key of keys) results.push(await kind.verify(file, signature, key, use))
    return results
  })
}

/**
 * What kind of signature a file holds. Parses all of it, so a malformed one is found even where no key of its kind is
 * known. Throws FormatError.
 */
export function signatureKind(signature: Uint8Array): SignatureKind {
  return checkedKind(signature).kind
}

function checkedKind(signature: Uint8Array): DetachedKind {
  if (signature.length === 0) throw unknownForm('empty')
  if (signature.length > SIGNATURE_FILE_LIMIT) throw unknownForm(`more than ${SIGNATURE_FILE_LIMIT} bytes`)
  const found = KINDS.find(kind => kind.recognises(signature))
  if (found === undefined) throw unknownForm(`none of ${KINDS.map(({ kind }) => kind).join(', ')}`)
  found.check(signature)
  return found
}

function unknownForm(problem: string): FormatError {
  return new FormatError('detached signature', problem, 'the whole file')
}
