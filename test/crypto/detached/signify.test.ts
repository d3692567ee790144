import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { signatureKind, verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { parseKey } from '../../../src/policy/language/keys.ts'
import type { Key } from '../../../src/policy/policy.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-signify-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const at = (name: string) => join(dir, name)
writeFileSync(at('release.tar'), Buffer.alloc(2 * 1024 * 1024 + 5, 'release '))
writeFileSync(at('other.tar'), Buffer.alloc(2 * 1024 * 1024 + 5, 'Release '))

function makeKey(name: string): Key {
  execFileSync('signify-openbsd', ['-G', '-n', '-c', name, '-p', at(`${name}.pub`), '-s', at(`${name}.sec`)])
  return parseKey(`signify:${lineOf(readFileSync(at(`${name}.pub`), 'latin1'))}`)
}

function sign(name: string, file: string, ...options: readonly string[]): Buffer {
  execFileSync('signify-openbsd', [
    '-S',
    ...options,
    '-s',
    at(`${name}.sec`),
    '-m',
    at(file),
    '-x',
    at('made.sig'),
  ])
  return readFileSync(at('made.sig'))
}

function accepts(signature: Uint8Array, file = 'release.tar'): boolean {
  writeFileSync(at('asked.sig'), signature)
  const args = ['-V', '-q', '-p', at('alice.pub'), '-x', at('asked.sig'), '-m', at(file)]
  return spawnSync('signify-openbsd', args).status === 0
}

const lineOf = (text: string) => text.split('\n')[1] ?? ''
const alice = makeKey('alice')
const mallory = makeKey('mallory')
const signature = sign('alice', 'release.tar')

async function outcomes(
  judged: Uint8Array,
  file = 'release.tar',
  keys = [alice],
): Promise<readonly string[]> {
  const results = await verifyDetached({ file: at(file), signature: judged, keys })
  return results.map(({ outcome }) => outcome)
}

/** The signature with other bytes in its base64. */
function withBytes(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(lineOf(signature.toString('latin1')), 'base64')
  change(bytes)
  return Buffer.from(`untrusted comment: x\n${bytes.toString('base64')}\n`)
}

describe('a signify signature', () => {
  it('is good over its file and bad over another, as signify says', async () => {
    assert.equal(signatureKind(signature), 'signify')
    assert.deepEqual([accepts(signature), accepts(signature, 'other.tar')], [true, false])
    assert.deepEqual(await outcomes(signature), ['good'])
    assert.deepEqual(await outcomes(signature, 'other.tar'), ['bad-signature'])
  })

  it('is by an unknown signer for another key, and if its key number is changed', async () => {
    assert.deepEqual(await outcomes(signature, 'release.tar', [mallory, alice]), ['unknown-signer', 'good'])
    const renumbered = withBytes(bytes => bytes.fill(7, 2, 10))
    assert.ok(!accepts(renumbered))
    assert.deepEqual(await outcomes(renumbered), ['unknown-signer'])
  })

  it('is bad if another key made it with this key number', async () => {
    const theirs = Buffer.from(lineOf(sign('mallory', 'release.tar').toString('latin1')), 'base64')
    const forged = withBytes(bytes => theirs.copy(bytes, 10, 10))
    assert.ok(!accepts(forged))
    assert.deepEqual(await outcomes(forged), ['bad-signature'])
  })

  it('is bad with any byte of it flipped', async () => {
    for (let offset = 10; offset < 74; offset += 7) {
      const flipped = withBytes(bytes => bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset))
      assert.deepEqual(await outcomes(flipped), ['bad-signature'], `byte ${offset}`)
    }
  })

  it('does not depend on its comment, which is not signed', async () => {
    const renamed = Buffer.from(signature.toString('latin1').replace('alice', 'mallory'), 'latin1')
    assert.ok(accepts(renamed))
    assert.deepEqual(await outcomes(renamed), ['good'])
  })

  it('with its message in the same file is refused, and says so', async () => {
    writeFileSync(at('list'), 'SHA256 (release.tar) = 00\n')
    await assert.rejects(
      outcomes(sign('alice', 'list', '-e')),
      /the signed message is in this file \(signify -e\)/,
    )
  })

  it('over more than 1 GiB is not decided', async () => {
    writeFileSync(at('huge'), '')
    truncateSync(at('huge'), 1024 ** 3 + 1)
    assert.deepEqual(await outcomes(signature, 'huge'), ['unreadable'])
  })
})

describe("signify's and minisign's signatures", () => {
  execFileSync('minisign', ['-G', '-W', '-f', '-p', at('m.pub'), '-s', at('m.key')], { stdio: 'ignore' })
  const encoded = lineOf(readFileSync(at('m.pub'), 'latin1'))
  const ofMinisign = parseKey(`minisign:${encoded}`)
  const ofSignify = parseKey(`signify:${encoded}`)
  execFileSync('minisign', ['-S', '-l', '-W', '-s', at('m.key'), '-m', at('release.tar'), '-x', at('m.sig')])
  const whole = readFileSync(at('m.sig'))

  it('can be by the same key, and each is read as its own kind', async () => {
    assert.equal(ofMinisign.identity, ofSignify.identity)
    assert.deepEqual(await outcomes(whole, 'release.tar', [ofMinisign]), ['good'])
    assert.deepEqual(await outcomes(whole, 'release.tar', [ofSignify]), [])
    assert.deepEqual(await outcomes(signature, 'release.tar', [ofMinisign]), [])
  })

  it('do not pass for each other: a minisign signature without its trusted comment does not count for a minisign key', async () => {
    const stripped = Buffer.from(whole.toString('latin1').split('\n').slice(0, 2).join('\n'))
    assert.equal(signatureKind(stripped), 'signify')
    assert.deepEqual(await outcomes(stripped, 'release.tar', [ofMinisign]), [])
  })
})
