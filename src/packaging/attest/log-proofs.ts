/** Envelopes as transparency logs take them, and what logs prove of them, kept with them. */
import { isProofOf } from '../../crypto/proof-of.ts'
import { attestationFile } from '../../evidence/attestation-file.ts'
import { appendAttestations, readAttestationLines } from '../../evidence/attestation-files.ts'
import { writeDurably } from '../../files/durable-file.ts'
import {
  type Envelope,
  LOG_PROOF_LIMIT,
  loggedEntry,
  parseEnvelope,
  printEnvelope,
} from '../../formats/in-toto/dsse.ts'
import { looksLikeSigsumProof, parseSigsumProof } from '../../formats/tlog/sigsum-proof.ts'
import { parseTlogProof } from '../../formats/tlog/tlog-proof.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { sha256 } from '../../primitives/sodium.ts'
import { PackagingError } from '../packaging-error.ts'

/** The envelopes about a store path, each once, whatever proofs its lines carry. */
function envelopesAbout(directory: string, path: string): readonly Envelope[] {
  const lines = readAttestationLines(attestationFile(directory, path)) ?? []
  const merged = new Map<string, Envelope>()
  for (const line of lines) {
    const { logged = [], ...envelope } = parseEnvelope(line)
    const entry = printEnvelope(envelope)
    const proofs = [...new Set([...(merged.get(entry)?.logged ?? []), ...logged])]
    merged.set(entry, proofs.length === 0 ? envelope : { ...envelope, logged: proofs })
  }
  if (merged.size > 0) return [...merged.values()]
  const where = printable(directory)
  throw new PackagingError('nothing-signed', `nothing is attested of ${path} in ${where}`)
}

/**
 * Writes what a log has to have of each envelope about a store path into a directory that exists, as
 * `<SHA-256>.envelope`. Returns the names of the files. Throws FormatError, PackagingError, and
 * whatever writing throws.
 */
export function writeLogEntries(from: string, path: string, to: string): readonly string[] {
  return envelopesAbout(from, path).map(envelope => {
    const entry = loggedEntry(envelope)
    const file = `${to}/${toHex(sha256(entry))}.envelope`
    writeDurably(file, entry, { flush: true, mode: 0o644 })
    return file
  })
}

/**
 * Keeps proofs with the envelopes that they are about: adds lines that carry them. Returns how many
 * proofs are new. It is verified that a proof is about the envelope, and not by which logs and
 * witnesses: that is for whoever asks for a quorum. Throws FormatError and PackagingError, and keeps
 * nothing then.
 */
export function keepLogProofs(
  directory: string,
  path: string,
  proofs: readonly { readonly text: string; readonly origin: string }[],
): number {
  const envelopes = envelopesAbout(directory, path)
  const added = new Map<Envelope, string[]>()
  for (const { text, origin } of proofs) {
    if (looksLikeSigsumProof(text)) parseSigsumProof(text)
    else parseTlogProof(text)
    const about = envelopes.filter(envelope => isProofOf(text, loggedEntry(envelope)))
    if (about.length === 0) {
      const why = `${printable(origin)} proves that something else was logged than what is attested of ${path}`
      throw new PackagingError('wrong-kind', why)
    }
    for (const envelope of about) {
      if (envelope.logged?.includes(text)) continue
      added.set(envelope, [...(added.get(envelope) ?? []), text])
    }
  }
  const lines = [...added].map(([envelope, texts]) => {
    // Others may have filled the line with rubbish. What has no room is still in the line that is there.
    const logged = [...texts, ...(envelope.logged ?? [])].slice(0, LOG_PROOF_LIMIT)
    if (texts.length <= LOG_PROOF_LIMIT) return printEnvelope({ ...envelope, logged })
    throw new PackagingError('wrong-kind', `an envelope carries at most ${LOG_PROOF_LIMIT} proofs`)
  })
  const { left } = appendAttestations(directory, path, lines)
  if (left.length > 0) throw new PackagingError('wrong-kind', `the attestations of ${path} fill their file`)
  return [...added.values()].flat().length
}
