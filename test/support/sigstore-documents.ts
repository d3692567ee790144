/** A bundle in the documents of other tools, by their published shapes. */
import type { bundle } from './sigstore.ts'

type Bundle = ReturnType<typeof bundle>
type Envelope = { readonly payload: string; readonly signatures: readonly { readonly sig: string }[] }

/** `gh attestation download`. */
export function bundlesByLine(bundles: readonly object[]): string {
  return bundles.map(each => `${JSON.stringify(each)}\n`).join('')
}

/** The list that npm's registry answers with. */
export function npmAttestations(bundles: readonly object[]): string {
  const attestations = bundles.map(each => ({
    predicateType: 'https://slsa.dev/provenance/v1',
    bundle: each,
  }))
  return JSON.stringify({ attestations })
}

/** GitHub's API, and `gh attestation verify --format json`. */
export function githubAttestations(bundles: readonly object[]): string {
  const attestations = bundles.map(each => ({
    bundle: each,
    repository_id: 1234567,
    bundle_url: 'https://x.test',
  }))
  return JSON.stringify({ attestations })
}

export function githubResults(bundles: readonly object[]): string {
  return JSON.stringify(
    bundles.map(each => ({ attestation: { bundle: each, initiator: 'github' }, verificationResult: {} })),
    null,
    2,
  )
}

/** An attestation of PEP 740, made of a bundle over a statement. */
export function pypiAttestation({ verificationMaterial, ...content }: Bundle): object {
  const { dsseEnvelope } = content as unknown as { readonly dsseEnvelope: Envelope }
  return {
    version: 1,
    verification_material: {
      certificate: verificationMaterial.certificate.rawBytes,
      transparency_entries: verificationMaterial.tlogEntries,
    },
    envelope: { statement: dsseEnvelope.payload, signature: dsseEnvelope.signatures[0]?.sig },
  }
}

/** The provenance file of PyPI. */
export function pypiProvenance(bundles: readonly Bundle[]): string {
  const publisher = {
    kind: 'GitHub',
    repository: 'example/tool',
    workflow: 'release.yml',
    environment: null,
    claims: null,
  }
  return JSON.stringify({
    version: 1,
    attestation_bundles: [{ publisher, attestations: bundles.map(pypiAttestation) }],
  })
}

/** `cosign sign-blob --bundle` before version 3, made of a bundle over a file. */
export function oldCosignBundle({ verificationMaterial, ...content }: Bundle): string {
  const { messageSignature } = content as unknown as {
    readonly messageSignature: { readonly signature: string }
  }
  const [entry] = verificationMaterial.tlogEntries as readonly [
    {
      readonly canonicalizedBody: string
      readonly integratedTime: string
      readonly logIndex: string
      readonly logId: { readonly keyId: string }
      readonly inclusionPromise: { readonly signedEntryTimestamp: string }
    },
  ]
  const lines = verificationMaterial.certificate.rawBytes.match(/.{1,64}/g) ?? []
  const pem = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
  return JSON.stringify({
    base64Signature: messageSignature.signature,
    cert: Buffer.from(pem).toString('base64'),
    rekorBundle: {
      SignedEntryTimestamp: entry.inclusionPromise.signedEntryTimestamp,
      Payload: {
        body: entry.canonicalizedBody,
        integratedTime: Number(entry.integratedTime),
        logIndex: Number(entry.logIndex),
        logID: Buffer.from(entry.logId.keyId, 'base64').toString('hex'),
      },
    },
  })
}
