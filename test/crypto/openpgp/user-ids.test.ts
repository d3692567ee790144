import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { userIdsOf } from '../../../src/crypto/openpgp/user-ids.ts'
import { readPackets, TAG } from '../../../src/formats/openpgp/packets.ts'
import type { OpenPgpKey } from '../../../src/policy/policy.ts'

const dir = mkdtempSync('/tmp/nixsig-user-ids-')
const home = join(dir, 'gpg')
mkdirSync(home, { mode: 0o700 })
after(() => {
  execFileSync('gpgconf', ['--homedir', home, '--kill', 'all'])
  rmSync(dir, { recursive: true, force: true })
})

function gpg(...args: readonly string[]): Buffer {
  return execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--passphrase', '', ...args])
}

function keyIn(name: string, bytes: Uint8Array, fingerprint: string): OpenPgpKey {
  const certificate = join(dir, name)
  writeFileSync(certificate, bytes)
  return { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: fingerprint, fingerprint, certificate }
}

test('the user ids that a key signed and did not revoke, and none that others put beside them', () => {
  gpg('--quick-generate-key', 'Alice <alice@example.org>', 'ed25519', 'sign', 'never')
  gpg('--quick-add-uid', 'alice@example.org', 'Alice at work <alice@example.com>')
  gpg('--quick-add-uid', 'alice@example.org', 'Alice before <alice@example.net>')
  gpg('--quick-revoke-uid', 'alice@example.org', 'Alice before <alice@example.net>')
  gpg('--quick-generate-key', 'Mallory <mallory@example.org>', 'ed25519', 'sign', 'never')
  const listed = gpg('--with-colons', '--list-keys', 'alice@example.org').toString()
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? ''
  const alice = readFileSync(
    keyIn('alice.pgp', gpg('--export', 'alice@example.org'), fingerprint).certificate,
  )
  const names = ['Alice <alice@example.org>', 'Alice at work <alice@example.com>']
  assert.deepEqual([...userIdsOf(keyIn('own.pgp', alice, fingerprint))].sort(), names)

  const theirs = readPackets(gpg('--export', 'mallory@example.org')).filter(
    ({ tag }) => tag === TAG.userId || tag === TAG.signature,
  )
  const added = Buffer.concat([alice, ...theirs.map(({ bytes }) => bytes)])
  assert.deepEqual([...userIdsOf(keyIn('added.pgp', added, fingerprint))].sort(), names)

  assert.deepEqual(userIdsOf(keyIn('none.pgp', Buffer.from('no certificate'), fingerprint)), [])
})
