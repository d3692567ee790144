import { fields, type JsonNode, listOf, malformed, sha256Of, stringOf } from '../json/shape.ts'
import {
  dayOf,
  entriesOf,
  fingerprintOf,
  globOf,
  namesOf,
  plainOf,
  textsOf,
  thresholdOf,
  URL_LIMIT,
} from './document-fields.ts'
import type { ListDocument, ListedDevelopers, Provenance, Tried } from './listed.ts'
import { NAME } from './names.ts'

const ENTRY_LIMIT = 20_000
const GLOB_COUNT = 32
const BY_LIMIT = 64
const PROVENANCE_LIMIT = 32
const TRIED_LIMIT = 32
const WORD_LIMIT = 200

/** The parts of a document that entries refer to. */
type Known = Pick<ListDocument, 'principals' | 'groups' | 'says'>

/** Reads `developers`. Throws FormatError. */
export function readDevelopers(
  node: JsonNode | undefined,
  known: Known,
): ReadonlyMap<string, ListedDevelopers> {
  const developers = new Map<string, ListedDevelopers>()
  for (const [name, entry] of entriesOf(node, ENTRY_LIMIT, NAME))
    developers.set(name, readEntry(entry, known))
  return developers
}

function readEntry(node: JsonNode, known: Known): ListedDevelopers {
  const parts = fields(node, {
    required: ['names', 'by', 'threshold'],
    optional: ['urls', 'standing', 'provenance', 'tried'],
    others: 'refuse',
  })
  const names = textsOf(parts.names, GLOB_COUNT, globOf)
  if (names.length === 0) throw malformed(parts.names, 'names no source')
  const by = namesOf(parts.by, BY_LIMIT, name =>
    known.principals.has(name) || known.groups.has(name)
      ? undefined
      : 'is neither a principal nor a group of this list',
  )
  return {
    names,
    urls: textsOf(parts.urls, GLOB_COUNT, item => plainOf(item, URL_LIMIT)),
    by,
    threshold: thresholdOf(parts.threshold, peopleIn(by, known)),
    ...(parts.standing !== undefined && { standing: standingOf(parts.standing, known.says) }),
    provenance: optional(parts.provenance, PROVENANCE_LIMIT, readProvenance),
    tried: optional(parts.tried, TRIED_LIMIT, readTried),
  }
}

function peopleIn(by: readonly string[], { groups }: Known): number {
  return new Set(by.flatMap(name => groups.get(name)?.members ?? [name])).size
}

function standingOf(node: JsonNode, says: ListDocument['says']): 'corroborated' | 'seen' {
  const text = stringOf(node)
  if (text !== 'corroborated' && text !== 'seen') throw malformed(node, 'must be "corroborated" or "seen"')
  if (says !== 'extracted') throw malformed(node, 'only entries that a program extracted have a standing')
  return text
}

function optional<T>(node: JsonNode | undefined, limit: number, read: (item: JsonNode) => T): readonly T[] {
  return node === undefined ? [] : listOf(node, limit).map(read)
}

function readProvenance(node: JsonNode): Provenance {
  const parts = fields(node, {
    required: ['distribution', 'package', 'version', 'sha256', 'date'],
    optional: ['archive-key'],
    others: 'refuse',
  })
  return {
    distribution: plainOf(parts.distribution, WORD_LIMIT),
    package: plainOf(parts.package, WORD_LIMIT),
    version: plainOf(parts.version, WORD_LIMIT),
    sha256: sha256Of(parts.sha256),
    ...(parts['archive-key'] !== undefined && { archiveKey: fingerprintOf(parts['archive-key']) }),
    date: dayOf(parts.date),
  }
}

function readTried(node: JsonNode): Tried {
  const parts = fields(node, {
    required: ['file', 'sha256', 'result', 'date'],
    optional: [],
    others: 'refuse',
  })
  return {
    file: plainOf(parts.file, WORD_LIMIT),
    sha256: sha256Of(parts.sha256),
    result: resultOf(parts.result),
    date: dayOf(parts.date),
  }
}

function resultOf(node: JsonNode): Tried['result'] {
  const text = stringOf(node)
  switch (text) {
    case 'good':
    case 'bad':
    case 'expired':
    case 'unknown-signer':
      return text
    default:
      throw malformed(node, 'must be "good", "bad", "expired" or "unknown-signer"')
  }
}
