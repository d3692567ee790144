import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import { findProgram } from '../../../src/files/programs.ts'
import { parseMinisignPublicKey } from '../../../src/formats/minisign.ts'
import type { Key } from '../../../src/policy/policy.ts'
import { openGnupg } from '../../support/gnupg.ts'

const gnupg = openGnupg()
after(() => gnupg.remove())
const work = join(gnupg.dir, 'work')
mkdirSync(work)
const at = (name: string) => join(work, name)

const fingerprint = gnupg.makeKey('alice')
const certificate = gnupg.exportTo(at('alice.pgp'), fingerprint)
const alice: Key = {
  kind: 'openpgp',
  identity: `openpgp:${fingerprint}`,
  label: 'alice',
  fingerprint,
  certificate,
}

const TAR = Buffer.from('the members of an archive\n'.repeat(500))
writeFileSync(at('release.tar'), TAR)
const signature = gnupg.sign(at('release.tar'), fingerprint)
writeFileSync(at('release.tar.sig'), signature)

const TOOLS = { xz: '.xz', gzip: '.gz', bzip2: '.bz2', zstd: '.zst' } as const
type Tool = keyof typeof TOOLS
const tools = Object.keys(TOOLS) as Tool[]
const compressed = (tool: Tool, data: Uint8Array, args: readonly string[] = []) =>
  execFileSync(tool, [...args, '-c'], { input: data, maxBuffer: 1 << 30 })

async function judge(name: string, bytes: Uint8Array, by: Uint8Array = signature, keys = [alice]) {
  writeFileSync(at(name), bytes)
  const [result, ...more] = await verifyDetached({ file: at(name), signature: by, keys })
  assert.ok(result !== undefined && more.length === 0)
  return result
}

/** The expected result: by the tool exactly, and by gpgv for its output. */
function oracle(tool: Tool, name: string): boolean {
  const script = `set -o pipefail; ${tool} -dc <"$1" | gpgv --keyring "$2" "$3" -`
  try {
    execFileSync('bash', ['-c', script, '-', at(name), certificate, at('release.tar.sig')], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

describe('signatures over the contents of a compressed file', () => {
  for (const tool of tools) {
    const name = `release.tar${TOOLS[tool]}`
    const whole = compressed(tool, TAR)

    it(`are good over what ${tool} unpacks`, async () => {
      const { outcome, detail } = await judge(name, whole)
      assert.equal(outcome, 'good')
      assert.match(detail, /, over the uncompressed contents$/)
      assert.ok(oracle(tool, name))
    })

    it(`are bad over other contents, by ${tool}`, async () => {
      const other = compressed(tool, Buffer.concat([TAR, Buffer.from('evil')]))
      const { outcome, detail } = await judge(name, other)
      assert.equal(outcome, 'bad-signature')
      assert.doesNotMatch(detail, /uncompressed/)
      assert.equal(oracle(tool, name), false)
    })

    it(`do not count with data after the end of the output of ${tool}`, async () => {
      const { outcome, detail } = await judge(name, Buffer.concat([whole, Buffer.from('garbage after it')]))
      assert.equal(outcome, 'bad-signature')
      assert.match(detail, new RegExp(`its contents could not be looked at: ${tool}: `))
    })

    it(`are bad if a part of the file is missing or changed, by ${tool}`, async () => {
      const half = await judge(name, whole.subarray(0, whole.length - 5))
      assert.equal(half.outcome, 'bad-signature')
      const flipped = Buffer.from(whole)
      flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1
      const changed = await judge(name, flipped)
      assert.equal(changed.outcome, 'bad-signature')
      assert.equal(oracle(tool, name), false)
    })

    it(`cover all members that ${tool} unpacks, not one of two`, async () => {
      const signedOnly = Buffer.concat([whole, compressed(tool, Buffer.from('evil'))])
      assert.equal((await judge(name, signedOnly)).outcome, 'bad-signature')
      const before = Buffer.concat([compressed(tool, Buffer.from('evil')), whole])
      assert.equal((await judge(name, before)).outcome, 'bad-signature')
      const split = Buffer.concat([compressed(tool, TAR.subarray(0, 99)), compressed(tool, TAR.subarray(99))])
      assert.equal((await judge(name, split)).outcome, 'good')
      assert.ok(oracle(tool, name))
    })

    it(`stop a bomb that ${tool} would unpack`, async () => {
      const bomb = compressed(tool, Buffer.alloc(64 * 1024 * 1024), ['-9'])
      const start = performance.now()
      const { outcome, detail } = await judge(name, bomb)
      assert.equal(outcome, 'bad-signature')
      // gzip does not compress that well: its bomb is unpacked, and is not the signed contents.
      if (tool !== 'gzip') assert.match(detail, /more than \d+ bytes come out/)
      assert.ok(performance.now() - start < 10_000)
    })
  }

  it('are not needed where the file itself is signed', async () => {
    writeFileSync(at('both.tar.gz'), gzipSync(TAR))
    const direct = gnupg.sign(at('both.tar.gz'), fingerprint)
    const { outcome, detail } = await judge('both.tar.gz', gzipSync(TAR), direct)
    assert.equal(outcome, 'good')
    assert.doesNotMatch(detail, /uncompressed/)
  })

  it('do not count in the other direction: over the archive, for the file inside it', async () => {
    writeFileSync(at('packed.gz'), gzipSync(TAR))
    const overPacked = gnupg.sign(at('packed.gz'), fingerprint)
    assert.equal((await judge('release-2.tar', TAR, overPacked)).outcome, 'bad-signature')
  })

  it('count through one compression, not two', async () => {
    assert.equal((await judge('twice.gz', gzipSync(gzipSync(TAR)))).outcome, 'bad-signature')
  })

  it('are the same whatever a gzip header says', async () => {
    writeFileSync(at('named'), TAR)
    const named = execFileSync('gzip', ['-N', '-c', 'named'], { cwd: work })
    assert.equal((await judge('named.gz', named)).outcome, 'good')
  })

  it('are found whatever the file is called', async () => {
    assert.equal((await judge('release.bin', gzipSync(TAR))).outcome, 'good')
  })

  it('are not tried for strangers: nothing is unpacked for them', async () => {
    const stranger = gnupg.makeKey('mallory')
    const by = gnupg.sign(at('release.tar'), stranger)
    assert.equal((await judge('stranger.gz', gzipSync(TAR), by)).outcome, 'unknown-signer')
  })

  it('report problems of their key as for the file itself', async () => {
    const old = gnupg.makeKey('old', { at: '20200101T000000', expire: '1y' })
    const key: Key = {
      kind: 'openpgp',
      identity: `openpgp:${old}`,
      label: 'old',
      fingerprint: old,
      certificate: gnupg.exportTo(at('old.pgp'), old),
    }
    const by = gnupg.sign(at('release.tar'), old, [], '20200601T000000')
    const { outcome, detail } = await judge('old.tar.gz', gzipSync(TAR), by, [key])
    assert.equal(outcome, 'expired-since')
    assert.match(detail, /over the uncompressed contents$/)
    const weak = gnupg.sign(at('release.tar'), fingerprint, ['--digest-algo', 'SHA1'])
    const unacceptable = await judge('weak.tar.gz', gzipSync(TAR), weak)
    assert.equal(unacceptable.outcome, 'unacceptable')
    assert.match(unacceptable.detail, /SHA-1.*over the uncompressed contents$/)
  })

  it('are undecided if no tool can unpack the file', {
    skip: findProgram('lzip') !== undefined,
  }, async () => {
    const { outcome, detail } = await judge('release.tar.lz', Buffer.from('LZIP\x01\x0c whatever this is'))
    assert.equal(outcome, 'unreadable')
    assert.match(detail, /its contents could not be looked at: there is no program lzip on this system/)
  })

  it('may be minisign signatures too', async () => {
    execFileSync('minisign', ['-G', '-W', '-p', at('m.pub'), '-s', at('m.key')], { stdio: 'ignore' })
    execFileSync('minisign', ['-S', '-W', '-s', at('m.key'), '-m', at('release.tar'), '-x', at('m.minisig')])
    const { publicKey, keyNumber } = parseMinisignPublicKey(readFileSync(at('m.pub'), 'utf8'))
    const key: Key = {
      kind: 'ed25519',
      form: 'minisign',
      identity: 'ed25519:m',
      label: 'm',
      publicKey,
      keyNumber,
    }
    const result = await judge('mini.gz', gzipSync(TAR), readFileSync(at('m.minisig')), [key])
    assert.equal(result.outcome, 'good')
  })

  it('attack: a file whose name is that of another kind of archive', async () => {
    const bytes = compressed('zstd', TAR)
    for (const name of ['release.zip', 'release.tar', 'release.tar.gz', 'release.JAR']) {
      const { outcome, detail } = await judge(name, bytes)
      assert.equal(outcome, 'bad-signature', name)
      assert.match(detail, /it was compressed by zstd, and \S+ is the name of something else/)
    }
    for (const name of ['release.tar.zst', 'release', 'release-1.0']) {
      assert.equal((await judge(name, bytes)).outcome, 'good', name)
    }
  })

  it('attack: an archive in data that the tool skips', async () => {
    const skippable = Buffer.alloc(8 + 22)
    skippable.writeUInt32LE(0x184d2a50)
    skippable.writeUInt32LE(22, 4)
    skippable.write('PK\u0005\u0006', 8, 'latin1')
    const bytes = Buffer.concat([compressed('zstd', TAR), skippable])
    writeFileSync(at('poly.tar.zst'), bytes)
    assert.equal(oracle('zstd', 'poly.tar.zst'), true)
    const { outcome, detail } = await judge('poly.tar.zst', bytes)
    assert.equal(outcome, 'bad-signature')
    assert.match(detail, /its contents could not be looked at: zstd: a skippable frame/)
  })
})
