/** Forgeries of minisign's and Nix's signatures: what verifies must have been signed here. */
import { strict as assert } from 'node:assert'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { verifyMinisign } from '../../src/crypto/detached/minisign.ts'
import { withOpenedFile } from '../../src/crypto/detached/opened-file.ts'
import { storeSignatureEvidence } from '../../src/evidence/store-signatures.ts'
import { parseMinisignSignature } from '../../src/formats/minisign.ts'
import { narFingerprint, parseNarinfo, printNarinfo } from '../../src/formats/nix/narinfo.ts'
import { parseNixSignature, printNixSignature } from '../../src/formats/nix/nix-key.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { signEd25519 } from '../../src/primitives/sodium.ts'
import { ALICE, policyOfTwo } from '../seeds.ts'
import { bytesOf, refusalOf, type Target, textOf } from '../target.ts'
import { MINISIGN_FILE, MINISIGN_KEY, MINISIGN_SIGNATURES } from './minisign-seeds.ts'
import { NARINFO_TOKENS, NARINFOS } from './nix-files.ts'

const POLICY = policyOfTwo([])

/** Narinfos that Alice signed. */
const SIGNED = NARINFOS.map(text => {
  const narinfo = parseNarinfo(text)
  const signature = signEd25519(Buffer.from(narFingerprint(narinfo)), ALICE.secretKey)
  const signatures = [...narinfo.signatures, printNixSignature({ name: ALICE.name, signature })]
  return { fingerprint: narFingerprint(narinfo), signature, text: printNarinfo({ ...narinfo, signatures }) }
})

/** A binary cache's narinfo, up to the claims made from it. */
export const FORGED_NARINFO: Target = {
  name: 'forged narinfo',
  seeds: SIGNED.map(({ text }) => bytesOf(text)),
  tokens: [...NARINFO_TOKENS, 'alice:', 'bob:'],
  check: input => {
    try {
      const narinfo = parseNarinfo(textOf(input))
      const { claims, strays } = storeSignatureEvidence(POLICY, narinfo, 'a cache')
      const genuine = SIGNED.find(({ fingerprint }) => fingerprint === narFingerprint(narinfo))
      if (claims.length > 0)
        assert.ok(genuine && isCarried(narinfo.signatures, genuine.signature), 'a forgery verifies')
      return `${claims.length} signed, strays: ${[...new Set(strays.map(({ problem }) => problem))].sort()}`
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}

/**
 * Other signature files beside a file, and other files beside a signature. `directory` holds
 * nothing else.
 */
export function minisignForgeries(directory: string): readonly Target[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const genuine = join(directory, 'genuine')
  writeFileSync(genuine, MINISIGN_FILE)
  const other = join(directory, 'other')
  const signatures = MINISIGN_SIGNATURES.map(parseMinisignSignature)
  return [
    {
      name: 'forged minisign signature',
      seeds: MINISIGN_SIGNATURES,
      tokens: ['untrusted comment: ', 'trusted comment: ', '\n', '\r', 'RUQ', 'RWQ'],
      check: async input => {
        try {
          const outcome = await verify(genuine, input)
          if (outcome === 'good') {
            const parsed = parseMinisignSignature(input)
            assert.ok(
              signatures.some(each => isDeepStrictEqual(each, parsed)),
              'a forgery verifies',
            )
          }
          return outcome
        } catch (error) {
          return refusalOf(error, [FormatError])
        }
      },
    },
    {
      name: 'forged minisign file',
      seeds: [MINISIGN_FILE],
      tokens: ['\0', 'x'],
      check: async input => {
        writeFileSync(other, input)
        const outcomes: string[] = []
        for (const signature of MINISIGN_SIGNATURES) outcomes.push(await verify(other, signature))
        const isGenuine = Buffer.from(input).equals(MINISIGN_FILE)
        assert.ok(
          outcomes.every(outcome => outcome === (isGenuine ? 'good' : 'bad-signature')),
          outcomes.join(', '),
        )
        return outcomes.join(', ')
      },
    },
  ]
}

async function verify(file: string, signature: Uint8Array): Promise<string> {
  const { kind } = await withOpenedFile(file, opened => verifyMinisign(opened, signature, MINISIGN_KEY))
  return kind
}

/** Whether one of these texts contains a signature of these bytes, under any name. */
function isCarried(texts: readonly string[], signature: Uint8Array): boolean {
  return texts.some(text => {
    try {
      return Buffer.from(parseNixSignature(text).signature).equals(signature)
    } catch {
      return false
    }
  })
}
