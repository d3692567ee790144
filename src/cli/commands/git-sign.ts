import { readRevision } from '../../expressions/read-revision.ts'
import { assertPlainText, REVIEW_LIMIT } from '../../expressions/reviews.ts'
import { assertSigns, type RevisionWord, signRevision, titleOf } from '../../expressions/sign-revision.ts'
import { readNamedFile } from '../../files/named-file.ts'
import { openRepository } from '../../git/open-repository.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { saying } from '../option-value.ts'
import { REPOSITORY_ARGUMENTS, repositoryArguments } from '../repository-argument.ts'
import { revisionWords } from '../say-revision.ts'
import { SIGNER_OPTIONS, type SignerOptions, withSigner } from '../signer-argument.ts'
import { UsageError } from '../usage-error.ts'
import { jsonLine } from '../verdict-json.ts'

interface Options extends SignerOptions {
  readonly revisions: readonly string[]
  readonly as: 'committer' | 'reviewer' | 'git-sig'
  readonly review: string | undefined
  readonly json: boolean
}

/** `nixsig git sign [REPOSITORY] [REVISION]`: signs a commit in a note. */
export const gitSign = command({
  arguments: REPOSITORY_ARGUMENTS,
  options: {
    ...SIGNER_OPTIONS,
    as: {
      kind: 'value',
      value: 'ROLE',
      choices: ['committer', 'reviewer', 'git-sig'],
      fallback: 'committer',
      text: "Your role; git-sig: in git-sig's form, with a key of GnuPG",
    },
    review: {
      kind: 'value',
      value: 'FILE',
      text: 'A plain text that the signature covers, and that is kept beside it',
    },
    json: JSON_OPTION,
  },
  examples: [
    ['git sign --key alice.secret', 'The commit that is checked out here'],
    [
      'git sign . main --as reviewer --review review.txt --signer ssh:carol@laptop',
      'As a reviewer, with what you think of it and a key in the SSH agent',
    ],
    ['git sign --as git-sig --signer gpg:FINGERPRINT', 'For people who verify with git-sig'],
  ],
  epilogue: 'nixsig git push REMOTE gives others the notes in which the signatures are.',
  run: sign,
})

/** Whatever can be wrong with the call comes first: to hash a large tree takes long. */
async function sign(options: Options, { terminal }: Invocation): Promise<Status> {
  const { place, revisions } = repositoryArguments(options.revisions, 1)
  const word = wordOf(options)
  const repository = openRepository(place)
  try {
    const commit = await repository.resolve(revisions[0] ?? 'HEAD')
    return await withSigner<Status>(options, async signer => {
      assertSigns(signer, word)
      const { revision, bytes } = await readRevision(repository, commit, 'hashed')
      if (!options.json) terminal.print(`${revisionWords(revision)}: ${printable(titleOf(bytes), 120)}`)
      const now = Math.floor(Date.now() / 1000)
      const ref = await signRevision(place, revision, word, { signer, now })
      if (options.json) {
        const { tree, narHash } = revision
        const as = word.form === 'git-sig' ? 'git-sig' : word.role
        terminal.print(jsonLine({ commit: revision.commit, tree, narHash, signer: signer.label, as, ref }))
        return 0
      }
      const role = word.form === 'git-sig' ? "in git-sig's form" : `as ${word.role}`
      terminal.print(`${terminal.good('signed')} by ${signer.label} ${role}, in ${ref}`)
      return 0
    })
  } finally {
    repository.close()
  }
}

/** Throws UsageError, FileError and FormatError. */
function wordOf({ as, review }: Options): RevisionWord {
  if (as === 'git-sig' && review !== undefined) {
    throw new UsageError('--review is for nixsig\'s own form: git-sig writes "null" in its place')
  }
  if (as === 'git-sig') return { form: 'git-sig' }
  const bytes = review === undefined ? undefined : saying('--review', () => readReview(review))
  return { form: 'nixsig', role: as, review: bytes }
}

function readReview(file: string): Uint8Array {
  const { bytes } = readNamedFile(file, REVIEW_LIMIT)
  assertPlainText(bytes)
  return bytes
}
