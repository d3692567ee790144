// Signatures that a key made for another purpose, presented as signatures over files.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { signEnvelope } from '../../../src/crypto/envelope.ts'
import { PAYLOAD_TYPE, pae, parseEnvelope } from '../../../src/formats/in-toto/dsse.ts'
import { protocolOf } from '../../../src/formats/other-protocol.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'
import type { Key } from '../../../src/policy/policy.ts'
import { ed25519KeyPair } from '../../../src/primitives/sodium.ts'
import { openGnupg } from '../../support/gnupg.ts'
import { keyBundle } from '../../support/sigstore.ts'

const gnupg = openGnupg()
const dir = mkdtempSync('/tmp/nixsig-protocols-')
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

const string = (bytes: Uint8Array | string) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.from(bytes).length)
  return Buffer.concat([length, Buffer.from(bytes)])
}

const ID = 'a'.repeat(40)
const STATEMENT = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}')

const MESSAGES: Readonly<Record<string, Uint8Array>> = {
  'an envelope': pae(PAYLOAD_TYPE, STATEMENT),
  'an envelope of another type': pae('text/x-shellscript', Buffer.from('#!/bin/sh\n')),
  'an SSH signature': Buffer.concat([
    Buffer.from('SSHSIG'),
    string('file'),
    string(''),
    string('sha512'),
    string(ID),
  ]),
  'an SSH login': Buffer.concat([
    string(Buffer.alloc(32, 9)),
    Buffer.of(50),
    ...['root', 'ssh-connection', 'publickey'].map(string),
    Buffer.of(1),
    string('ssh-ed25519'),
    string(Buffer.alloc(51)),
  ]),
  'a narinfo': Buffer.from(`1;/nix/store/${'0'.repeat(32)}-x;sha256:${'1'.repeat(52)};120;`),
  'a commit': Buffer.from(`tree ${ID}\nparent ${ID}\nauthor A <a@example.org> 1 +0000\n\n#!/bin/sh\n`),
  'a first commit': Buffer.from(`tree ${ID}\nauthor A <a@example.org> 1 +0000\n\n#!/bin/sh\n`),
  'a tag': Buffer.from(`object ${ID}\ntype commit\ntag v1\ntagger A <a@example.org> 1 +0000\n\n`),
  'a push': Buffer.from('certificate version 0.1\npusher A <a@example.org> 1 +0000\n'),
  'a TLS handshake': Buffer.from(`${' '.repeat(64)}TLS 1.3, server CertificateVerify\0${'x'.repeat(32)}`),
  'the state of a log': Buffer.from(`rekor.test\n12\n${Buffer.alloc(32).toString('base64')}\n`),
  'a web token': Buffer.from('eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0'),
}

/** Texts that only resemble such messages. */
const FILES: Readonly<Record<string, string>> = {
  'a script': '#!/bin/sh\necho DSSEv1\n',
  'a list': `${'0'.repeat(64)}  x\n`,
  'a text on trees': 'tree surgery\n',
  'an empty file': '',
  'a tarball’s first bytes': `x.tar/${'\0'.repeat(506)}`,
  'a word that begins alike': 'SSHS',
}

function write(contents: Uint8Array): string {
  writeFileSync(join(dir, 'file'), contents)
  return join(dir, 'file')
}

async function verdict(contents: Uint8Array, signature: Uint8Array, key: Key): Promise<string> {
  const [result] = await verifyDetached({ file: write(contents), signature, keys: [key] })
  return `${result?.outcome}: ${result?.detail}`
}

interface Signer {
  readonly key: Key
  sign(contents: Uint8Array): Uint8Array
}

function pem(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    key: parseKey(publicKey.export({ format: 'pem', type: 'spki' }).toString()),
    sign: contents => {
      const signature = sign(null, contents, privateKey).toString('base64')
      const bundle = keyBundle(publicKey, { messageSignature: { messageDigest: {}, signature } } as never)
      return Buffer.from(JSON.stringify(bundle))
    },
  }
}

function openPgp(): Signer {
  const fingerprint = gnupg.makeKey('alice')
  const certificate = gnupg.exportTo(join(dir, 'alice.pgp'), fingerprint)
  return {
    key: { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: 'alice', fingerprint, certificate },
    sign: contents => gnupg.sign(write(contents), fingerprint),
  }
}

function signify(): Signer {
  const [publicKey, secretKey] = [join(dir, 's.pub'), join(dir, 's.sec')]
  execFileSync('signify-openbsd', ['-G', '-n', '-p', publicKey, '-s', secretKey])
  return {
    key: parseKey(`signify:${readFileSync(publicKey, 'latin1').split('\n')[1]}`),
    sign: contents => {
      execFileSync('signify-openbsd', [
        '-S',
        '-s',
        secretKey,
        '-m',
        write(contents),
        '-x',
        join(dir, 's.sig'),
      ])
      return readFileSync(join(dir, 's.sig'))
    },
  }
}

for (const [name, make] of Object.entries({
  'a key in PEM': pem,
  'an OpenPGP key': openPgp,
  'a signify key': signify,
})) {
  describe(`a bare signature by ${name}`, () => {
    const signer = make()
    for (const [what, message] of Object.entries(MESSAGES)) {
      it(`attack: over ${what} does not count as one over a file`, async () => {
        const said = await verdict(message, signer.sign(message), signer.key)
        assert.match(said, /^unacceptable: the file is a message that keys sign for another purpose: /)
      })
    }
    for (const [what, text] of Object.entries(FILES)) {
      it(`over ${what} is good`, async () => {
        const contents = Buffer.from(text, 'latin1')
        assert.match(await verdict(contents, signer.sign(contents), signer.key), /^good/)
      })
    }
  })
}

it("attack: a builder's signature over a store path is presented as a Sigstore bundle over that message", async () => {
  const { secretKey, publicKey } = ed25519KeyPair(Buffer.alloc(32, 'builder'))
  const { payload, signatures } = parseEnvelope(signEnvelope(STATEMENT, { publicKey, secretKey }))
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
  const key = parseKey(`-----BEGIN PUBLIC KEY-----\n${spki.toString('base64')}\n-----END PUBLIC KEY-----\n`)
  const signature = Buffer.from(signatures[0]?.signature ?? []).toString('base64')
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' } },
    messageSignature: { messageDigest: {}, signature },
  }
  const said = await verdict(pae(PAYLOAD_TYPE, payload), Buffer.from(JSON.stringify(bundle)), key)
  assert.match(said, /^unacceptable: .*an envelope \(DSSE\)$/)
})

it('a text that is not such a message is still not one with trailing data, or cut off', () => {
  for (const [what, message] of Object.entries(MESSAGES)) {
    const isWhole = protocolOf(message)
    assert.notEqual(isWhole, undefined, what)
    if (what !== 'a web token') {
      assert.equal(protocolOf(Buffer.concat([message, Buffer.alloc(10_000, 'x')])), isWhole, what)
    }
    assert.equal(protocolOf(message.subarray(0, 3)), undefined, what)
  }
  for (const length of [0, 1, 4, 5, 8, 9, 40]) assert.equal(protocolOf(Buffer.alloc(length)), undefined)
})
