/** Files of SSH and signify, and forgeries of them: what verifies must have been signed. */
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { verifySshBlob, verifySshSignature } from '../../src/crypto/ssh-signature.ts'
import {
  parseSignifyPublicKey,
  parseSignifySignature,
  printSignifyPublicKey,
  splitSignifyFile,
} from '../../src/formats/signify.ts'
import { parseAllowedSigners, printAllowedSigner } from '../../src/formats/ssh/allowed-signers.ts'
import { sshKeyBlob } from '../../src/formats/ssh/key.ts'
import { parseSshSignature, printSshSignature } from '../../src/formats/ssh/sshsig.ts'
import { principalsOfSigners } from '../../src/policy/allowed-signers.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { verifyEd25519 } from '../../src/primitives/sodium.ts'
import { formatTarget, refusalOf, type Target, textOf } from '../target.ts'
import {
  SIGNIFY_KEY,
  SIGNIFY_SIGNATURES,
  SSH_FILE,
  SSH_KEYS,
  SSH_NAMESPACE,
  SSH_PAIRS,
  SSH_SIGNATURES,
} from './ssh-seeds.ts'

const SIGNATURE_TOKENS: readonly string[] = [
  ...[
    '-----BEGIN SSH SIGNATURE-----\n',
    '-----END SSH SIGNATURE-----',
    '\n',
    '\r\n',
    'U1NIU0lHAAAAAQ',
    'AAAA',
    '=',
  ],
  ...['untrusted comment: ', 'trusted comment: ', 'RWQ', 'RWT'],
]

const LIST_TOKENS: readonly string[] = [
  ...['alice', 'bob@example.org', ',', ' ', '\t', '\n', '\r\n', '#', '"', '*', '!', '?', '=', '\\'],
  ...['namespaces="file"', 'namespaces="git,file"', 'cert-authority', 'valid-after="20260101Z"'],
  ...['valid-before="202701011200Z"', 'valid-before="20270101000000"', ...SSH_KEYS.slice(0, 2)],
]

const [FIRST = '', SECOND = ''] = SSH_KEYS
const LISTS: readonly string[] = [
  `alice ${FIRST}\n`,
  `# people\nalice@example.org,alice namespaces="file,git",valid-after="20260101Z" ${FIRST}\n\nbob ${SECOND}\n`,
  `bob valid-before="20270101120000Z" ${SECOND}`,
]

/** Parsers of files. */
export const SSH: readonly Target[] = [
  formatTarget({
    name: 'ssh signature',
    seeds: SSH_SIGNATURES,
    tokens: SIGNATURE_TOKENS,
    read: parseSshSignature,
    print: printSshSignature,
  }),
  formatTarget({
    name: 'signify key',
    seeds: [
      printSignifyPublicKey(SIGNIFY_KEY),
      `untrusted comment: x\n${printSignifyPublicKey(SIGNIFY_KEY)}\n`,
    ],
    tokens: SIGNATURE_TOKENS,
    read: input => parseSignifyPublicKey(textOf(input)),
    print: printSignifyPublicKey,
    oneSpelling: input => !textOf(input).includes('\n'),
  }),
  formatTarget({
    name: 'signify signature',
    seeds: SIGNIFY_SIGNATURES,
    tokens: SIGNATURE_TOKENS,
    read: splitSignifyFile,
    also: ({ signature, message }, input) => {
      assert.deepEqual([signature.keyNumber.length, signature.signature.length], [8, 64])
      assert.ok(
        Buffer.from(input)
          .subarray(input.length - message.length)
          .equals(message),
      )
    },
  }),
  formatTarget({
    name: 'allowed signers',
    seeds: LISTS,
    tokens: LIST_TOKENS,
    read: input => parseAllowedSigners(input).map(({ line: _, ...signer }) => signer),
    print: signers => signers.map(signer => `${printAllowedSigner(signer)}\n`).join(''),
    also: (_, input) => principalsOrRefusal(input),
  }),
]

const GENUINE = SSH_PAIRS.map(({ signature }) => parseSshSignature(signature))

/** A signature file for OpenSSH's message. */
export const FORGED_SSH_SIGNATURE: Target = {
  name: 'forged ssh signature',
  seeds: SSH_SIGNATURES,
  tokens: SIGNATURE_TOKENS,
  check: async input => {
    try {
      const signature = parseSshSignature(input)
      const isGenuine = GENUINE.some(each => isDeepStrictEqual(each, signature))
      const outcomes: string[] = []
      for (const { key } of SSH_PAIRS) {
        const digestOf = (hash: string) => createHash(hash).update(SSH_FILE).digest()
        const { outcome } = await verifySshSignature({
          signature,
          key,
          namespaces: [SSH_NAMESPACE],
          digestOf,
        })
        assert.ok(isGenuine || outcome !== 'good', 'a forgery verifies')
        outcomes.push(outcome)
      }
      return outcomes.join(' ')
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}

/** A raw signature, as an agent returns it, for a message that nobody signed: none may verify. */
export const FORGED_SSH_BLOB: Target = {
  name: 'forged ssh blob',
  seeds: GENUINE.map(({ signature }) => signature),
  tokens: [
    'rsa-sha2-256',
    'rsa-sha2-512',
    'ssh-rsa',
    'ssh-ed25519',
    'sk-ssh-ed25519@openssh.com',
    '\0\0\0\x40',
  ],
  check: async input => {
    const outcomes: string[] = []
    for (const { key } of SSH_PAIRS) {
      const { outcome } = await verifySshBlob(sshKeyBlob(key), input, key)
      assert.ok(outcome === 'bad-signature' || outcome === 'unacceptable', outcome)
      outcomes.push(outcome)
    }
    return outcomes.join(' ')
  },
}

/** A detached signify signature that verifies must be Alice's. */
export const FORGED_SIGNIFY: Target = {
  name: 'forged signify signature',
  seeds: SIGNIFY_SIGNATURES,
  tokens: SIGNATURE_TOKENS,
  check: input => {
    try {
      const { keyNumber, signature } = parseSignifySignature(input)
      const isOurs = Buffer.from(keyNumber).equals(SIGNIFY_KEY.keyNumber)
      if (!isOurs || !verifyEd25519(SSH_FILE, signature, SIGNIFY_KEY.publicKey)) return 'bad'
      assert.deepEqual(parseSignifySignature(SIGNIFY_SIGNATURES[0] ?? input).signature, signature)
      return 'good'
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}

function principalsOrRefusal(input: Uint8Array): void {
  try {
    principalsOfSigners(parseAllowedSigners(input))
  } catch (error) {
    refusalOf(error, [FormatError])
  }
}
