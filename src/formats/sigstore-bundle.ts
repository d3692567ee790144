import { ENVELOPE_LIMIT, parseEnvelope } from './dsse.ts'
import { jsonObject, printJson } from './json-print.ts'
import { parseStrictJson } from './strict-json.ts'

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/**
 * A Sigstore bundle (sigstore/protobuf-specs, sigstore_bundle.proto, v0.3) around the line of an envelope, which cosign
 * verifies with a public key, without a certificate or a transparency log. `hint` tells people which key that is: its SSH
 * fingerprint. cosign wants one signature an envelope. Returns JSON; throws FormatError if the line is no envelope.
 */
export function sigstoreBundle(line: string, hint: string): string {
  parseEnvelope(line)
  return printJson(
    jsonObject([
      ['mediaType', MEDIA_TYPE],
      ['verificationMaterial', jsonObject([['publicKey', jsonObject([['hint', hint]])]])],
      ['dsseEnvelope', parseStrictJson(line, { length: ENVELOPE_LIMIT, depth: 3 })],
    ]),
  )
}
