// docs/semantics.md, E5: a signature that was verified under an earlier policy, which lists its key
// differently today.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { recall } from '../../src/crypto/trace.ts'
import type { Key } from '../../src/policy/policy.ts'
import { signaturesOfAllKinds, TIMES } from '../support/signatures-of-all-kinds.ts'

const { signatures, listings, remove } = signaturesOfAllKinds()
after(remove)
const [SEEN, LATER] = TIMES

type Choice = (key: Key) => boolean

function keyOf(of: string, choose: Choice): Key {
  const found = listings.find(one => one.of === of && choose(one.key))
  assert.ok(found !== undefined)
  return found.key
}

/** The result today for a signature that was good with an earlier listing of its key. */
async function recalled(name: string, then: Choice, now: Choice) {
  const signature = signatures.find(one => one.name === name)
  assert.ok(signature !== undefined)
  const [claim] = (await signature.verify(keyOf(signature.of, then), SEEN)).claims
  assert.ok(claim?.trace !== undefined, 'it was good once')
  const { outcome, keyEnds } = await recall(claim.trace, keyOf(signature.of, now), { seen: SEEN, now: LATER })
  return keyEnds === undefined ? outcome : `${outcome} until ${(keyEnds - SEEN) / 86400}`
}

const form =
  (wanted: string, ...namespaces: readonly string[]): Choice =>
  key =>
    'form' in key &&
    key.form === wanted &&
    key.application === undefined &&
    String(key.namespaces ?? '') === String(namespaces)
const application =
  (name: string): Choice =>
  key =>
    'application' in key && key.application === name
const numbered =
  (tool: string, octet: number): Choice =>
  key =>
    key.kind === 'ed25519' && key.form === tool && key.keyNumber?.[0] === octet
const certified =
  (state: string): Choice =>
  key =>
    key.kind === 'openpgp' && key.certificate.endsWith(`/${state.replaceAll(' ', '-')}.pgp`)
const rooted =
  (name: string): Choice =>
  key =>
    key.kind === 'sigstore' && key.trustedRoot.endsWith(`/${name}.json`)

const CASES: Readonly<Record<string, readonly [name: string, then: Choice, now: Choice, outcome: string]>> = {
  'an SSH key as it was': ['first ssh file', form('ssh'), form('ssh'), 'good'],
  'an SSH key with more namespaces': [
    'first ssh file',
    form('ssh'),
    form('ssh', 'file', 'git', 'nixsig'),
    'good',
  ],
  'attack: a namespace that was taken away': [
    'first ssh file',
    form('ssh'),
    form('ssh', 'git'),
    'unacceptable',
  ],
  'attack: a namespace of its own that was taken away': [
    'first ssh a@b',
    form('ssh', 'nixsig', 'a@b'),
    form('ssh', 'file'),
    'unacceptable',
  ],
  'attack: a security key, listed for another application': [
    'first ssh ssh:',
    application('ssh:'),
    application('ssh:work'),
    'unknown-signer',
  ],
  'attack: a security key, listed as a plain one': [
    'first ssh ssh:',
    application('ssh:'),
    form('ssh'),
    'unknown-signer',
  ],
  'attack: an attestation by a key that may only sign files': [
    'first provenance',
    form('ssh'),
    form('ssh', 'file'),
    'unknown-signer',
  ],
  'attack: an attestation by a key that is a security key now': [
    'first provenance',
    form('ssh'),
    application('ssh:'),
    'unknown-signer',
  ],
  'an attestation by the same key in another form': ['first provenance', form('ssh'), form('nix'), 'good'],
  'attack: a Nix signature by a key that is no longer listed in that form': [
    'first nix',
    form('nix'),
    form('pem'),
    'unknown-signer',
  ],
  'attack: another key number of minisign': [
    'first minisign 1',
    numbered('minisign', 1),
    numbered('minisign', 2),
    'unknown-signer',
  ],
  'attack: a minisign key, listed for signify under the same number': [
    'first minisign 1',
    numbered('minisign', 1),
    numbered('signify', 1),
    'unknown-signer',
  ],
  'attack: a bundle by a key that is limited to namespaces now': [
    'first bundle',
    form('pem'),
    form('ssh', 'file'),
    'unacceptable',
  ],
  'attack: a bundle by a key that is an SSH key without namespaces now': [
    'first bundle',
    form('pem'),
    form('ssh'),
    'unacceptable',
  ],
  'a bundle by a key that is an SSH key for bundles now': [
    'first bundle',
    form('pem'),
    form('ssh', 'sigstore-bundle'),
    'good',
  ],
  'attack: a bundle by an SSH key that may only sign files now': [
    'first bundle',
    form('ssh', 'file', 'sigstore-bundle'),
    form('ssh', 'file'),
    'unacceptable',
  ],
  'attack: a bundle by a key that is a security key now': [
    'first bundle',
    form('ssh', 'sigstore-bundle'),
    application('ssh:'),
    'unknown-signer',
  ],
  'the same trusted root': ['sigstore', rooted('root'), rooted('root'), 'good'],
  'attack: a trusted root that was replaced': ['sigstore', rooted('root'), rooted('other'), 'unreadable'],
  'a trusted root with other bytes': ['sigstore', rooted('root'), rooted('reprinted'), 'unreadable'],
  'attack: a certificate that was revoked': [
    'by the primary key',
    certified('lasting'),
    certified('revoked'),
    'revoked-key',
  ],
  'attack: a subkey that was revoked': [
    'by the subkey',
    certified('lasting'),
    certified('with a revoked subkey'),
    'revoked-key',
  ],
  'a subkey that was revoked, where the primary key signed': [
    'by the primary key',
    certified('lasting'),
    certified('with a revoked subkey'),
    'good',
  ],
  'attack: a certificate that has lost the subkey that signed': [
    'by the subkey',
    certified('lasting'),
    certified('without its subkey'),
    'unknown-signer',
  ],
  'attack: a subkey that may not sign any longer': [
    'by the subkey',
    certified('lasting'),
    certified('with a subkey that may not sign'),
    'unacceptable',
  ],
  'attack: an expiry that was brought forward to before it was seen': [
    'by the primary key',
    certified('lasting'),
    certified('brought forward'),
    'expired-since',
  ],
  'attack: an expiry that was brought forward to before it was made': [
    'by the primary key',
    certified('lasting'),
    certified('ended before it signed'),
    'expired-key',
  ],
  'an expiry after it was seen': [
    'by the primary key',
    certified('lasting'),
    certified('ends first'),
    'good',
  ],
  'an expiry in the future': [
    'by the primary key',
    certified('lasting'),
    certified('ends later'),
    'good until 150',
  ],
  'an expiry after it was seen, of a signature that expires itself': [
    'by the primary key, ending',
    certified('lasting'),
    certified('ends first'),
    'good until 150',
  ],
}

for (const [what, [name, then, now, outcome]] of Object.entries(CASES)) {
  test(`E5: ${what}: ${outcome}`, async () => assert.equal(await recalled(name, then, now), outcome))
}

test('E5: attack: a signature that expired itself is not remembered after that', async () => {
  const name = 'by the primary key, ending'
  const [claim] =
    (
      await signatures
        .find(one => one.name === name)
        ?.verify(keyOf('a certificate', certified('lasting')), SEEN)
    )?.claims ?? []
  const key = keyOf('a certificate', certified('lasting'))
  const { outcome } = await recall(claim?.trace ?? '', key, { seen: SEEN, now: TIMES[2] })
  assert.equal(outcome, 'expired-signature')
})

test('E5: attack: forged traces do not count', async () => {
  const traces = [
    '',
    'nix:',
    'nix:x',
    'envelope',
    'envelope:',
    'envelope:openpgp',
    'openpgp',
    'minisign',
    'minisign:-',
  ]
  const more = [
    'sshsig',
    'sshsig::',
    'sigstore',
    'sigstore:',
    'sigstore:root:',
    'sigstore:root:undefined',
    'gpg:x',
    'constructor',
  ]
  const openpgp = [
    'openpgp:bytes:4.0.22.8:1:0:',
    'openpgp:bytes:4.0.22.8:1:0:,',
    'openpgp:both:4.0.22.8:1:0:AB',
  ]
  for (const { key } of listings) {
    for (const trace of [...traces, ...more, ...openpgp]) {
      const { outcome } = await recall(trace, key, { seen: SEEN, now: LATER })
      assert.ok(!['good', 'expired-since'].includes(outcome), `${trace}: ${outcome}`)
    }
  }
})
