/**
 * What this machine has seen of the lists that somebody keeps on it, so that nobody can show them
 * an old state of a directory that comes by mail or from a server.
 */
import { join } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { jsonObject, printJson } from '../../formats/json/print.ts'
import { fields, positiveOf, rootNode } from '../../formats/json/shape.ts'
import { decodeUtf8, parseStrictJson } from '../../formats/json/strict.ts'
import { TOP_ROLES, type TopRole } from '../../formats/lists/tuf-signed.ts'
import { printable } from '../../primitives/printable.ts'
import { GET_NEWEST, type Repository } from './repository.ts'

const LIMIT = 4096

/**
 * Remembers the versions that were published. Throws FileError if newer ones were seen before.
 */
export function rememberVersions(memory: string, published: Repository | undefined): void {
  if (published === undefined) return
  const file = join(memory, `${published.fingerprint}.json`)
  const bytes = readRegularFile(file, LIMIT)
  const seen = bytes && parse(bytes)
  for (const role of TOP_ROLES) {
    const before = seen?.[role] ?? 0
    const { version } = published[role].signed
    if (version < before) {
      throw new FileError(
        `this is an old state of the list: it has version ${version} of ${role}, and this machine has seen version ${before} (${printable(file)}); ${GET_NEWEST}`,
      )
    }
  }
  const versions = TOP_ROLES.map(role => [role, published[role].signed.version] as const)
  if (seen !== undefined && versions.every(([role, version]) => seen[role] === version)) return
  writeDurably(file, `${printJson(jsonObject(versions))}\n`, { flush: true })
}

function parse(bytes: Uint8Array): Readonly<Record<TopRole, number>> {
  const value = parseStrictJson(decodeUtf8(bytes, 'seen versions'), { length: LIMIT, depth: 2 })
  const parts = fields(rootNode('seen versions', value), {
    required: TOP_ROLES,
    optional: [],
    others: 'refuse',
  })
  return {
    root: positiveOf(parts.root),
    targets: positiveOf(parts.targets),
    snapshot: positiveOf(parts.snapshot),
    timestamp: positiveOf(parts.timestamp),
  }
}
