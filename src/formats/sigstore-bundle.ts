import { ENVELOPE_LIMIT } from './dsse.ts'
import { jsonObject, printJson } from './json-print.ts'
import { parseStrictJson } from './strict-json.ts'

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/**
 * A Sigstore bundle (sigstore/protobuf-specs, sigstore_bundle.proto, v0.3) around one line of attestations, so that
 * cosign can verify it with a public key: without certificate and transparency log. `hint` is for whoever looks for that
 * key; cosign takes one signature an envelope alone, with a key id that is empty or equal to the hint. Returns JSON; throws FormatError if the
 * line is none.
 */
export function sigstoreBundle(line: string, hint: string): string {
  return printJson(
    jsonObject([
      ['mediaType', MEDIA_TYPE],
      ['verificationMaterial', jsonObject([['publicKey', jsonObject([['hint', hint]])]])],
      ['dsseEnvelope', parseStrictJson(line, { length: ENVELOPE_LIMIT, depth: 3 })],
    ]),
  )
}
