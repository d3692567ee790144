import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import glob from 'fast-glob'
import { SIGNED_LIST_LIMIT } from '../../crypto/detached/verify.ts'
import { approvalFile, graphFile } from '../../evidence/approvals/files.ts'
import { readGraphList } from '../../evidence/approvals/indexes.ts'
import { keepApproval } from '../../evidence/approvals/keep.ts'
import { readAttestationLines } from '../../evidence/attestation-files.ts'
import { assertPublishable } from '../../evidence/publication/validate.ts'
import {
  SIGNATURE_EXTENSIONS,
  type SignatureExtension,
  storeTogether,
} from '../../evidence/signature-files.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { NARINFO_LIMIT } from '../../formats/nix/narinfo.ts'
import { isStorePath, STORE_DIR } from '../../formats/nix/store-path.ts'
import {
  APPROVALS,
  ENVELOPES,
  GRAPH_LIST,
  parsePublishedName,
  splitExtension,
} from '../../formats/publication.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { PackagingError } from '../packaging-error.ts'
import type { EnvelopeBatch } from './envelopes.ts'
import { type Imported, NOTHING, total } from './imported.ts'
import { importNarinfo } from './narinfo.ts'

/**
 * Adds all that one directory of attestations holds to another: no line is lost where both know the
 * same path. Other files are left out, and so is what cannot be read. Envelopes wait in the batch.
 * Throws PackagingError if the directory holds no attestations.
 */
export async function importDirectory(
  out: string,
  directory: string,
  batch: EnvelopeBatch,
): Promise<Imported> {
  const options = { cwd: directory, followSymbolicLinks: false, onlyFiles: true, dot: true }
  // The lists of a publication are made anew for each.
  const files = (await glob(['*/*', '!*/index'], options)).sort()
  if (files.length === 0)
    throw new PackagingError('nothing-signed', `${printable(directory)} holds no attestations`)
  const [approvals, others] = [files.filter(isOfApproval), files.filter(file => !isOfApproval(file))]
  return total([
    ...approvals.filter(file => file.endsWith(ENVELOPES)).map(file => importApprovals(out, directory, file)),
    ...others.map(file => importFile({ out, directory, batch }, file)),
  ])
}

function isOfApproval(file: string): boolean {
  return dirname(file) === APPROVALS && parsePublishedName(basename(file)) !== undefined
}

/** Approvals of one build graph, each with its list. */
function importApprovals(out: string, directory: string, file: string): Imported {
  const origin = join(directory, file)
  const graph = basename(file, ENVELOPES)
  try {
    const list = readGraphList(graphFile(directory, graph), graph)
    const lines = readAttestationLines(origin) ?? []
    assertPublishable(basename(file), Buffer.from(lines.map(line => `${line}\n`).join(''), 'utf8'))
    assertPublishable(graph + GRAPH_LIST, list)
    const kept = new Set(readAttestationLines(approvalFile(out, graph)))
    const fresh = lines.filter(line => !kept.has(line))
    for (const line of fresh) keepApproval(out, line, list)
    return { added: fresh.map(() => origin), known: lines.length - fresh.length, skipped: [] }
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof FileError)) throw error
    return skipped(origin, error.message)
  }
}

interface Target {
  readonly out: string
  readonly directory: string
  readonly batch: EnvelopeBatch
}

function importFile({ out, directory, batch }: Target, file: string): Imported {
  const origin = join(directory, file)
  const [, digest = '', extension = ''] = /^[^/]*\/([^./]*)(\..*)$/.exec(file) ?? []
  // Any name will do: the files are called by the hash part alone.
  const path = `${STORE_DIR}/${digest}-source`
  try {
    if (!isStorePath(path)) return skipped(origin, 'not called like a file of attestations')
    if (extension === '.intoto.jsonl') {
      const lines = readAttestationLines(origin) ?? []
      batch.add(lines.map((text, index) => ({ text, origin: `${origin}:${index + 1}` })))
      return NOTHING
    }
    if (extension === '.narinfo') return importNarinfo(out, read(origin, NARINFO_LIMIT).toString('latin1'))
    const { plain } = splitExtension(extension)
    const kept = SIGNATURE_EXTENSIONS.find(known => known === plain)
    if (kept === undefined) return skipped(origin, 'of no kind that attestations are')
    const bytes = read(origin, SIGNED_LIST_LIMIT)
    // What cannot be read would leave the path undecided.
    assertPublishable(`${digest}${extension}`, bytes)
    const files = new Map<SignatureExtension, Buffer>([[kept, bytes]])
    // A list goes where its signature goes: it would say something else of another one.
    const list = join(directory, file.replace(/\.sums\..*$/, '.sums'))
    if (plain.startsWith('.sums.') && existsSync(list)) files.set('.sums', read(list, SIGNED_LIST_LIMIT))
    const isNew = storeTogether(out, path, files)
    return { added: isNew ? [origin] : [], known: isNew ? 0 : 1, skipped: [] }
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError || error instanceof PackagingError))
      throw error
    return skipped(origin, error.message)
  }
}

function read(file: string, limit: number): Buffer {
  const bytes = readRegularFile(file, limit)
  if (bytes === undefined) throw new FileError(`${printable(file)} went away while it was read`)
  return bytes
}

function skipped(origin: string, why: string): Imported {
  return { added: [], known: 0, skipped: [`${printable(origin)}: ${why}`] }
}
