import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { parseMinisignPublicKey } from '../../../src/formats/minisign.ts'
import type { Ed25519Key, Key, OpenPgpKey } from '../../../src/policy/policy.ts'
import { openGnupg } from '../../support/gnupg.ts'

const gnupg = openGnupg()
after(() => gnupg.remove())
const work = join(gnupg.dir, 'work')
mkdirSync(work)
const file = join(work, 'release.tar')
writeFileSync(file, 'a release')

function openPgpKey(name: string): OpenPgpKey {
  const fingerprint = gnupg.makeKey(name)
  const certificate = gnupg.exportTo(join(work, `${name}.pgp`), fingerprint)
  return { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: name, fingerprint, certificate }
}

function minisignKey(name: string): Ed25519Key {
  const args = ['-G', '-W', '-f', '-p', join(work, `${name}.pub`), '-s', join(work, `${name}.key`)]
  execFileSync('minisign', args, { stdio: 'ignore' })
  const { publicKey, keyNumber } = parseMinisignPublicKey(readFileSync(join(work, `${name}.pub`), 'utf8'))
  return { kind: 'ed25519', form: 'minisign', identity: `ed25519:${name}`, label: name, publicKey, keyNumber }
}

const alice = openPgpKey('alice')
const bob = openPgpKey('bob')
const carol = minisignKey('carol')
const dora = minisignKey('dora')
/** Carol's own key in a form that signs attestations. */
const carolAsNix: Ed25519Key = {
  kind: 'ed25519',
  form: 'nix',
  identity: carol.identity,
  label: 'carol-nix',
  publicKey: carol.publicKey,
}
const keys: readonly Key[] = [alice, bob, carol, dora, carolAsNix]

const openPgp = gnupg.sign(file, alice.fingerprint)
execFileSync('minisign', [
  '-S',
  '-W',
  '-s',
  join(work, 'carol.key'),
  '-m',
  file,
  '-x',
  join(work, 'release.minisig'),
])
const minisign = readFileSync(join(work, 'release.minisig'))

async function outcomes(signature: Uint8Array, judged = file): Promise<readonly string[]> {
  const results = await verifyDetached({ file: judged, signature, keys })
  return results.map(result => `${result.key.label}: ${result.outcome}`)
}

describe('a detached signature', () => {
  it('is tried with the keys of its kind and no others', async () => {
    assert.deepEqual(await outcomes(openPgp), ['alice: good', 'bob: unknown-signer'])
    assert.deepEqual(await outcomes(minisign), ['carol: good', 'dora: unknown-signer'])
  })

  it('is recognised by its contents: armoured, and over a file behind a symbolic link', async () => {
    const link = join(work, 'link')
    symlinkSync(file, link)
    const armoured = gnupg.sign(file, bob.fingerprint, ['--armor'])
    assert.deepEqual(await outcomes(armoured, link), ['alice: unknown-signer', 'bob: good'])
  })

  it('has no result if there is no key of its kind', async () => {
    assert.deepEqual(await verifyDetached({ file, signature: openPgp, keys: [carol] }), [])
    assert.deepEqual(await verifyDetached({ file, signature: minisign, keys: [alice, carolAsNix] }), [])
  })

  it('is undecided for a key whose certificate cannot be read, and decided for the others', async () => {
    const lost: OpenPgpKey = { ...bob, label: 'lost', certificate: join(work, 'lost.pgp') }
    const results = await verifyDetached({ file, signature: openPgp, keys: [lost, alice] })
    assert.deepEqual(
      results.map(result => result.outcome),
      ['unreadable', 'good'],
    )
    assert.match(results[0]?.detail ?? '', /cannot read .*lost\.pgp/)
  })

  it('is an error if it is of an unknown kind or malformed, even where no key would be tried', async () => {
    for (const [signature, reason] of [
      ['', /empty/],
      ['good signature by alice\n', /none of minisign, signify, sshsig/],
      ['untrusted comment: x\n', /not four lines/],
      ['-----BEGIN PGP SIGNATURE-----\n', /no end/],
      ['\xff', /breaks off/],
      [Buffer.alloc(256 * 1024 + 1, 0xc2), /more than 262144 bytes/],
    ] as const) {
      const bytes = typeof signature === 'string' ? Buffer.from(signature, 'latin1') : signature
      const judged = verifyDetached({ file, signature: bytes, keys: [] })
      await assert.rejects(judged, { name: 'FormatError', message: reason })
    }
  })

  it('is an error over a directory, a pipe or an absent file', async () => {
    const pipe = join(work, 'pipe')
    execFileSync('mkfifo', [pipe])
    await assert.rejects(outcomes(openPgp, work), { name: 'FileError', message: /not a regular file/ })
    await assert.rejects(outcomes(openPgp, pipe), { name: 'FileError', message: /not a regular file/ })
    await assert.rejects(outcomes(openPgp, join(work, 'none')), { name: 'FileError', message: /cannot read/ })
  })
})
