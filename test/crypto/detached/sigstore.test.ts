import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type DetachedResult, verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { PAYLOAD_TYPE, pae } from '../../../src/formats/in-toto/dsse.ts'
import { sigstoreIdentity } from '../../../src/policy/language/sigstore-key.ts'
import type { Key, SigstoreKey } from '../../../src/policy/policy.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { releaseFiles } from '../../support/release-files.ts'
import {
  ALICE,
  bundle,
  type Content,
  certify,
  dsseEnvelope,
  ecdsaPair,
  emailName,
  ISSUER,
  logBody,
  logEntry,
  loggedBundle,
  makeInstance,
  messageSignature,
  NOW,
  statement,
  trustedRoot,
  uriName,
  userName,
  type Wanted,
} from '../../support/sigstore.ts'
import { logEntryV2, signatureOf, timestamp, trustedRootWithTimestamps } from '../../support/sigstore-v2.ts'

const release = Buffer.alloc(1024 * 1024 + 17, 'release ')
const tampered = Buffer.concat([release.subarray(0, -1), Buffer.from('!')])
const { dir, file, otherFile } = releaseFiles(release, tampered)
const sha = (algorithm: string) => createHash(algorithm).update(release).digest('hex')

const instance = makeInstance()
const rootFile = join(dir, 'trusted_root.json')
writeFileSync(rootFile, trustedRoot(instance))
const { publicKey, privateKey } = ecdsaPair()

function identity(subject = ALICE, issuer = ISSUER, root = rootFile): SigstoreKey {
  return { kind: 'sigstore', ...sigstoreIdentity(subject, issuer), trustedRoot: root }
}

async function check(
  signature: object | string,
  key: Key = identity(),
  message = file,
): Promise<DetachedResult> {
  const text = typeof signature === 'string' ? signature : JSON.stringify(signature)
  const [result] = await verifyDetached({ file: message, signature: Buffer.from(text), keys: [key] })
  assert.ok(result)
  return result
}

/** The result in one line. */
async function verdict(...question: Parameters<typeof check>): Promise<string> {
  const { outcome, detail } = await check(...question)
  return `${outcome}: ${detail}`
}

/** A bundle as a developer's own tool makes it, with some parts replaced. */
function made(
  change: {
    readonly wanted?: Partial<Wanted>
    readonly by?: KeyObject
    readonly content?: Content
    readonly at?: Date
  } = {},
) {
  const content = change.content ?? messageSignature(change.by ?? privateKey, release)
  return loggedBundle(instance, content, { publicKey, ...change.wanted }, change.at)
}

const provenance = (digest: Record<string, string>, type?: string) =>
  made({ content: dsseEnvelope(privateKey, statement(digest, type)) })

describe('a bundle that was signed by an identity', () => {
  it('is accepted: over the file, and over a statement about it', async () => {
    const result = await check(made())
    assert.deepEqual(
      [result.outcome, result.detail, result.signedAt],
      ['good', 'the file itself, signed 2026-03-01', NOW.getTime() / 1000],
    )
    assert.equal(
      await verdict(provenance({ sha256: sha('sha256') })),
      'good: built by https://example.org/builder, signed 2026-03-01',
    )
  })

  it('is accepted with every hash that a signature may use', async () => {
    for (const hash of ['sha256', 'sha384', 'sha512']) {
      assert.match(
        await verdict(made({ content: messageSignature(privateKey, release, hash) })),
        /^good/,
        hash,
      )
    }
  })

  it('may name a URI or a user', async () => {
    const uri = 'https://example.org/.github/workflows/release.yml@refs/tags/v1'
    assert.match(await verdict(made({ wanted: { subject: [uriName(uri)] } }), identity(uri)), /^good/)
    const user = 'alice!example.org'
    assert.match(await verdict(made({ wanted: { subject: [userName(user)] } }), identity(user)), /^good/)
  })

  it('is refused for another file', async () => {
    assert.equal(await verdict(made(), identity(), otherFile), 'bad-signature: signature verification failed')
    assert.equal(
      await verdict(provenance({ sha256: sha('sha256') }), identity(), otherFile),
      'bad-signature: not about this file: none of its subjects has its hash',
    )
  })

  it("is a stranger's for another subject or issuer, and for those that only resemble them", async () => {
    const strangers = [
      identity('mallory@example.org'),
      identity(ALICE, 'https://accounts.example.com'),
      identity(ALICE, `${ISSUER}/`),
      identity('lice@example.org'),
      identity('alice@example.or'),
      identity(`${ALICE}g`),
      identity('.*'),
      identity('.*@example.org'),
      identity('*@example.org'),
      identity('alice@example\\.org'),
      identity('ALICE@example.org'),
      identity(ALICE, 'https://.*'),
    ]
    for (const key of strangers) {
      assert.equal(
        await verdict(made(), key),
        `unknown-signer: ${ALICE} by ${ISSUER}`,
        `${key.subject} by ${key.issuer}`,
      )
    }
  })

  it('does not match a name by characters beyond ASCII whose lower seven bits spell it', async () => {
    const disguised = Buffer.from(ALICE, 'latin1').map(byte => byte | 0x80)
    const wanted = { subject: [emailName(Buffer.from(disguised).toString('latin1'))] }
    await assert.rejects(check(made({ wanted })), /a name that is not ASCII/)
  })

  it('is malformed with several names, or none', async () => {
    for (const subject of [[emailName(ALICE), emailName('mallory@example.org')], []]) {
      await assert.rejects(check(made({ wanted: { subject } })), /has not one subject alternative name/)
    }
  })

  it('is malformed if its certificate is for something else', async () => {
    await assert.rejects(check(made({ wanted: { withoutCodeSigning: true } })), /not for signing code/)
    const authority = { name: '2.5.29.19', value: Buffer.from('30030101ff', 'hex') }
    await assert.rejects(check(made({ wanted: { extensions: [authority] } })), /an authority's/)
    const critical = { name: '1.2.3.4', value: Buffer.of(5, 0), critical: true }
    await assert.rejects(
      check(made({ wanted: { extensions: [critical] } })),
      /unknown critical extension 1\.2\.3\.4/,
    )
    const twice = { name: '1.3.6.1.4.1.57264.1.8', value: Buffer.from('0c0178', 'hex') }
    await assert.rejects(check(made({ wanted: { extensions: [twice] } })), /is there twice/)
    const older = { name: '1.3.6.1.4.1.57264.1.1', value: Buffer.from('https://evil.example', 'latin1') }
    await assert.rejects(check(made({ wanted: { extensions: [older] } })), /names two issuers/)
  })
})

describe('the trusted root', () => {
  const withRoot = (text: string) => {
    const path = join(dir, 'other_root.json')
    writeFileSync(path, text)
    return identity(ALICE, ISSUER, path)
  }

  it('must belong to the instance that signed', async () => {
    assert.match(
      await verdict(made(), withRoot(trustedRoot(makeInstance()))),
      /^bad-signature: Failed to verify certificate chain/,
    )
  })

  it('only counts in its period of validity', async () => {
    const expired = trustedRoot(instance, { start: '2025-01-01T00:00:00Z', end: '2026-02-28T00:00:00Z' })
    assert.match(await verdict(made(), withRoot(expired)), /^bad-signature/)
    const later = trustedRoot(instance, { start: '2026-03-02T00:00:00Z' })
    assert.match(await verdict(made(), withRoot(later)), /^bad-signature/)
  })

  it('needs a certificate log and a signature log', async () => {
    for (const field of ['tlogs', 'ctlogs']) {
      const without = JSON.stringify({ ...JSON.parse(trustedRoot(instance)), [field]: [] })
      assert.match(await verdict(made(), withRoot(without)), /^bad-signature/, field)
    }
  })

  it('leaves everything undecided if it cannot be read', async () => {
    const missing = identity(ALICE, ISSUER, join(dir, 'nowhere.json'))
    assert.match(await verdict(made(), missing), /^unreadable: .*ENOENT/)
    const texts = [
      '',
      '{}',
      trustedRoot(instance).replace('"tlogs"', '"logs"'),
      trustedRoot(instance).replace('"validFor"', '"validfor"'),
      trustedRoot(instance).replace('"start"', '"since"'),
      trustedRoot(instance).replace('"ctlogs":', '"tlogs":[],"ctlogs":'),
      trustedRoot(instance).replace('2025-01-01T00:00:00Z', 'yesterday'),
      trustedRoot(instance).replace(/"rawBytes":"MFk/, '"rawBytes":"AAAA'),
    ]
    for (const text of texts) assert.match(await verdict(made(), withRoot(text)), /^unreadable: /, text)
  })
})

describe('the logs', () => {
  const certificate = certify(instance, { publicKey })
  const content = messageSignature(privateKey, release)
  const entry = logEntry(instance, logBody(content, certificate))
  const withEntry = (changed: object) => bundle(certificate, content, [changed])

  it('must know the signature', async () => {
    assert.equal(
      await verdict(bundle(certificate, content, [])),
      'bad-signature: expected 1 timestamps, got 0',
    )
  })

  it('must have promised to log the certificate', async () => {
    assert.equal(
      await verdict(made({ wanted: { withoutSct: true } })),
      'bad-signature: expected 1 SCTs, got 0',
    )
    const stranger = { ...instance, certificateLog: ecdsaPair() }
    const other = certify(stranger, { publicKey })
    const forged = bundle(other, content, [logEntry(instance, logBody(content, other))])
    assert.equal(await verdict(forged), 'bad-signature: SCT verification failed')
  })

  it('must have recorded this signature, with this certificate, over this message', async () => {
    const again = messageSignature(privateKey, release)
    const otherCertificate = certify(instance, { publicKey, subject: [emailName('mallory@example.org')] })
    const cases = [
      ['signature', logBody(again, certificate)],
      ['certificate', logBody(content, otherCertificate)],
      [
        'message',
        logBody({ messageSignature: { ...content.messageSignature, ...digestOf('other') } }, certificate),
      ],
    ] as const
    for (const [what, body] of cases) {
      assert.equal(
        await verdict(withEntry(logEntry(instance, body))),
        `bad-signature: log entry: is about another ${what} (the body)`,
      )
    }
  })

  it('must have signed their own entries', async () => {
    const stranger = logEntry({ ...instance, log: ecdsaPair() }, logBody(content, certificate))
    assert.match(
      await verdict(withEntry(stranger)),
      /^bad-signature: inclusion promise could not be verified/,
    )
    const claimed = { ...stranger, logId: entry.logId }
    assert.match(await verdict(withEntry(claimed)), /^bad-signature: checkpoint: is not signed by the log/)
    const late = { ...entry, integratedTime: String(Number(entry.integratedTime) + 1) }
    assert.match(await verdict(withEntry(late)), /^bad-signature: inclusion promise could not be verified/)
  })

  it('must prove that the entry is in the tree', async () => {
    const other = logEntry(instance, logBody(messageSignature(privateKey, release), certificate))
    const swapped = { ...entry, inclusionPromise: undefined, inclusionProof: other.inclusionProof }
    assert.match(await verdict(withEntry(swapped)), /^bad-signature/)
    const both = { ...entry, inclusionProof: other.inclusionProof }
    assert.equal(
      await verdict(withEntry(both)),
      'bad-signature: calculated root hash does not match inclusion proof',
    )
  })

  it('are not enough without an attested time', async () => {
    const proofAlone = { ...entry, inclusionPromise: undefined }
    assert.equal(await verdict(withEntry(proofAlone)), 'bad-signature: expected 1 timestamps, got 0')
  })

  it('must have seen it while the certificate was valid', async () => {
    for (const minutes of [-10, 20]) {
      const at = new Date(NOW.getTime() + minutes * 60_000)
      assert.match(await verdict(made({ at })), /^bad-signature: Failed to verify certificate chain/)
    }
  })

  it('cannot have a name that is a pattern which never stops matching', async () => {
    const { checkpoint } = entry.inclusionProof
    for (const name of ['(.|.|.|.)*!', '.+.+.+.+.+.+.+.+.+.+.+!', 'rekor.test|']) {
      const envelope = checkpoint.envelope.replace('\u2014 rekor.test', `\u2014 ${name}`)
      const changed = { ...entry, inclusionProof: { ...entry.inclusionProof, checkpoint: { envelope } } }
      await assert.rejects(check(withEntry(changed)), /a signature line of an unknown form/, name)
    }
  })

  it('may be witnessed by others, which do not count', async () => {
    const { checkpoint } = entry.inclusionProof
    const witness = '\u2014 witness.example/w1 AAAAAAAAAAAAAAAA\n'
    const envelope = checkpoint.envelope + witness
    const changed = { ...entry, inclusionProof: { ...entry.inclusionProof, checkpoint: { envelope } } }
    assert.match(await verdict(withEntry(changed)), /^good/)
  })

  function digestOf(message: string) {
    const digest = createHash('sha256').update(message).digest('base64')
    return { messageDigest: { algorithm: 'SHA2_256', digest } }
  }
})

describe('a log that makes no promises', () => {
  const timestamper = ecdsaPair()
  const path = join(dir, 'root_with_timestamps.json')
  writeFileSync(path, trustedRootWithTimestamps(instance, timestamper))
  const alice = identity(ALICE, ISSUER, path)
  const certificate = certify(instance, { publicKey })
  const message = messageSignature(privateKey, release)
  const said = dsseEnvelope(privateKey, statement({ sha256: sha('sha256') }))
  const payload = Buffer.from(said.dsseEnvelope.payload, 'base64')
  const signedOf = (content: Content) => (content === message ? release : pae(PAYLOAD_TYPE, payload))

  function stamped(content: Content, timestamps: readonly Buffer[], signed = signedOf(content)) {
    const made = bundle(certificate, content, [logEntryV2(instance, content, certificate, signed)])
    const rfc3161Timestamps = timestamps.map(each => ({ signedTimestamp: each.toString('base64') }))
    return {
      ...made,
      verificationMaterial: {
        ...made.verificationMaterial,
        timestampVerificationData: { rfc3161Timestamps },
      },
    }
  }
  const signatureIn = (content: Content) => Buffer.from(signatureOf(content), 'base64')
  const good = timestamp(timestamper, signatureIn(message))

  it('is enough with a timestamp authority: over files and statements', async () => {
    assert.equal(await verdict(stamped(message, [good]), alice), 'good: the file itself, signed 2026-03-01')
    const ofStatement = timestamp(timestamper, signatureIn(said))
    assert.match(await verdict(stamped(said, [ofStatement]), alice), /^good: built by/)
  })

  it('is not enough without one', async () => {
    assert.equal(await verdict(stamped(message, []), alice), 'bad-signature: expected 1 timestamps, got 0')
    const given = {
      ...stamped(message, []).verificationMaterial.tlogEntries[0],
      integratedTime: '1772366400',
    }
    assert.equal(
      await verdict(bundle(certificate, message, [given]), alice),
      'bad-signature: expected 1 timestamps, got 0',
    )
  })

  it('is not enough with a timestamp for another signature, by another authority, or of another time', async () => {
    const others = [
      timestamp(timestamper, signatureIn(said)),
      timestamp(ecdsaPair(), signatureIn(message)),
      good.subarray(0, -1),
      good.map((byte, index) => (index === good.length - 1 ? byte ^ 1 : byte)),
    ]
    for (const other of others)
      assert.match(await verdict(stamped(message, [Buffer.from(other)]), alice), /^bad/)
    for (const minutes of [-10, 20]) {
      const at = new Date(NOW.getTime() + minutes * 60_000)
      const late = timestamp(timestamper, signatureIn(message), at)
      assert.match(await verdict(stamped(message, [late]), alice), /Failed to verify certificate chain/)
      assert.match(await verdict(stamped(message, [good, late]), alice), /Failed to verify certificate chain/)
    }
  })

  it('counts no authority twice, and none that the root does not list', async () => {
    assert.match(await verdict(stamped(message, [good, good]), alice), /^bad-signature: duplicate timestamp/)
    assert.match(await verdict(stamped(message, [good])), /^bad-signature: timestamp could not be verified/)
  })

  it('must have recorded the signed bytes of a statement, not only its payload', async () => {
    const ofStatement = timestamp(timestamper, signatureIn(said))
    assert.equal(
      await verdict(stamped(said, [ofStatement], payload), alice),
      'bad-signature: log entry: is about another message (the body)',
    )
  })
})

describe('what is signed', () => {
  it('must be signed by the key of the certificate', async () => {
    const mallory = ecdsaPair().privateKey
    assert.equal(await verdict(made({ by: mallory })), 'bad-signature: signature verification failed')
  })

  it('is the file with this digest, not another one that was signed as well', async () => {
    const content = messageSignature(privateKey, release)
    const digest = createHash('sha256').update('other').digest('base64')
    const messageDigest = { algorithm: 'SHA2_256', digest }
    const swapped = { messageSignature: { ...content.messageSignature, messageDigest } }
    assert.equal(
      await verdict(made({ content: swapped })),
      'bad-signature: not about this file: it names another hash',
    )
  })

  it('is refused with a weak hash, and without one', async () => {
    for (const algorithm of ['SHA1', 'SHA2_224', 'HASH_ALGORITHM_UNSPECIFIED', 'SHA3_256', '']) {
      const content = messageSignature(privateKey, release)
      const changed = structuredClone(content)
      changed.messageSignature.messageDigest.algorithm = algorithm
      await assert.rejects(check(made({ content: changed })), /must be SHA2_256 or SHA2_384 or SHA2_512/)
    }
  })

  it('is refused with an Ed25519 key for which anybody can sign', async () => {
    const identityPoint = Buffer.alloc(32)
    identityPoint[0] = 1
    const { createPublicKey } = await import('node:crypto')
    const key = createPublicKey({
      format: 'jwk',
      key: { kty: 'OKP', crv: 'Ed25519', x: identityPoint.toString('base64url') },
    })
    // R is the identity and S is zero: node:crypto accepts this for every message.
    const signature = Buffer.concat([identityPoint, Buffer.alloc(32)]).toString('base64')
    const content = messageSignature(privateKey, release)
    content.messageSignature.signature = signature
    assert.equal(
      await verdict(made({ wanted: { publicKey: key }, content })),
      'bad-signature: signature verification failed',
    )
  })

  it('is accepted with an honest Ed25519 key', async () => {
    const pair = generateKeyPairSync('ed25519')
    const { sign } = await import('node:crypto')
    const content = messageSignature(privateKey, release)
    content.messageSignature.signature = sign(null, release, pair.privateKey).toString('base64')
    assert.match(await verdict(made({ wanted: { publicKey: pair.publicKey }, content })), /^good/)
  })

  it('is refused with keys that are too short or of another kind', async () => {
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const content = messageSignature(short.privateKey, release)
    assert.equal(
      await verdict(made({ wanted: { publicKey: short.publicKey }, content })),
      'unacceptable: an RSA key below 2048 bits',
    )
    const odd = ecdsaPair('secp256k1')
    assert.equal(
      await verdict(
        made({ wanted: { publicKey: odd.publicKey }, content: messageSignature(odd.privateKey, release) }),
      ),
      'unacceptable: a curve that is not supported',
    )
  })
})

describe('a statement', () => {
  const sha256 = sha('sha256')

  it('is about the file by any strong hash', async () => {
    for (const name of ['sha256', 'sha384', 'sha512']) {
      assert.match(await verdict(provenance({ [name]: sha(name) })), /^good/, name)
    }
  })

  it('is not about it by a weak hash alone, by its name, or by another spelling of a hash', async () => {
    const digests = [
      { sha1: sha('sha1') },
      { md5: sha('md5') },
      { gitCommit: 'ab'.repeat(20) },
      { sha256: sha256.toUpperCase() },
      { sha256: Buffer.from(sha256, 'hex').toString('base64') },
      { sha256: sha('sha512') },
      { SHA256: sha256 },
    ]
    for (const digest of digests) {
      assert.equal(
        await verdict(provenance(digest)),
        'bad-signature: not about this file: none of its subjects has its hash',
        JSON.stringify(digest),
      )
    }
  })

  it('must not contradict itself about the file', async () => {
    const digests = [
      { sha256, sha512: 'ab'.repeat(64) },
      { sha256, sha1: 'ab'.repeat(20) },
      { sha256, nixNarSha256: sha256 },
    ]
    for (const digest of digests) {
      assert.equal(
        await verdict(provenance(digest)),
        'bad-signature: not about this file: the digests of its subject contradict each other',
        JSON.stringify(digest),
      )
    }
    const more = { sha256, sha1: sha('sha1'), gitCommit: 'ab'.repeat(20) }
    assert.match(await verdict(provenance(more)), /^good/)
  })

  it('may have other files as subjects too', async () => {
    const two = statement({ sha256: 'ab'.repeat(32) })
    two.subject.push({ name: 'release.tar', digest: { sha256 } })
    assert.match(await verdict(made({ content: dsseEnvelope(privateKey, two) })), /^good/)
  })

  it('must say who made the file: scans, bills of materials and test results approve nothing', async () => {
    const types = [
      'https://cosign.sigstore.dev/attestation/vuln/v1',
      'https://spdx.dev/Document',
      'https://slsa.dev/verification_summary/v1',
      'https://slsa.dev/provenance/v1 ',
      'https://slsa.dev/provenance/v11',
    ]
    for (const type of types) {
      assert.match(
        await verdict(provenance({ sha256 }, type)),
        /^unacceptable: a statement of type .* does not say who made the file$/,
        type,
      )
    }
  })

  it('may contain any numbers, which are ignored', async () => {
    const scan = { ...statement({ sha256 }, 'https://cosign.sigstore.dev/attestation/vuln/v1') }
    const text = JSON.stringify({ ...scan, predicate: { score: 7.5, small: 1e-7, id: 0 } }).replace(
      '0}',
      '1e99}',
    )
    assert.match(await verdict(made({ content: dsseEnvelope(privateKey, text) })), /^unacceptable/)
    for (const number of ['1e999', '.5', '1.', '01', '+1', 'NaN', '0x1']) {
      await assert.rejects(
        check(made({ content: dsseEnvelope(privateKey, text.replace('7.5', number)) })),
        FormatError,
        number,
      )
    }
  })

  it('of a known type is malformed without its required fields', async () => {
    const broken = { ...statement({ sha256 }), predicate: { runDetails: {} } }
    assert.match(
      await verdict(made({ content: dsseEnvelope(privateKey, broken) })),
      /^bad-signature: statement: field "buildDefinition" is missing/,
    )
  })

  it('is malformed with repeated keys, of another type, without subjects', async () => {
    const good = JSON.stringify(statement({ sha256 }))
    const texts = [
      good.replace('"subject":', '"subject":[],"subject":'),
      good.replace('Statement/v1', 'Statement/v2'),
      good.replace(/"subject":\[.*?\]/, '"subject":[]'),
      good.replace('"_type"', '"type"'),
    ]
    for (const text of texts) {
      await assert.rejects(check(made({ content: dsseEnvelope(privateKey, text) })), FormatError, text)
    }
  })
})

describe('a real bundle', () => {
  const vectors = join(PROJECT_ROOT, 'test/vectors/sigstore')
  const signed = join(vectors, 'sigstore-2.0.0.tgz')
  const text = readFileSync(`${signed}.sigstore.json`, 'utf8')
  const github = 'https://token.actions.githubusercontent.com'
  const workflow = 'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main'
  const releaser = identity(workflow, github, join(vectors, 'trusted_root.json'))

  it('is accepted by the workflow that made it', async () => {
    assert.equal(
      await verdict(text, releaser, signed),
      'good: built by https://github.com/actions/runner/github-hosted, signed 2023-08-18',
    )
  })

  it('is refused for another file, by another workflow, with another root', async () => {
    assert.match(await verdict(text, releaser, file), /^bad-signature: not about this file/)
    const branch = identity(workflow.replace('main', 'mai.'), github, releaser.trustedRoot)
    assert.match(await verdict(text, branch, signed), /^unknown-signer/)
    assert.match(await verdict(text, { ...releaser, trustedRoot: rootFile }, signed), /^bad-signature/)
  })

  it('is refused if any part of its proof is changed', async () => {
    const parts = JSON.parse(text)
    const [entry] = parts.verificationMaterial.tlogEntries
    const base64 = [
      entry.inclusionPromise.signedEntryTimestamp,
      entry.inclusionProof.rootHash,
      entry.inclusionProof.hashes[0],
      entry.canonicalizedBody,
      entry.logId.keyId,
      parts.dsseEnvelope.payload,
      parts.dsseEnvelope.signatures[0].sig,
      parts.verificationMaterial.x509CertificateChain.certificates[0].rawBytes,
    ]
    for (const value of base64) {
      const bytes = Buffer.from(value, 'base64')
      const middle = bytes.length >> 1
      bytes[middle] = (bytes[middle] ?? 0) ^ 1
      const changed = text.replaceAll(value, bytes.toString('base64'))
      assert.notEqual(changed, text)
      const outcome = await verdict(changed, releaser, signed).catch(error => {
        if (error instanceof FormatError) return 'malformed'
        throw error
      })
      assert.doesNotMatch(outcome, /^good/, value.slice(0, 40))
    }
  })
})
