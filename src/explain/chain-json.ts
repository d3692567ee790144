/** A chain of evidence in JSON, as a part of an explanation. */
import { fields, type JsonNode, listOf, malformed, stringOf } from '../formats/json/shape.ts'
import { ALL_ROLES } from '../policy/language/lists.ts'
import type { SubjectKind } from '../policy/policy.ts'
import { KIND_WORDS } from '../policy/words.ts'
import {
  CHAIN_DEPTH,
  CHAIN_NODES,
  type ChainApproval,
  type ChainNode,
  type ChainRevision,
  type ChainSignature,
} from './chain-node.ts'

/** The most levels of JSON that a chain takes. */
export const CHAIN_LEVELS = 2 * CHAIN_DEPTH + 6

/** Bounds of any list in a chain, and of a number. */
const LENGTH = CHAIN_NODES
const CHARACTERS = 8192

/** Characters that could steer a terminal or a log, which no text of an explanation has. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

const KINDS = Object.keys(KIND_WORDS) as SubjectKind[]
const OUTCOMES = ['trusted', 'untrusted', 'indeterminate'] as const

/** A chain as JSON: what is absent is null. */
export function chainJson(node: ChainNode): object {
  const { path, kind, outcome, why, builtHere, signatures, strays, approvals, parts, isRepeated, left } = node
  return {
    path,
    kind,
    outcome,
    why,
    built_here: builtHere,
    signatures: signatures.map(signatureJson),
    strays,
    approvals: approvals.map(approvalJson),
    parts: parts.map(chainJson),
    repeated: isRepeated,
    left,
  }
}

function signatureJson(signature: ChainSignature): object {
  const { who, list, role, key, certifiedBy, until, graph, coversGraph, counts, why, origin } = signature
  return {
    who,
    list: list ?? null,
    role,
    key,
    certified_by: certifiedBy,
    until: until ?? null,
    graph: graph ?? null,
    covers_graph: coversGraph,
    counts,
    why: why ?? null,
    origin,
  }
}

function approvalJson(approval: ChainApproval): object {
  const { by, key, time, target, isAsked, inputs, leftInputs, origin } = approval
  return {
    ...revisionJson(approval),
    by: by ?? null,
    key: key ?? null,
    time,
    target,
    asked: isAsked,
    inputs: inputs.map(input => ({ name: input.name, ...revisionJson(input) })),
    left_inputs: leftInputs,
    origin: origin ?? null,
  }
}

function revisionJson({ url, commit, signers }: ChainRevision): object {
  return { url, commit: commit ?? null, signers }
}

/** Reads a chain. Throws FormatError for anything that is none. */
export function chainOfJson(node: JsonNode): ChainNode {
  const chain = fields(node, {
    required: [
      'path',
      'kind',
      'outcome',
      'why',
      'built_here',
      'signatures',
      'strays',
      'approvals',
      'parts',
      'repeated',
      'left',
    ],
    optional: [],
    others: 'refuse',
  })
  const left = fields(chain.left, {
    required: ['signatures', 'approvals', 'parts'],
    optional: [],
    others: 'refuse',
  })
  return {
    path: textOf(chain.path),
    kind: oneOf(chain.kind, KINDS),
    outcome: oneOf(chain.outcome, OUTCOMES),
    why: textOf(chain.why),
    builtHere: flagOf(chain.built_here),
    signatures: listOf(chain.signatures, LENGTH).map(signatureOfJson),
    strays: listOf(chain.strays, LENGTH).map(textOf),
    approvals: listOf(chain.approvals, LENGTH).map(approvalOfJson),
    parts: listOf(chain.parts, LENGTH).map(chainOfJson),
    isRepeated: flagOf(chain.repeated),
    left: {
      signatures: countOf(left.signatures),
      approvals: countOf(left.approvals),
      parts: countOf(left.parts),
    },
  }
}

function signatureOfJson(node: JsonNode): ChainSignature {
  const signature = fields(node, {
    required: [
      'who',
      'list',
      'role',
      'key',
      'certified_by',
      'until',
      'graph',
      'covers_graph',
      'counts',
      'why',
      'origin',
    ],
    optional: [],
    others: 'refuse',
  })
  return {
    who: textOf(signature.who),
    list: maybe(signature.list, textOf),
    role: oneOf(signature.role, ALL_ROLES),
    key: textOf(signature.key),
    certifiedBy: listOf(signature.certified_by, LENGTH).map(textOf),
    until: maybe(signature.until, countOf),
    graph: maybe(signature.graph, textOf),
    coversGraph: flagOf(signature.covers_graph),
    counts: flagOf(signature.counts),
    why: maybe(signature.why, textOf),
    origin: textOf(signature.origin),
  }
}

function approvalOfJson(node: JsonNode): ChainApproval {
  const approval = fields(node, {
    required: [
      'url',
      'commit',
      'signers',
      'by',
      'key',
      'time',
      'target',
      'asked',
      'inputs',
      'left_inputs',
      'origin',
    ],
    optional: [],
    others: 'refuse',
  })
  return {
    ...revisionOf(approval),
    by: maybe(approval.by, textOf),
    key: maybe(approval.key, textOf),
    time: countOf(approval.time),
    target: textOf(approval.target),
    isAsked: flagOf(approval.asked),
    inputs: listOf(approval.inputs, LENGTH).map(each => {
      const required = ['name', 'url', 'commit', 'signers'] as const
      const input = fields(each, { required, optional: [], others: 'refuse' })
      return { name: textOf(input.name), ...revisionOf(input) }
    }),
    leftInputs: countOf(approval.left_inputs),
    origin: maybe(approval.origin, textOf),
  }
}

function revisionOf(of: Readonly<Record<'url' | 'commit' | 'signers', JsonNode>>): ChainRevision {
  return {
    url: textOf(of.url),
    commit: maybe(of.commit, textOf),
    signers: listOf(of.signers, LENGTH).map(textOf),
  }
}

function maybe<T>(node: JsonNode, read: (node: JsonNode) => T): T | undefined {
  return node.value === null ? undefined : read(node)
}

function oneOf<T extends string>(node: JsonNode, words: readonly T[]): T {
  const found = words.find(word => word === node.value)
  if (found === undefined) throw malformed(node, `must be one of ${words.join(', ')}`)
  return found
}

function flagOf(node: JsonNode): boolean {
  if (typeof node.value !== 'boolean') throw malformed(node, 'must be true or false')
  return node.value
}

/** A whole number from 0, such as an instant. */
function countOf({ value, ...where }: JsonNode): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > 8.64e12)
    throw malformed({ value, ...where }, 'must be a whole number')
  return value
}

/** A text of an explanation. */
export function textOf(node: JsonNode): string {
  const text = stringOf(node)
  if (text.length > CHARACTERS) throw malformed(node, `longer than ${CHARACTERS} characters`)
  if (UNSAFE.test(text)) throw malformed(node, 'has a character that is not text')
  return text
}
