/**
 * `[attestations]`: where to look for evidence, in local directories and at the addresses of
 * others.
 */
import { isAbsolute, join } from 'node:path'
import type { AttestationSource } from '../policy.ts'
import { complain, fieldsOf, isTable, listOf, type Node, plainStringOf, secondsOf } from './fields.ts'
import { readUrl } from './url.ts'

const DIRECTORY_LIMIT = 64
const SOURCE_LIMIT = 32
const PATH_LIMIT = 1024

/**
 * How long the answer of a source is reused, in seconds: an hour by default, thirty days at most.
 */
const DEFAULT_AGE = 3600
const AGE_LIMIT = 30 * 24 * 3600

/** The places to look for evidence. */
export interface AttestationPlaces {
  /** Absolute directories, in order. */
  readonly attestations: readonly string[]
  readonly sources: readonly AttestationSource[]
}

/** Reads `[attestations]` and records its problems. */
export function readAttestations(node: Node | undefined): AttestationPlaces {
  const fields = node && fieldsOf(node, [], ['directories', 'sources'])
  return { attestations: readDirectories(fields?.directories), sources: readSources(fields?.sources) }
}

function readDirectories(node: Node | undefined): readonly string[] {
  const directories = new Set<string>()
  for (const item of listOf(node, DIRECTORY_LIMIT)) {
    const directory = plainStringOf(item, PATH_LIMIT)
    if (directory === undefined) continue
    if (!isAbsolute(directory)) complain(item, 'must be an absolute path')
    const plain = join(directory, '.')
    if (directories.has(plain)) complain(item, 'is listed twice')
    directories.add(plain)
  }
  return [...directories]
}

function readSources(node: Node | undefined): readonly AttestationSource[] {
  const sources = new Map<string, AttestationSource>()
  for (const item of listOf(node, SOURCE_LIMIT)) {
    const source = readSource(item)
    if (source === undefined) continue
    if (sources.has(source.url)) complain(item, 'is listed twice')
    sources.set(source.url, source)
  }
  return [...sources.values()]
}

/** Reads a source, which is an address alone or `{ url, max-age }`. */
function readSource(node: Node): AttestationSource | undefined {
  const fields = isTable(node.value) ? fieldsOf(node, ['url'], ['max-age']) : { url: node }
  const url = readUrl(fields?.url, ['https', 'http'])
  const age = fields !== undefined && 'max-age' in fields ? fields['max-age'] : undefined
  const maxAge = age === undefined ? DEFAULT_AGE : secondsOf(age, 0, AGE_LIMIT)
  return url === undefined || maxAge === undefined ? undefined : { url, maxAge }
}
