import { includes, leafHash } from '../formats/tlog/merkle.ts'
import {
  looksLikeSigsumProof,
  parseSigsumProof,
  sigsumChecksum,
  sigsumLeaf,
} from '../formats/tlog/sigsum-proof.ts'
import { parseTlogProof } from '../formats/tlog/tlog-proof.ts'

/**
 * Whether a proof is about this entry: its hashes lead from it to the root that it states. Who signed
 * that root, or Sigsum's leaf, is not looked at. Throws FormatError for what is no proof.
 */
export function isProofOf(text: string, entry: Uint8Array): boolean {
  if (looksLikeSigsumProof(text)) {
    const proof = parseSigsumProof(text)
    const leaf = leafHash(sigsumLeaf(sigsumChecksum(entry), proof))
    return includes(proof.checkpoint, { leaf, index: proof.index, proof: proof.hashes })
  }
  const { checkpoint, index, hashes } = parseTlogProof(text)
  return includes(checkpoint, { leaf: leafHash(entry), index, proof: hashes })
}
