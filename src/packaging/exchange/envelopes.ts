import { appendAttestations } from '../../evidence/attestation-files.ts'
import { parseEnvelope, printEnvelope } from '../../formats/in-toto/dsse.ts'
import { parseStatement } from '../../formats/in-toto/statement.ts'
import { parseSigstoreBundle } from '../../formats/sigstore/bundle.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { type Imported, total } from './imported.ts'

/** An envelope that is to be kept, and where it came from. */
export interface GivenEnvelope {
  readonly text: string
  readonly origin: string
}

/** The envelopes of an in-toto bundle (in-toto/attestation, spec/v1/bundle.md), one a line. */
export function envelopesOf(text: string, origin: string): readonly GivenEnvelope[] {
  // cosign writes a bundle on one line, others on several.
  if (/^\s*\{\s*\n/.test(text)) return [{ text, origin }]
  return text
    .split('\n')
    .map((line, index) => ({ text: line.trim(), origin: `${origin}:${index + 1}` }))
    .filter(({ text }) => text !== '')
}

/** Characters that wait to be kept. */
const BATCH_LIMIT = 64 * 1024 * 1024

/**
 * Keeps envelopes from many files, many at a time: what is kept about a path is read and written
 * once for all of them.
 */
export interface EnvelopeBatch {
  add(envelopes: readonly GivenEnvelope[]): void
  /** Keeps what waits; what became of all of them. Throws FileError. */
  finish(): Imported
}

export function openEnvelopeBatch(out: string): EnvelopeBatch {
  const parts: Imported[] = []
  let waiting: GivenEnvelope[] = []
  let size = 0
  const flush = () => {
    parts.push(importEnvelopes(out, waiting))
    waiting = []
    size = 0
  }
  return {
    add(envelopes) {
      for (const envelope of envelopes) waiting.push(envelope)
      size += envelopes.reduce((sum, { text }) => sum + text.length, 0)
      if (size > BATCH_LIMIT) flush()
    },
    finish() {
      flush()
      return total(parts)
    },
  }
}

/**
 * Keeps envelopes, or those in Sigstore bundles, each with every store path that its statement is
 * about. What is no envelope about store paths is left out. Each file is read and written once.
 * Throws FileError.
 */
function importEnvelopes(out: string, envelopes: readonly GivenEnvelope[]): Imported {
  const skipped: string[] = []
  const skip = (origin: string, why: string) => skipped.push(`${printable(origin)}: ${why}`)
  const byPath = new Map<string, GivenEnvelope[]>()
  for (const { text, origin } of envelopes) {
    try {
      const line = isBundle(text) ? envelopeIn(text) : text
      for (const { name } of parseStatement(parseEnvelope(line).payload).subjects) {
        const about = byPath.get(name) ?? []
        about.push({ text: line, origin })
        byPath.set(name, about)
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      skip(origin, error.message)
    }
  }
  const parts = [...byPath].map(([path, about]) => keep(out, path, about))
  return total([...parts, { added: [], known: 0, skipped }])
}

/** Keeps what is said about one path. */
function keep(out: string, path: string, envelopes: readonly GivenEnvelope[]): Imported {
  const originOf = new Map(envelopes.map(({ text, origin }) => [text, origin]))
  const skipped = (lines: Iterable<string>, why: string) =>
    [...lines].map(line => `${printable(originOf.get(line) ?? '')}: ${why}`)
  try {
    const { added, left } = appendAttestations(
      out,
      path,
      envelopes.map(({ text }) => text),
    )
    return {
      added: added.map(() => path),
      known: envelopes.length - added.length - left.length,
      skipped: skipped(left, `what is attested of ${path} fills its file`),
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { added: [], known: 0, skipped: skipped(originOf.keys(), error.message) }
  }
}

function isBundle(text: string): boolean {
  return /"mediaType"\s*:\s*"application\/vnd\.dev\.sigstore\.bundle/.test(text)
}

/**
 * The line of an envelope in a bundle by a key. What certificates and logs say of it is kept by no
 * attestation.
 */
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
  const keyid = material.kind === 'public-key' ? material.hint : ''
  return printEnvelope({ payloadType, payload, signatures: [{ keyid, signature }] })
}
