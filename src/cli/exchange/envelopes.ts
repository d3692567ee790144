import { appendAttestation } from '../../evidence/attestation-files.ts'
import { parseEnvelope, printEnvelope } from '../../formats/in-toto/dsse.ts'
import { parseStatement } from '../../formats/in-toto/statement.ts'
import { parseSigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type Imported, total } from './imported.ts'

/**
 * Keeps the envelopes of an in-toto bundle (in-toto/attestation, spec/v1/bundle.md), one a line, each with every store
 * path that its statement is about. What is no envelope about store paths is left out. Throws FileError.
 */
export function importLines(out: string, text: string, origin: string): Imported {
  // cosign writes a bundle on one line, others on several.
  if (/^\s*\{\s*\n/.test(text)) return importEnvelope(out, text, origin)
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), from: `${origin}:${index + 1}` }))
  return total(
    lines.filter(({ line }) => line !== '').map(({ line, from }) => importEnvelope(out, line, from)),
  )
}

/** Keeps one envelope, or that in a Sigstore bundle; `origin` tells where it came from. Throws FileError. */
export function importEnvelope(out: string, text: string, origin: string): Imported {
  try {
    const line = isBundle(text) ? envelopeIn(text) : text
    const { subjects } = parseStatement(parseEnvelope(line).payload)
    const added = subjects.map(({ name }) => name).filter(path => appendAttestation(out, path, line))
    return { added, known: subjects.length - added.length, skipped: [] }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { added: [], known: 0, skipped: [`${printable(origin)}: ${error.message}`] }
  }
}

function isBundle(text: string): boolean {
  return /"mediaType"\s*:\s*"application\/vnd\.dev\.sigstore\.bundle/.test(text)
}

/** The line of an envelope in a bundle by a key. What certificates and logs say of it is kept by no attestation. */
function envelopeIn(text: string): string {
  const { content, material } = parseSigstoreBundle(Buffer.from(text, 'utf8'))
  if (content.kind === 'message') {
    throw new FormatError(
      'Sigstore bundle',
      'a signature over a file, which handoff and attest source take',
      'messageSignature',
    )
  }
  if (material.kind === 'certificate') {
    throw new FormatError(
      'Sigstore bundle',
      'a statement by a certificate, and attestations are by keys',
      'certificate',
    )
  }
  const { payloadType, payload, signature } = content
  return printEnvelope({ payloadType, payload, signatures: [{ keyid: material.hint, signature }] })
}
