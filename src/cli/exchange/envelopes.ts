import { appendAttestation } from '../../evidence/attestation-files.ts'
import { parseEnvelope } from '../../formats/in-toto/dsse.ts'
import { parseStatement } from '../../formats/in-toto/statement.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type Imported, total } from './imported.ts'

/**
 * Keeps the envelopes of an in-toto bundle (in-toto/attestation, spec/v1/bundle.md), one a line, each with every store
 * path that its statement is about. What is no envelope about store paths is left out. Throws FileError.
 */
export function importLines(out: string, text: string, origin: string): Imported {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), from: `${origin}:${index + 1}` }))
  return total(
    lines.filter(({ line }) => line !== '').map(({ line, from }) => importEnvelope(out, line, from)),
  )
}

/** Keeps one envelope; `origin` tells where it came from. Throws FileError. */
export function importEnvelope(out: string, line: string, origin: string): Imported {
  try {
    const { subjects } = parseStatement(parseEnvelope(line).payload)
    const added = subjects.map(({ name }) => name).filter(path => appendAttestation(out, path, line))
    return { added, known: subjects.length - added.length, skipped: [] }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { added: [], known: 0, skipped: [`${printable(origin)}: ${error.message}`] }
  }
}
