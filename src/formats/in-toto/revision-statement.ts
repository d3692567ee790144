/**
 * Statements about a commit of a git repository: an in-toto Statement with one subject, which has
 * the digests
 *
 *     gitCommit, gitTree   as in-toto/attestation, spec/v1/digest_set.md, defines them
 *     nixNarSha256         SHA-256 of the NAR of the tree: git's own ids are SHA-1
 *
 * and nixsig's own predicate, which says in what role somebody signed it, and what they wrote about
 * it. Unknown fields are errors, except that digests of other algorithms are ignored, as
 * digest_set.md demands.
 */
import { jsonObject, printJson } from '../json/print.ts'
import {
  fields,
  type JsonNode,
  listOf,
  malformed,
  objectIdOf,
  readString,
  rootNode,
  sha256Of,
  stringOf,
} from '../json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../json/strict.ts'
import { parseTimestamp, printTimestamp } from '../timestamp.ts'
import { STATEMENT_TYPE } from './statement.ts'

/** The predicate type. */
export const REVISION = 'nixsig:predicate:revision:v1'

const LIMITS = { length: 64 * 1024, depth: 8 }

/** The roles in which somebody signs a commit. */
const REVISION_ROLES = ['committer', 'reviewer'] as const

export type RevisionRole = (typeof REVISION_ROLES)[number]

/** What somebody says about a commit. */
export interface RevisionStatement {
  /** Whole ids in lower-case hex, of equal length. */
  readonly commit: string
  readonly tree: string
  /** SHA-256 NAR hash of the tree, lower-case hex. */
  readonly narHash: string
  readonly role: RevisionRole
  /** The URI of the signer, made of their key id: see signerUri. */
  readonly signer: string
  /** SHA-256 of the text of a review, lower-case hex. */
  readonly review?: string
  /** When it was signed, as the signer claims. Seconds since 1970. */
  readonly signedOn: number
}

/** Parses the statement in a payload. Throws FormatError. */
export function parseRevisionStatement(payload: Uint8Array): RevisionStatement {
  const json = parseStrictJson(decodeUtf8(payload, 'statement'), LIMITS)
  const statement = fields(rootNode('statement', json), {
    required: ['_type', 'subject', 'predicateType', 'predicate'],
    optional: [],
    others: 'refuse',
  })
  if (stringOf(statement._type) !== STATEMENT_TYPE) {
    throw malformed(statement._type, `must be ${STATEMENT_TYPE}`)
  }
  if (stringOf(statement.predicateType) !== REVISION) {
    throw malformed(statement.predicateType, `must be ${REVISION}`)
  }
  const [subject, another] = listOf(statement.subject, 1)
  if (subject === undefined || another !== undefined) throw malformed(statement.subject, 'must be one commit')
  return { ...readSubject(subject), ...readPredicate(statement.predicate) }
}

/** The payload of a statement: JSON without white space, with its fields in a fixed order. */
export function printRevisionStatement(statement: RevisionStatement): Uint8Array {
  const { commit, tree, narHash, role, signer, review, signedOn } = statement
  const digest = jsonObject([
    ['gitCommit', commit],
    ['gitTree', tree],
    ['nixNarSha256', narHash],
  ])
  const json = jsonObject([
    ['_type', STATEMENT_TYPE],
    [
      'subject',
      [
        jsonObject([
          ['name', commit],
          ['digest', digest],
        ]),
      ],
    ],
    ['predicateType', REVISION],
    [
      'predicate',
      jsonObject([
        ['signer', jsonObject([['id', signer]])],
        ['role', role],
        ['reviewSha256', review],
        ['signedOn', printTimestamp(signedOn)],
      ]),
    ],
  ])
  return new Uint8Array(Buffer.from(printJson(json), 'utf8'))
}

function readSubject(node: JsonNode): Pick<RevisionStatement, 'commit' | 'tree' | 'narHash'> {
  const { name, digest } = fields(node, { required: ['name', 'digest'], optional: [], others: 'refuse' })
  const { gitCommit, gitTree, nixNarSha256 } = fields(digest, {
    required: ['gitCommit', 'gitTree', 'nixNarSha256'],
    optional: [],
    others: 'ignore',
  })
  const [commit, tree] = [objectIdOf(gitCommit), objectIdOf(gitTree)]
  if (tree.length !== commit.length) throw malformed(gitTree, 'must be as long as the id of the commit')
  if (stringOf(name) !== commit) throw malformed(name, 'must be the id of the commit')
  return { commit, tree, narHash: sha256Of(nixNarSha256) }
}

function readPredicate(node: JsonNode): Omit<RevisionStatement, 'commit' | 'tree' | 'narHash'> {
  const { signer, role, reviewSha256, signedOn } = fields(node, {
    required: ['signer', 'role', 'signedOn'],
    optional: ['reviewSha256'],
    others: 'refuse',
  })
  const { id } = fields(signer, { required: ['id'], optional: [], others: 'refuse' })
  const found = REVISION_ROLES.find(each => each === stringOf(role))
  if (found === undefined) throw malformed(role, `must be one of ${REVISION_ROLES.join(', ')}`)
  return {
    role: found,
    signer: stringOf(id),
    ...(reviewSha256 === undefined ? {} : { review: sha256Of(reviewSha256) }),
    signedOn: readString(signedOn, parseTimestamp),
  }
}
