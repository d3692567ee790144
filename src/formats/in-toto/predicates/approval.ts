/**
 * nixsig's predicate for an approval (docs/attestations.md): somebody verified who signed some
 * expressions, evaluated them, and approves the build graph that came out. The subjects of the
 * statement are the derivations at its roots. No other party writes this predicate, so unknown
 * fields are errors.
 */
import { jsonObject } from '../../json/print.ts'
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
} from '../../json/shape.ts'
import type { JsonObject } from '../../json/strict.ts'
import { GRAPH_LINE_LIMIT } from '../../nix/build-graph.ts'
import { isDerivationPath, parseStorePath } from '../../nix/store-path.ts'
import { parseTimestamp, printTimestamp } from '../../timestamp.ts'
import type { Statement } from '../statement.ts'

/** The predicate type. */
export const APPROVAL = 'nixsig:predicate:approval:v1'

const TEXT_LIMIT = 1024
const SIGNER_LIMIT = 256
const INPUT_LIMIT = 512
const LOCK_LIMIT = 8

/** Who signed a revision, by their names in the approver's policy. */
export interface Signers {
  readonly signers: readonly string[]
  /** Those of them who count as committers, and as reviewers; absent if none does. */
  readonly committers?: readonly string[]
  readonly reviewers?: readonly string[]
}

/** A revision of a repository, and who signed it. */
export interface SignedExpressions extends Signers {
  /** The canonical URL of the repository, by which `[[inputs]]` chose a rule. */
  readonly url: string
  /** 40 or 64 hexadecimal digits. */
  readonly commit: string
  /** SHA-256 of the NAR of its tree, lower-case hex. */
  readonly narHash: string
}

/**
 * An input that a lock pins. Without a commit or a NAR hash it is one of which the policy requires
 * nothing, or a part of the tree around the lock.
 */
export interface ApprovedInput
  extends Signers,
    Pick<SignedExpressions, 'url'>,
    Partial<Pick<SignedExpressions, 'commit' | 'narHash'>> {
  /** How the lock names it, from the root: `nixpkgs`, `home-manager/nixpkgs`. */
  readonly name: string
}

/** A lock in the tree. */
export interface ApprovedLock {
  /** Relative to the tree. */
  readonly file: string
  /** Of the file, lower-case hex. */
  readonly sha256: string
  readonly inputs: readonly ApprovedInput[]
}

/** An approval. */
export interface Approval {
  /** The URI of the approver, made of their key id: see approverUri. */
  readonly approver: string
  /** Seconds since 1970. */
  readonly timeApproved: number
  /** SHA-256 of the list of the build graph, lower-case hex, and its number of lines. */
  readonly graph: { readonly sha256: string; readonly lines: number }
  /** What was evaluated. `tree`: git's id of the tree, 40 or 64 hexadecimal digits. */
  readonly expressions: SignedExpressions & { readonly tree: string }
  /** The locks at the top of that tree. */
  readonly locks: readonly ApprovedLock[]
  /** The version of Nix, the system, and what was evaluated: `.#hello`, `default.nix hello`. */
  readonly evaluator: { readonly nix: string; readonly system: string; readonly target: string }
}

/** The `approver.id` of a signer, by the key id in the signer's envelopes. */
export function approverUri(keyid: string): string {
  return `nixsig:approver:${keyid}`
}

/**
 * Reads the approval in a statement; undefined if its predicate is of another type. Throws
 * FormatError, also if a subject is not a derivation.
 */
export function parseApproval({ predicateType, predicate, subjects }: Statement): Approval | undefined {
  if (predicateType !== APPROVAL) return undefined
  const node = rootNode('approval', predicate)
  const other = subjects.find(({ name }) => !isDerivationPath(parseStorePath(name)))
  if (other !== undefined) throw malformed(node, 'a subject of it is not a derivation')
  return readApproval(node)
}

function readApproval(node: JsonNode): Approval {
  const whole = strict(node, ['approver', 'timeApproved', 'graph', 'expressions', 'locks', 'evaluator'])
  const { approver, timeApproved, graph, expressions, evaluator, locks } = whole
  const by = strict(evaluator, ['nix', 'system', 'target'])
  return {
    approver: textOf(strict(approver, ['id']).id),
    timeApproved: readString(timeApproved, parseTimestamp),
    graph: readGraph(graph),
    expressions: readExpressions(expressions),
    locks: listOf(locks, LOCK_LIMIT).map(readLock),
    evaluator: { nix: textOf(by.nix), system: textOf(by.system), target: textOf(by.target) },
  }
}

/** The predicate of an approval, as parseApproval reads it. */
export function approvalJson(approval: Approval): JsonObject {
  const { graph, expressions, locks, evaluator } = approval
  return jsonObject([
    ['approver', jsonObject([['id', approval.approver]])],
    ['timeApproved', printTimestamp(approval.timeApproved)],
    [
      'graph',
      jsonObject([
        ['sha256', graph.sha256],
        ['lines', graph.lines],
      ]),
    ],
    ['expressions', signedJson(expressions, [['tree', expressions.tree]])],
    ['locks', locks.map(lockJson)],
    [
      'evaluator',
      jsonObject([
        ['nix', evaluator.nix],
        ['system', evaluator.system],
        ['target', evaluator.target],
      ]),
    ],
  ])
}

function lockJson({ file, sha256, inputs }: ApprovedLock): JsonObject {
  return jsonObject([
    ['file', file],
    ['sha256', sha256],
    ['inputs', inputs.map(input => signedJson(input, [['name', input.name]]))],
  ])
}

function signedJson(
  { url, commit, narHash, signers, committers, reviewers }: Omit<ApprovedInput, 'name'>,
  more: readonly (readonly [string, string])[],
): JsonObject {
  return jsonObject([
    ...more,
    ['url', url],
    ['commit', commit],
    ['narHash', narHash],
    ['signers', signers],
    ['committers', committers],
    ['reviewers', reviewers],
  ])
}

function readGraph(node: JsonNode): Approval['graph'] {
  const { sha256, lines } = strict(node, ['sha256', 'lines'])
  const { value } = lines
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > GRAPH_LINE_LIMIT) {
    throw malformed(lines, `must be a number from 1 to ${GRAPH_LINE_LIMIT}`)
  }
  return { sha256: sha256Of(sha256), lines: value }
}

function readExpressions(node: JsonNode): Approval['expressions'] {
  const { url, commit, narHash, tree, ...signed } = fields(node, {
    required: ['url', 'commit', 'narHash', 'signers', 'tree'],
    optional: ROLES,
    others: 'refuse',
  })
  return {
    url: textOf(url),
    commit: objectIdOf(commit),
    narHash: sha256Of(narHash),
    ...readSigners(signed),
    tree: objectIdOf(tree),
  }
}

function readLock(node: JsonNode): ApprovedLock {
  const { file, sha256, inputs } = strict(node, ['file', 'sha256', 'inputs'])
  const read = listOf(inputs, INPUT_LIMIT).map(input => {
    const { name, url, commit, narHash, ...signed } = fields(input, {
      required: ['name', 'url', 'signers'],
      optional: ['commit', 'narHash', ...ROLES],
      others: 'refuse',
    })
    return {
      name: textOf(name),
      url: textOf(url),
      ...(commit === undefined ? {} : { commit: objectIdOf(commit) }),
      ...(narHash === undefined ? {} : { narHash: sha256Of(narHash) }),
      ...readSigners(signed),
    }
  })
  if (new Set(read.map(({ name }) => name)).size < read.length) throw malformed(inputs, 'names one twice')
  return { file: textOf(file), sha256: sha256Of(sha256), inputs: read }
}

const ROLES = ['committers', 'reviewers'] as const

function readSigners(
  signed: Readonly<Record<'signers', JsonNode> & Partial<Record<(typeof ROLES)[number], JsonNode>>>,
): Signers {
  const signers = namesOf(signed.signers)
  const found: { committers?: readonly string[]; reviewers?: readonly string[] } = {}
  for (const role of ROLES) {
    const node = signed[role]
    if (node === undefined) continue
    const names = namesOf(node)
    if (names.length === 0 || !names.every(name => signers.includes(name)))
      throw malformed(node, 'must have some of the signers')
    found[role] = names
  }
  return { signers, ...found }
}

function namesOf(node: JsonNode): readonly string[] {
  return listOf(node, SIGNER_LIMIT).map(textOf)
}

function textOf(node: JsonNode): string {
  const text = stringOf(node)
  if (text !== '' && text.length <= TEXT_LIMIT) return text
  throw malformed(node, `must have 1 to ${TEXT_LIMIT} characters`)
}

function strict<const Name extends string>(node: JsonNode, required: readonly Name[]) {
  return fields(node, { required, optional: [], others: 'refuse' })
}
