/** Forgeries of attestations: what counts must, in the bytes that matter, have been signed here. */
import { strict as assert } from 'node:assert'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { keyRing, openEnvelope, signEnvelope } from '../../src/crypto/envelope.ts'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { attestationReader } from '../../src/evidence/attestations.ts'
import { PAYLOAD_TYPE, pae, parseEnvelope, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { printNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import { parseKey } from '../../src/policy/language/keys.ts'
import type { Claim } from '../../src/policy/verdict.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import { ALICE, BOB, PATH, policyOfTwo } from '../seeds.ts'
import { bytesOf, refusalOf, type Target, textOf } from '../target.ts'
import { ATTESTATION_TOKENS, PAYLOADS } from './attestations.ts'

const RING = keyRing([ALICE, BOB].map(each => parseKey(printNixPublicKey(each))))

/** Each payload signed by Alice and Bob, with helpful, misleading and malformed key ids. */
const ENVELOPES: readonly string[] = PAYLOADS.flatMap(payload => {
  const message = pae(PAYLOAD_TYPE, payload)
  const signatures = [
    { keyid: '', signature: signEd25519(message, ALICE.secretKey) },
    { keyid: 'anything', signature: signEd25519(message, BOB.secretKey) },
  ]
  return [signEnvelope(payload, ALICE), printEnvelope({ payloadType: PAYLOAD_TYPE, payload, signatures })]
})

const ORIGINAL = parseEnvelope(signEnvelope(PAYLOADS[0] ?? new Uint8Array(), ALICE))

/** Each payload with a signature of it, as Ed25519 verification receives them. */
const SIGNED: ReadonlySet<string> = new Set(
  ENVELOPES.flatMap(line => {
    const { payload, signatures } = parseEnvelope(line)
    return signatures.map(({ signature }) => pairOf(payload, signature))
  }),
)

/** Envelopes from outside. */
export const FORGED_ENVELOPE: Target = forgery('forged envelope', ENVELOPES.map(bytesOf), textOf)

/** Another payload under Alice's signature. */
export const FORGED_PAYLOAD: Target = forgery('forged payload', PAYLOADS, payload =>
  printEnvelope({ ...ORIGINAL, payload }),
)

/** Another signature of one of Alice's payloads. */
export const FORGED_SIGNATURE: Target = forgery(
  'forged signature',
  ORIGINAL.signatures.map(({ signature }) => signature),
  signature => printEnvelope({ ...ORIGINAL, signatures: [{ keyid: '', signature }] }),
)

/** A whole file of attestations, up to the claims made from it. `directory` holds no others. */
export function forgedAttestations(directory: string): Target {
  const file = attestationFile(directory, PATH)
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const evidence = attestationReader(policyOfTwo([directory]))
  const claimsIn = (text: string) => {
    writeFileSync(file, text, { mode: 0o600 })
    return evidence(PATH)
  }
  const whole = `${ENVELOPES.join('\n')}\n`
  let genuine: Promise<ReadonlySet<string>> | undefined
  return {
    name: 'forged attestations',
    seeds: [whole, ...ENVELOPES.map(line => `${line}\n`)].map(bytesOf),
    tokens: ['\n', '\r\n', ...ATTESTATION_TOKENS],
    check: async input => {
      genuine ??= claimsIn(whole).then(({ claims }) => new Set(claims.map(wordsOf)))
      const known = await genuine
      assert.ok(known.size > 0, 'nothing is attested')
      // A file without a final newline is read again and again for a while; that is tested
      // elsewhere.
      const { claims, strays, troubles } = await claimsIn(`${textOf(input)}\n`)
      for (const claim of claims) assert.ok(known.has(wordsOf(claim)), `a forged claim: ${wordsOf(claim)}`)
      const problems = new Set([...strays.map(({ problem }) => problem), ...troubles.map(() => 'trouble')])
      return [claims.length, ...[...problems].sort()].join(' ')
    },
  }
}

/** A target that opens the envelope made from an input. */
function forgery(name: string, seeds: readonly Uint8Array[], lineOf: (input: Uint8Array) => string): Target {
  return {
    name,
    seeds,
    tokens: ATTESTATION_TOKENS,
    check: async input => {
      try {
        return await verdictOn(lineOf(input))
      } catch (error) {
        return refusalOf(error, [FormatError])
      }
    },
  }
}

/**
 * Opens an envelope. Throws unless each of its signers signed exactly that payload here, with
 * exactly that signature.
 */
async function verdictOn(line: string): Promise<string> {
  const envelope = parseEnvelope(line)
  const { signers, strays } = await openEnvelope(envelope, RING)
  const genuine = envelope.signatures.filter(({ signature }) =>
    SIGNED.has(pairOf(envelope.payload, signature)),
  )
  assert.ok(signers.length <= genuine.length, 'a forgery verifies')
  return `${signers.length} signed, strays: ${[...new Set(strays.map(({ problem }) => problem))].sort()}`
}

function pairOf(payload: Uint8Array, signature: Uint8Array): string {
  return [payload, signature].map(bytes => Buffer.from(bytes).toString('base64')).join(' ')
}

function wordsOf({ key, role, path, narHash, coversGraph }: Claim): string {
  return [key, role, path, narHash, coversGraph === true].join(' ')
}
