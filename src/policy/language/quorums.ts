import { isAbsolute } from 'node:path'
import { decodeUtf8 } from '../../formats/json/strict.ts'
import { parseTlogPolicy, type TlogPolicy } from '../../formats/tlog/tlog-policy.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import type { LogQuorum } from '../log-quorums.ts'
import { complain, entriesOf, fieldsOf, lineOf, type Node, plainStringOf } from './fields.ts'
import { type CertificateReader, checkName } from './principals.ts'

const QUORUM_LIMIT = 16
const PATH_LIMIT = 1024

/** Reads `[quorums]`. Each names a file, which is part of the policy as a certificate is. */
export function readQuorums(node: Node | undefined, file: CertificateReader): ReadonlyMap<string, LogQuorum> {
  const quorums = new Map<string, LogQuorum>()
  const entries = (node && entriesOf(node)) ?? []
  if (node !== undefined && entries.length > QUORUM_LIMIT) complain(node, `more than ${QUORUM_LIMIT} quorums`)
  for (const [name, entry] of entries.slice(0, QUORUM_LIMIT)) {
    checkName(name, entry)
    const written = fieldsOf(entry, ['policy'], [])?.policy
    const path = plainStringOf(written, PATH_LIMIT)
    if (written === undefined || path === undefined) continue
    const read = readPolicyFile(written, path, file)
    if (read !== undefined) quorums.set(name, { name, line: lineOf(entry), ...read })
  }
  return quorums
}

function readPolicyFile(
  node: Node,
  written: string,
  read: CertificateReader,
): { readonly file: string; readonly policy: TlogPolicy } | undefined {
  try {
    const { path, bytes } = read(written)
    return { file: path, policy: parseTlogPolicy(decodeUtf8(bytes, 'tlog policy')) }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const what = isAbsolute(written) ? written : `"${written}"`
    const told = error instanceof FormatError ? error.message : printable(error.message)
    return complain(node, `cannot use ${printable(what)}: ${told}`)
  }
}
