import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeDurably } from '../../files/durable-file.ts'
import { graphDigest } from '../../formats/nix/build-graph.ts'
import { appendLines } from '../attestation-files.ts'
import { approvalFile, graphFile } from './files.ts'
import { readGraphList } from './indexes.ts'

/**
 * Adds a signed approval to a directory of attestations, with the list of its graph. The list comes
 * first: an approval whose list is missing counts for nothing. Returns the file of the approval.
 * Throws FileError, also if another list has the name of this one, and FormatError.
 */
export function keepApproval(directory: string, line: string, list: Uint8Array): string {
  const graph = graphDigest(list)
  const listFile = graphFile(directory, graph)
  if (existsSync(listFile)) readGraphList(listFile, graph)
  else {
    mkdirSync(dirname(listFile), { recursive: true, mode: 0o755 })
    writeDurably(listFile, list, { flush: true, mode: 0o644 })
  }
  const file = approvalFile(directory, graph)
  appendLines(file, [line])
  return file
}
