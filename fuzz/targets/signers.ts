/**
 * Parsers used by signers (key files, agents' answers), and forgeries of envelopes with keys other
 * than Nix's.
 */
import { strict as assert } from 'node:assert'
import { keyRing, openEnvelope } from '../../src/crypto/envelope.ts'
import { keyIdOf } from '../../src/crypto/envelope-keys.ts'
import { PAYLOAD_TYPE, pae, parseEnvelope, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { parseEncryptedKey, printEncryptedKey, USUAL_COST } from '../../src/formats/keys/encrypted-key.ts'
import { parseAgentSignature, parseIdentities } from '../../src/formats/ssh/agent.ts'
import { parseSshSignatureBlob, printSshSignatureBlob, sshSignedData } from '../../src/formats/ssh/sshsig.ts'
import { wireString, wireUint32 } from '../../src/formats/ssh/wire.ts'
import { parseKey, type TextKey } from '../../src/policy/language/keys.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import { ALICE } from '../seeds.ts'
import { bytesOf, formatTarget, refusalOf, type Target, textOf } from '../target.ts'

const PAYLOAD = Buffer.from('{"what":"ever"}')
const MESSAGE = pae(PAYLOAD_TYPE, PAYLOAD)

const ECDSA = parseKey(`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEng+WzVZPcZ3MJqDrspU84CIRJeeu
BqlPH+V6JYUe/vSSVqIvvlALCsWYcSgYuuVXC5qYA/xjEiqoPIYdBLHElQ==
-----END PUBLIC KEY-----
`)
const ECDSA_SIGNATURE = Buffer.from(
  'MEQCICs4tRVvmdtNoLXeSP3r/mw88UW5lECTu40J6MWDF+veAiB4is9gok2iIuhsQzGN6lGoYqN5cCrWXf9SDHGyguXxjw==',
  'base64',
)

const RSA = parseKey(`-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAl0M7TF2vj5f31B/tiY54
mjo/8hCzRjVyw+OkwP6hiApglIG1UFIRctLBzPklZBmbQxkCFWDSC8UfkwAne06g
O5Xz8RJ58vC1seHzJg8vWj9FH/lPjGS8jTmkvTRJw/kEb1LXQLMkQCeeRqPx3L11
Ows/AqRw/dnwJ/IxcirV2LCSVD952eeJX+MPlt8qStwQQfRW2Kpvlo1Kwx9s1DX+
aT4AOmC8zZkir5mTWMSVYi33/psBL1DQh54bgJxJPnECVXS7yx2U98TCm/Hat1q4
VUhQEi+FMPBhpjTrzsZAGNLNOWU5R034gmtpQVWZyeLWRHEqMVhNk8zvtxHwcQE2
JQIDAQAB
-----END PUBLIC KEY-----
`)
const RSA_SIGNATURE = Buffer.from(
  'Rwn/3G5mSTDJySkFz4zPVwwdr5L7kOEtsHB5NJ1FLHupTZCu7zIro0/DNYRHfJWMyknZPEv2KoqxbkUZRsKxkhouQHy4wuw3I1Ul' +
    'QZ6HQhpQ13wtDFX0jBe+6IPzbL4fFYke/U4Qnx6qWpTr5u/bHLSrzyWcLyQAQ3OSis5NR3HDyEp4QtcAG3ERG3ZlxV/AwXJWPhYr' +
    'm4uOgB1+BsHyFB05Fcxg5pTRcKmuy5pT7HslW7EFxftuLi/9CFWe6MvgMr0y1M+usaVc+HEdc4/v8R/Ticatbt32wycpWzI+tRq+' +
    '47eoidXuEquSWDK/tZqGiMTDmqYsNyuRRZn4WK/AKA==',
  'base64',
)

const SECURITY_KEY = 'sk-ssh-ed25519@openssh.com'
const SECURITY_KEY_BLOB = Buffer.concat([SECURITY_KEY, ALICE.publicKey, 'ssh:'].map(wireString))
const TOUCHED = parseKey(`${SECURITY_KEY} ${SECURITY_KEY_BLOB.toString('base64')}`)

/** What a security key with Alice's secret signs, with its user present. */
function touched(): Uint8Array {
  const namespace = 'nixsig'
  const data = sshSignedData(namespace, 'sha256', sha256(MESSAGE))
  const presence = Buffer.concat([Buffer.of(1), wireUint32(1)])
  const signed = Buffer.concat([sha256(Buffer.from('ssh:')), presence, sha256(data)])
  const signature = Buffer.concat([
    wireString(SECURITY_KEY),
    wireString(signEd25519(signed, ALICE.secretKey)),
    presence,
  ])
  return printSshSignatureBlob({ keyBlob: SECURITY_KEY_BLOB, namespace, hash: 'sha256', signature })
}

const SIGNED: readonly (readonly [TextKey, Uint8Array])[] = [
  [ECDSA, ECDSA_SIGNATURE],
  [RSA, RSA_SIGNATURE],
  [TOUCHED, touched()],
]
const RING = keyRing(SIGNED.map(([key]) => key))

function lineOf(signature: Uint8Array, keyid = ''): string {
  return printEnvelope({ payloadType: PAYLOAD_TYPE, payload: PAYLOAD, signatures: [{ keyid, signature }] })
}

const LINES = SIGNED.flatMap(([key, signature]) => [lineOf(signature), lineOf(signature, keyIdOf(key))])

/** Opens an envelope; its signers must have signed exactly that payload. */
async function verdictOn(line: () => string): Promise<string> {
  try {
    const envelope = parseEnvelope(line())
    const { signers, strays, undecided } = await openEnvelope(envelope, RING)
    if (signers.length > 0) assert.ok(PAYLOAD.equals(envelope.payload), 'a forgery verifies')
    assert.deepEqual(undecided, [], 'undecided although nothing is missing')
    const kinds = signers.map(({ key }) => key.kind)
    return `${kinds}, strays: ${[...new Set(strays.map(({ problem }) => problem))].sort()}`
  } catch (error) {
    return refusalOf(error, [FormatError])
  }
}

/**
 * Envelopes from outside, and others with replaced signatures. Another encoding of the same content
 * is not a forgery.
 */
const FORGED: readonly Target[] = [
  {
    name: 'forged envelope of other keys',
    seeds: LINES.map(bytesOf),
    tokens: ['"keyid":"', '"sig":"', ...SIGNED.map(([key]) => keyIdOf(key)), 'U1NIU0lH', 'MEQCI', '='],
    check: input => verdictOn(() => textOf(input)),
  },
  {
    name: 'forged signature of other keys',
    seeds: SIGNED.map(([, signature]) => signature),
    tokens: [
      'SSHSIG',
      'nixsig',
      'sha256',
      'sha512',
      'ssh:',
      SECURITY_KEY,
      '\x30\x06\x02\x01\x00\x02\x01\x00',
    ],
    check: input => verdictOn(() => lineOf(input)),
  },
]

const SEALED = printEncryptedKey({
  name: 'alice-1',
  publicKey: ALICE.publicKey,
  cost: USUAL_COST,
  salt: new Uint8Array(16),
  nonce: new Uint8Array(24),
  ciphertext: new Uint8Array(48),
})

export const SIGNERS: readonly Target[] = [
  formatTarget({
    name: 'encrypted secret key',
    seeds: [SEALED],
    tokens: [
      'nixsig encrypted secret key 1\n',
      'argon2id ',
      'name ',
      'xchacha20-poly1305 ',
      ' 1048577 ',
      '4294967296',
      '=',
      '\n',
    ],
    read: input => parseEncryptedKey(textOf(input)),
    print: printEncryptedKey,
    oneSpelling: () => true,
    also: ({ cost }) => assert.ok(cost.kibibytes <= 1024 * 1024 && cost.passes <= 16, 'too much work'),
  }),
  formatTarget({
    name: "agent's keys",
    seeds: [
      Buffer.concat([Buffer.of(12), wireUint32(2), ...[SECURITY_KEY_BLOB, 'a', 'b', 'c'].map(wireString)]),
      Buffer.of(12, 0, 0, 0, 0),
      Buffer.of(5),
    ],
    tokens: ['\0\0\0\x01', '\xff\xff\xff\xff', SECURITY_KEY, 'ssh-ed25519'],
    read: parseIdentities,
  }),
  formatTarget({
    name: "agent's signature",
    seeds: [Buffer.concat([Buffer.of(14), wireString(touched())]), Buffer.of(5)],
    tokens: ['\0\0\0\x01', '\xff\xff\xff\xff', SECURITY_KEY],
    read: parseAgentSignature,
  }),
  formatTarget({
    name: 'bare ssh signature',
    seeds: [touched()],
    tokens: ['SSHSIG', 'nixsig', 'sha256', 'sha512', '\0\0\0\x01'],
    read: parseSshSignatureBlob,
    print: printSshSignatureBlob,
    oneSpelling: () => true,
  }),
  ...FORGED,
]
