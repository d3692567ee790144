import { join } from 'node:path'
import { signEnvelope } from '../crypto/envelope.ts'
import { appendAttestation } from '../evidence/attestation-files.ts'
import { PROVENANCE, provenanceJson } from '../formats/in-toto/predicates/provenance.ts'
import { signerUri } from '../formats/in-toto/predicates.ts'
import { printStatement, statedReferences } from '../formats/in-toto/statement.ts'
import { sshFingerprint } from '../formats/ssh/key.ts'
import { readAdmission } from '../ledger/admissions.ts'
import type { PathInfo } from '../store/store-client.ts'
import type { Output } from './derivation-parts.ts'
import type { Inquiry } from './inquiry.ts'
import { machineKey } from './machine-key.ts'
import { inputsOf } from './stored-derivation.ts'

/**
 * The most inputs that a provenance lists. If there are more, it lists none: the derivation names
 * them all.
 */
const INPUT_LIMIT = 1000

/** Returns the directory of the attestations that this machine made, for others to fetch. */
export function ownAttestations(state: string): string {
  return join(state, 'attestations')
}

/** What was seen of an output besides its bytes. */
export interface Seen {
  /**
   * The references that Nix found when it built them here, or that were found in the bytes since.
   */
  readonly references?: readonly string[]
  /** It was here before, was built again, and came out the same. */
  readonly reproduced?: true
}

/**
 * Attests with this machine's key that this derivation produced these bytes here. Appends SLSA
 * provenance, one line in `<state>/attestations`. The same output of the same build yields the same
 * line, which is not written twice.
 */
export async function attestOutput(
  inquiry: Inquiry,
  output: Output,
  info: PathInfo,
  { references, reproduced }: Seen,
): Promise<void> {
  const { state } = inquiry.places
  const key = machineKey(state)
  const inputs = inputsOf(output.derivation).flatMap(({ path }) => {
    const admission = readAdmission(state, path.digest, path.path)
    return admission === undefined ? [] : [{ name: path.path, narHash: admission.narHash }]
  })
  const build = {
    derivation: output.derivation.path.path,
    output: output.name,
    inputs: inputs.length > INPUT_LIMIT ? [] : inputs,
    ...(reproduced === undefined ? {} : { reproduced }),
  }
  const stated = references === undefined ? {} : statedReferences(references)
  const payload = printStatement({
    subjects: [{ name: info.path, narHash: info.narHash, ...stated }],
    predicateType: PROVENANCE,
    predicate: provenanceJson(
      signerUri('builder', sshFingerprint(key.publicKey)),
      build,
      info.registrationTime,
    ),
  })
  appendAttestation(ownAttestations(state), info.path, signEnvelope(payload, key))
}
