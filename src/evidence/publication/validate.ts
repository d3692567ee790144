import { isInOnePiece, signatureKind } from '../../crypto/detached/verify.ts'
import { parseChecksumList } from '../../formats/checksum-list.ts'
import { parseEnvelope } from '../../formats/in-toto/dsse.ts'
import { parseKeyCertificate } from '../../formats/in-toto/key-certificate.ts'
import { parseApproval } from '../../formats/in-toto/predicates/approval.ts'
import { parsePredicate } from '../../formats/in-toto/predicates.ts'
import { parseStatement } from '../../formats/in-toto/statement.ts'
import { decodeUtf8 } from '../../formats/json/strict.ts'
import { graphDigest, parseBuildGraph } from '../../formats/nix/build-graph.ts'
import { parseNarinfo } from '../../formats/nix/narinfo.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import {
  APPROVALS,
  ENVELOPES,
  GRAPH_LIST,
  KEY_CERTIFICATES,
  parsePublishedName,
  partOf,
  splitExtension,
} from '../../formats/publication.ts'
import { FormatError } from '../../primitives/format-error.ts'

/** Whether a file of this name holds attestations, one per line. */
export function isLines(name: string): boolean {
  return name.endsWith(ENVELOPES)
}

/**
 * Makes sure that a file can be of use to whoever downloads it: each line is an envelope with a
 * statement about the store path in the file's name, or an approval of the graph, whose list has
 * that digest; each signature is of a known kind. Does not
 * check which keys signed. Throws FormatError.
 */
export function assertPublishable(name: string, bytes: Uint8Array): void {
  const { digest = '', extension = '' } = parsePublishedName(name) ?? {}
  const { plain } = splitExtension(extension)
  if (partOf(name) === APPROVALS) {
    assertOfApproval(digest, extension, bytes)
  } else if (partOf(name) === KEY_CERTIFICATES) {
    assertOfKeys(digest, bytes)
  } else if (isLines(name)) {
    for (const [index, line] of linesOf(bytes).entries()) assertLine(line, index + 1, digest)
  } else if (extension === '.narinfo') {
    const { path } = parseNarinfo(decodeUtf8(bytes, 'narinfo'))
    assertAbout([path], digest, { format: 'narinfo', where: 'StorePath' })
  } else if (plain === '.sums') {
    if (isInOnePiece(bytes)) signatureKind(bytes)
    else parseChecksumList(bytes)
  } else {
    signatureKind(bytes)
  }
}

function assertOfKeys(key: string, bytes: Uint8Array): void {
  for (const [index, line] of linesOf(bytes).entries()) {
    const { issuer } = within(`line ${index + 1}`, () => parseKeyCertificate(parseEnvelope(line).payload))
    if (issuer.replace(':', '-') === key) continue
    throw new FormatError('attestations', 'is not by the key that the file is named by', `line ${index + 1}`)
  }
}

function assertOfApproval(graph: string, extension: string, bytes: Uint8Array): void {
  if (extension === GRAPH_LIST) {
    parseBuildGraph(bytes)
    if (graphDigest(bytes) === graph) return
    throw new FormatError('build graph', 'is not what its name says', `SHA-256 ${graph}`)
  }
  for (const [index, line] of linesOf(bytes).entries()) {
    const approval = within(`line ${index + 1}`, () =>
      parseApproval(parseStatement(parseEnvelope(line).payload)),
    )
    if (approval?.graph.sha256 === graph) continue
    throw new FormatError(
      'attestations',
      'is not an approval of the graph that it is named by',
      `line ${index + 1}`,
    )
  }
}

/** The lines of a file that ends with a newline. Throws FormatError. */
export function linesOf(bytes: Uint8Array): readonly string[] {
  const lines = decodeUtf8(bytes, 'attestations').split('\n')
  if (lines.pop() === '' && lines.length > 0) return lines
  throw new FormatError('attestations', 'empty, or the last line breaks off', `line ${lines.length + 1}`)
}

function assertLine(line: string, number: number, digest: string): void {
  const where = `line ${number}`
  const paths = within(where, () => {
    const statement = parseStatement(parseEnvelope(line).payload)
    parsePredicate(statement)
    return statement.subjects.map(({ name }) => name)
  })
  assertAbout(paths, digest, { format: 'attestations', where })
}

/** Says in which line something is wrong. */
function within<T>(where: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError('attestations', error.message, where, { cause: error })
  }
}

function assertAbout(
  paths: readonly string[],
  digest: string,
  { format, where }: { readonly format: string; readonly where: string },
): void {
  if (paths.some(path => parseStorePath(path).digest === digest)) return
  throw new FormatError(format, `says nothing about a path with the digest ${digest}`, where)
}
