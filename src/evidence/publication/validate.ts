import { isInOnePiece, signatureKind } from '../../crypto/detached/verify.ts'
import { parseChecksumList } from '../../formats/checksum-list.ts'
import { parseEnvelope } from '../../formats/in-toto/dsse.ts'
import { parsePredicate } from '../../formats/in-toto/predicates.ts'
import { parseStatement } from '../../formats/in-toto/statement.ts'
import { decodeUtf8 } from '../../formats/json/strict.ts'
import { parseNarinfo } from '../../formats/nix/narinfo.ts'
import { parseStorePath } from '../../formats/nix/store-path.ts'
import { parsePublishedName, splitExtension } from '../../formats/publication.ts'
import { FormatError } from '../../primitives/format-error.ts'

/** Whether a file of this name holds attestations, one per line. */
export function isLines(name: string): boolean {
  return name.endsWith('.intoto.jsonl')
}

/**
 * Makes sure that a file can be of use to whoever downloads it: each line is an envelope with a
 * statement about the store path in the file's name, each signature is of a known kind. Does not
 * check which keys signed. Throws FormatError.
 */
export function assertPublishable(name: string, bytes: Uint8Array): void {
  const { digest = '', extension = '' } = parsePublishedName(name) ?? {}
  const { plain } = splitExtension(extension)
  if (isLines(name)) {
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

/** The lines of a file that ends with a newline. Throws FormatError. */
export function linesOf(bytes: Uint8Array): readonly string[] {
  const lines = decodeUtf8(bytes, 'attestations').split('\n')
  if (lines.pop() === '' && lines.length > 0) return lines
  throw new FormatError('attestations', 'empty, or the last line breaks off', `line ${lines.length + 1}`)
}

function assertLine(line: string, number: number, digest: string): void {
  const where = `line ${number}`
  let paths: readonly string[]
  try {
    const statement = parseStatement(parseEnvelope(line).payload)
    parsePredicate(statement)
    paths = statement.subjects.map(({ name }) => name)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new FormatError('attestations', error.message, where, { cause: error })
  }
  assertAbout(paths, digest, { format: 'attestations', where })
}

function assertAbout(
  paths: readonly string[],
  digest: string,
  { format, where }: { readonly format: string; readonly where: string },
): void {
  if (paths.some(path => parseStorePath(path).digest === digest)) return
  throw new FormatError(format, `says nothing about a path with the digest ${digest}`, where)
}
