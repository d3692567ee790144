/** Signs a commit in a note beside it: nothing in the history of the repository changes. */
import { envelopeBy } from '../crypto/envelope.ts'
import type { Signer } from '../crypto/signers/signer.ts'
import { FileError } from '../files/regular-file.ts'
import { gitSigBody, printGitSigLine } from '../formats/git-sig.ts'
import { signerUri } from '../formats/in-toto/predicates.ts'
import { printRevisionStatement, type RevisionRole } from '../formats/in-toto/revision-statement.ts'
import { editNotes } from '../git/edit-notes.ts'
import { GIT_SIG_NOTES, NIXSIG_NOTES } from '../git/notes.ts'
import { notePath, withLines } from '../git/notes-contents.ts'
import { writeObject } from '../git/write-object.ts'
import { reviewHash, reviewPath } from './reviews.ts'
import type { Revision } from './revision.ts'

/** How a commit is signed. */
export type RevisionWord =
  | {
      readonly form: 'nixsig'
      readonly role: RevisionRole
      /** A review that the signature covers: plain text. */
      readonly review: Uint8Array | undefined
    }
  /** In git-sig's own form, for OpenPGP keys alone. */
  | { readonly form: 'git-sig' }

/** The first line of the message of a commit object. */
export function titleOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8')
  return (
    text
      .slice(text.indexOf('\n\n') + 2)
      .trimStart()
      .split('\n', 1)[0] ?? ''
  )
}

/** Throws FileError if this signer has no key for this form. */
export function assertSigns(signer: Signer, { form }: RevisionWord): void {
  if (form === 'git-sig' && signer.key.kind !== 'openpgp')
    throw new FileError('git-sig knows OpenPGP keys alone; next: --signer gpg:FINGERPRINT')
}

/**
 * Signs a commit that was read, and adds the signature to the notes of the repository in this
 * directory. `now` in seconds since 1970. Returns the reference of the notes. Throws FileError,
 * FormatError and SignerError.
 */
export async function signRevision(
  place: string,
  revision: Revision,
  word: RevisionWord,
  { signer, now }: { readonly signer: Signer; readonly now: number },
): Promise<string> {
  assertSigns(signer, word)
  const review = word.form === 'nixsig' ? word.review : undefined
  const hash = review && reviewHash(review)
  const line =
    word.form === 'nixsig'
      ? await nixsigLine(revision, { role: word.role, ...(hash && { review: hash }) }, { signer, now })
      : await gitSigLine(revision, signer)
  const ref = word.form === 'nixsig' ? NIXSIG_NOTES : GIT_SIG_NOTES
  const path = notePath(revision.commit)
  await editNotes(
    place,
    { ref, message: `Sign ${revision.commit}` },
    async ({ repository, store, contents }) => {
      const lines = Buffer.from(`${line}\n`, 'latin1')
      const added = await withLines(store, repository, contents, { path, lines })
      if (review === undefined || hash === undefined) return added
      const file = { kind: 'file', id: writeObject(store, 'blob', review) } as const
      return new Map([...added, [reviewPath(hash), [file]]])
    },
  )
  return ref
}

function nixsigLine(
  { commit, tree, narHash }: Revision,
  said: { readonly role: RevisionRole; readonly review?: string },
  { signer, now }: { readonly signer: Signer; readonly now: number },
): Promise<string> {
  const by = signerUri('verifier', signer.keyid)
  const statement = { commit, tree, narHash, ...said, signer: by, signedOn: now }
  return envelopeBy(signer, printRevisionStatement(statement))
}

async function gitSigLine({ commit, tree }: Revision, signer: Signer): Promise<string> {
  const body = { commit, tree, review: undefined }
  return printGitSigLine({ ...body, signature: await signer.sign(gitSigBody(body)) })
}
