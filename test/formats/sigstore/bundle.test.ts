import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PAYLOAD_TYPE, printEnvelope } from '../../../src/formats/in-toto/dsse.ts'
import { sigstoreBundle } from '../../../src/formats/sigstore/bundle.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const line = printEnvelope({
  payloadType: PAYLOAD_TYPE,
  payload: Uint8Array.of(1, 2),
  signatures: [{ keyid: 'SHA256:x', signature: Uint8Array.of(3) }],
})

test('the bundle contains the envelope as it was signed', () => {
  assert.equal(
    sigstoreBundle(line, 'SHA256:x'),
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",' +
      `"verificationMaterial":{"publicKey":{"hint":"SHA256:x"}},"dsseEnvelope":${line}}`,
  )
})

test('a hint cannot break out of its string', () => {
  const bundle = JSON.parse(sigstoreBundle(line, '"},"x":{"'))
  assert.deepEqual(bundle.verificationMaterial, { publicKey: { hint: '"},"x":{"' } })
})

test('a line that is not an envelope is refused', () => {
  for (const text of ['', 'x', '{}', `${line}${line}`, line.replace('"sig"', '"signature"')]) {
    assert.throws(() => sigstoreBundle(text, ''), FormatError)
  }
})
