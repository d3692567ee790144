import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import type { Key } from '../../../src/policy/policy.ts'
import {
  certificate,
  FLAGS,
  flags,
  keyOfSeed,
  signaturePacket,
  subpacket,
  TYPE,
  userId,
} from '../../support/openpgp-maker.ts'

const dir = mkdtempSync('/tmp/nixsig-runs-')
after(() => rmSync(dir, { recursive: true }))

const CREATED = 1_700_000_000
const file = join(dir, 'release.tar.gz')
const contents = Buffer.from('a release\n')
writeFileSync(file, contents)

const made = Array.from({ length: 150 }, (_, n) => keyOfSeed(CREATED, `crowd ${n}`))
const keys = made.map((key, n): Key => {
  const { fingerprint } = key
  const path = join(dir, `${n}.pgp`)
  const bound = userId(key, `u${n}`, { created: CREATED, subpackets: [flags(FLAGS.certify | FLAGS.sign)] })
  writeFileSync(path, certificate(key, bound))
  const identity = `openpgp:${fingerprint}` as const
  return { kind: 'openpgp', identity, label: fingerprint, fingerprint, certificate: path }
})

test('attack: one signature that names all keys of a list, so that a program runs for each of them', async () => {
  const [first] = made
  assert.ok(first)
  const names = made.map(({ keyId }) => subpacket(16, Buffer.from(keyId, 'hex')))
  const signature = signaturePacket(first, TYPE.file, contents, { created: CREATED + 1, subpackets: names })
  const results = await verifyDetached({ file, signature, keys })
  const unreadable = results.filter(({ outcome }) => outcome === 'unreadable')
  assert.equal(unreadable.length, 150 - 128)
  for (const { detail } of unreadable)
    assert.equal(detail, 'more than 128 signatures by listed keys in one file')
  // Each file of signatures has runs of its own.
  const again = await verifyDetached({ file, signature, keys: keys.slice(0, 100) })
  assert.ok(again.every(({ outcome }) => outcome !== 'unreadable'))
})
