// Bundles in the documents of gh, npm, PyPI and older versions of cosign: read, and judged like bundles.
import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { outcomeOf } from '../../../src/crypto/detached/severity.ts'
import { type DetachedResult, verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'
import { sigstoreIdentity } from '../../../src/policy/language/sigstore-key.ts'
import type { Key } from '../../../src/policy/policy.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'
import { releaseFiles } from '../../support/release-files.ts'
import {
  ALICE,
  type Content,
  dsseEnvelope,
  ecdsaPair,
  ISSUER,
  keyBundle,
  loggedBundle,
  makeInstance,
  messageSignature,
  statement,
  trustedRoot,
} from '../../support/sigstore.ts'
import {
  bundlesByLine,
  githubAttestations,
  githubResults,
  npmAttestations,
  oldCosignBundle,
  pypiAttestation,
  pypiProvenance,
} from '../../support/sigstore-documents.ts'

const release = Buffer.from('the release\n')
const { dir, file, otherFile: other } = releaseFiles(release, 'something else\n')
const sha256 = createHash('sha256').update(release).digest('hex')

const instance = makeInstance()
const root = join(dir, 'trusted_root.json')
writeFileSync(root, trustedRoot(instance))
const { publicKey, privateKey } = ecdsaPair()
const alice: Key = { kind: 'sigstore', ...sigstoreIdentity(ALICE, ISSUER), trustedRoot: root }
const mallory: Key = {
  kind: 'sigstore',
  ...sigstoreIdentity('mallory@example.org', ISSUER),
  trustedRoot: root,
}
const pem = parseKey(publicKey.export({ format: 'pem', type: 'spki' }).toString().trimEnd())

function signed(content: Content) {
  return loggedBundle(instance, content, { publicKey })
}

const overFile = signed(messageSignature(privateKey, release))
const provenance = signed(dsseEnvelope(privateKey, statement({ sha256 })))
const materials = signed(dsseEnvelope(privateKey, statement({ sha256 }, 'https://spdx.dev/Document')))
const ofOther = signed(dsseEnvelope(privateKey, statement({ sha256: '0'.repeat(64) })))
const published = signed(
  dsseEnvelope(privateKey, {
    ...statement({ sha256 }, 'https://docs.pypi.org/attestations/publish/v1'),
    predicate: null,
  }),
)

async function check(document: string, key: Key = alice, of = file): Promise<readonly DetachedResult[]> {
  return verifyDetached({ file: of, signature: Buffer.from(document), keys: [key] })
}

async function outcome(...question: Parameters<typeof check>): Promise<string> {
  return outcomeOf(await check(...question))
}

/** Each makes a document of bundles over statements. */
const DOCUMENTS: Readonly<Record<string, (bundles: readonly (typeof provenance)[]) => string>> = {
  'a bundle a line (gh attestation download)': bundlesByLine,
  "npm's list": npmAttestations,
  "GitHub's list": githubAttestations,
  "gh's results": githubResults,
  "PyPI's provenance": pypiProvenance,
}

for (const [what, make] of Object.entries(DOCUMENTS)) {
  describe(what, () => {
    it('is judged as the bundles in it', async () => {
      assert.equal(await outcome(make([provenance])), 'good')
      assert.equal(await outcome(make([provenance]), mallory), 'unknown-signer')
      assert.equal(await outcome(make([provenance]), alice, other), 'bad-signature')
    })

    it('may hold others that say nothing of who made the file, and none that is over another', async () => {
      const results = await check(make([materials, provenance]))
      assert.deepEqual(
        results.map(({ outcome: each, index }) => [each, index]),
        [
          ['unacceptable', 0],
          ['good', 1],
        ],
      )
      assert.equal(outcomeOf(results), 'good')
      assert.equal(await outcome(make([materials])), 'unacceptable')
      assert.equal(await outcome(make([provenance, ofOther])), 'bad-signature')
    })

    it('is refused if it is empty, or holds more than are looked at', async () => {
      await assert.rejects(check(make(Array(33).fill(provenance))), FormatError)
      if (make !== bundlesByLine) await assert.rejects(check(make([])), /an empty list: nobody attested it/)
    })
  })
}

it('npm lists what its own key signed beside the provenance of the maker', async () => {
  const byNpm = keyBundle(publicKey, dsseEnvelope(privateKey, statement({ sha256 })), 'SHA256:x')
  assert.equal(await outcome(npmAttestations([byNpm, provenance])), 'good')
})

it('a real provenance of npm is good in the list of its registry, and by line', async () => {
  const vectors = join(PROJECT_ROOT, 'test/vectors/sigstore')
  const real = JSON.parse(readFileSync(join(vectors, 'sigstore-2.0.0.tgz.sigstore.json'), 'utf8'))
  const maker: Key = {
    kind: 'sigstore',
    ...sigstoreIdentity(
      'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main',
      'https://token.actions.githubusercontent.com',
    ),
    trustedRoot: join(vectors, 'trusted_root.json'),
  }
  const tarball = join(vectors, 'sigstore-2.0.0.tgz')
  assert.equal(await outcome(npmAttestations([real]), maker, tarball), 'good')
  assert.equal(await outcome(bundlesByLine([real, real]), maker, tarball), 'good')
  assert.equal(await outcome(npmAttestations([real]), maker), 'bad-signature')
})

it('PyPI: what was published there is good, as an attestation alone too, and says no more', async () => {
  const [result] = await check(JSON.stringify(pypiAttestation(published)))
  assert.match(`${result?.outcome}: ${result?.detail}`, /^good: published on PyPI, signed 2026-03-01$/)
  const more = { ...(pypiAttestation(published) as object), version: 2 }
  await assert.rejects(check(JSON.stringify(more)), /must be 1: later versions are not known \(version\)/)
})

it('GitHub: a list that has only the address of a bundle says so', async () => {
  const document = JSON.stringify({ attestations: [{ bundle: null, bundle_url: 'https://x.test' }] })
  await assert.rejects(check(document), /is not in the file, only its address/)
})

describe('a bundle of cosign before version 3', () => {
  it('is judged as one of today', async () => {
    assert.equal(await outcome(oldCosignBundle(overFile)), 'good')
    assert.equal(await outcome(oldCosignBundle(overFile), mallory), 'unknown-signer')
    assert.equal(await outcome(oldCosignBundle(overFile), alice, other), 'bad-signature')
  })

  it('attack: with the log entry of another signature, certificate or time it proves nothing', async () => {
    const document = JSON.parse(oldCosignBundle(overFile))
    const again = JSON.parse(oldCosignBundle(signed(messageSignature(privateKey, release))))
    for (const change of [
      { rekorBundle: again.rekorBundle },
      { cert: again.cert },
      { base64Signature: again.base64Signature },
    ]) {
      assert.equal(await outcome(JSON.stringify({ ...document, ...change })), 'bad-signature')
    }
    document.rekorBundle.Payload.integratedTime += 60
    assert.equal(await outcome(JSON.stringify(document)), 'bad-signature')
  })

  it('without its log entry says what is missing', async () => {
    const { rekorBundle: _, ...rest } = JSON.parse(oldCosignBundle(overFile))
    await assert.rejects(
      check(JSON.stringify(rest)),
      /without the log entry nobody can tell when it was signed/,
    )
  })
})

describe('a signature of cosign in base64 alone (.sig)', () => {
  const bare = `${sign('sha256', release, privateKey).toString('base64')}\n`

  it('is good by the key, and no signature by another', async () => {
    assert.equal(await outcome(bare, pem), 'good')
    assert.equal(await outcome(bare, pem, other), 'unknown-signer')
  })

  it('says of an identity what is needed instead', async () => {
    const [result] = await check(bare)
    assert.equal(result?.outcome, 'unknown-signer')
    assert.match(result?.detail ?? '', /no identity can be checked by it offline; next: ask for the bundle/)
  })
})
