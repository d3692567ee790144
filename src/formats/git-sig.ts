/**
 * A line of a note of git-sig (the format that it calls v0): who signed a commit, as
 *
 *     sig:v0:<commit>:<tree>:<hash of a review, or null>:pgp:<base64 of a binary OpenPGP signature>
 *
 * What is signed are the bytes before the last colon.
 */
import { fromBase64, toBase64 } from '../primitives/base64.ts'
import { FormatError } from '../primitives/format-error.ts'
import { OBJECT_ID } from './git-object-id.ts'

/** Characters of one line. */
const LINE_LIMIT = 64 * 1024

/** What a line says, unverified. */
export interface GitSigLine {
  /** Whole ids in lower-case hex. */
  readonly commit: string
  readonly tree: string
  /** The hash of a review, in hex. */
  readonly review: string | undefined
  readonly signature: Uint8Array
}

/** What a signature in a line is over. */
export type GitSigBody = Omit<GitSigLine, 'signature'>

/** Whether a line of a note is one of git-sig's, of whatever version: it reads no others. */
export function isGitSigLine(line: string): boolean {
  return line.startsWith('sig:')
}

/** Parses a line, without its newline. Throws FormatError. */
export function parseGitSigLine(line: string): GitSigLine {
  if (line.length > LINE_LIMIT) throw malformed(`longer than ${LINE_LIMIT} characters`)
  const [scheme, version, commit = '', tree = '', review = '', kind, base64 = '', ...rest] = line.split(':')
  if (scheme !== 'sig' || version !== 'v0') throw malformed('not of the version v0')
  if (!OBJECT_ID.test(commit) || !OBJECT_ID.test(tree) || commit.length !== tree.length) {
    throw malformed('not the whole ids of a commit and a tree')
  }
  if (review !== 'null' && !/^[0-9a-f]{40,128}$/.test(review))
    throw malformed('no hash of a review, and no null')
  if (kind !== 'pgp' || rest.length > 0) throw malformed('not one OpenPGP signature')
  const signature = fromBase64(base64)
  if (signature.length === 0) throw malformed('an empty signature')
  return { commit, tree, review: review === 'null' ? undefined : review, signature }
}

/** The bytes that are signed: without a newline, and without a colon at the end. */
export function gitSigBody({ commit, tree, review = 'null' }: GitSigBody): Uint8Array {
  return Buffer.from(`sig:v0:${commit}:${tree}:${review}:pgp`, 'latin1')
}

/** The line, without a newline, as git-sig writes it. */
export function printGitSigLine(line: GitSigLine): string {
  return `${Buffer.from(gitSigBody(line)).toString('latin1')}:${toBase64(line.signature)}`
}

function malformed(problem: string): FormatError {
  return new FormatError('line of git-sig', problem, 'the whole line')
}
