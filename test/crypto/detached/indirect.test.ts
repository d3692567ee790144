// Signatures over checksum lists and over the contents of compressed files, compared with gpgv and
// the tools that unpack.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { verifyDetached } from '../../../src/crypto/detached/verify.ts'
import type { Key } from '../../../src/policy/policy.ts'
import { openGnupg } from '../../support/gnupg.ts'

const gnupg = openGnupg()
const dir = mkdtempSync('/tmp/nixsig-indirect-')
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

function openPgpKey(name: string): Key {
  const fingerprint = gnupg.makeKey(name)
  const certificate = gnupg.exportTo(join(dir, `${name}.pgp`), fingerprint)
  return { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: name, fingerprint, certificate }
}

const alice = openPgpKey('alice')
const mallory = openPgpKey('mallory')

function write(name: string, contents: string | Uint8Array): string {
  writeFileSync(join(dir, name), contents)
  return join(dir, name)
}

const sh = (script: string) =>
  execFileSync('sh', ['-euc', script], { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] })

function signed(name: string, by = 'alice'): Buffer {
  return gnupg.sign(join(dir, name), by)
}

function clearSigned(text: string, by = 'alice'): string {
  return gnupg.gpg(['--local-user', by, '--clearsign'], { input: text }).toString('utf8')
}

/** Whether GnuPG accepts a signed text. */
function gpgAccepts(text: string): boolean {
  const file = write('signed.asc', text)
  return spawnSync('gpg', ['--homedir', gnupg.dir, '--batch', '--verify', file]).status === 0
}

async function outcome(file: string, signature: Uint8Array | string, rest: object = {}) {
  const bytes = typeof signature === 'string' ? Buffer.from(signature, 'utf8') : signature
  const [result] = await verifyDetached({ file: join(dir, file), signature: bytes, keys: [alice], ...rest })
  return result ?? assert.fail('no result')
}

write('x.tar', 'the release\n'.repeat(1000))
const SUMS = sh('sha256sum x.tar; sha512sum --tag x.tar').toString('utf8')
write('SUMS', SUMS)

describe('a signed list of checksums', () => {
  it('that names the file is as good as a signature over it', async () => {
    const { outcome: found, detail } = await outcome('x.tar', signed('SUMS'), {
      checksums: Buffer.from(SUMS),
    })
    assert.equal(found, 'good')
    assert.match(detail, /over a list of checksums$/)
  })

  it('that names the file is also good in one file with its signature', async () => {
    const text = clearSigned(SUMS)
    assert.ok(gpgAccepts(text))
    assert.equal((await outcome('x.tar', text)).outcome, 'good')
  })

  it('may name the file as the caller allows', async () => {
    sh('cp x.tar renamed')
    const rest = { checksums: Buffer.from(SUMS) }
    const named = await outcome('renamed', signed('SUMS'), rest)
    assert.equal(named.outcome, 'other-file')
    assert.match(named.detail, /does not name renamed, but has its checksum for x\.tar/)
    assert.equal(
      (await outcome('renamed', signed('SUMS'), { ...rest, fileNames: ['x.tar'] })).outcome,
      'good',
    )
  })

  it('attack: a file that was changed after the list was signed is bad', async () => {
    write('changed/x.tar'.replace('/', '-'), 'evil\n')
    const rest = { checksums: Buffer.from(SUMS), fileNames: ['x.tar'] }
    const { outcome: found, detail } = await outcome('changed-x.tar', signed('SUMS'), rest)
    assert.equal(found, 'bad-signature')
    assert.match(detail, /has another sha256 for x\.tar/)
  })

  /** The forms of these lists, and the tools that write them. */
  const KINDS: Readonly<Record<string, string>> = {
    'BLAKE2b, untagged as b2sum writes it': 'b2sum x.tar',
    'BLAKE2b, tagged': 'b2sum --tag x.tar',
    'BLAKE2b of 256 bits, untagged': 'b2sum -l 256 x.tar',
    'BLAKE2b of 384 bits, tagged': 'b2sum -l 384 --tag x.tar',
    'SHA-3 of 256 bits': 'openssl dgst -sha3-256 x.tar',
    'SHA-3 of 512 bits, untagged': 'openssl dgst -sha3-512 -r x.tar',
    'BLAKE2b by openssl': 'openssl dgst -blake2b512 x.tar',
    'BLAKE2b and SHA-512 under headings':
      'echo "# BLAKE2B HASH"; b2sum x.tar; echo "# SHA512 HASH"; sha512sum x.tar',
    'BLAKE2b and SHA-512 as in a Manifest':
      'echo "DIST x.tar 12 BLAKE2B $(b2sum x.tar | cut -c1-128) SHA512 $(sha512sum x.tar | cut -c1-128)"',
    'SHA-256 and one space': 'sha256sum x.tar | tr -s " "',
    'SHA-256 and a tab': 'sha256sum x.tar | tr -s " " "\\t"',
  }
  for (const [title, script] of Object.entries(KINDS)) {
    it(`by ${title} counts, and not for another file`, async () => {
      const list = sh(script)
      write('KIND', list)
      const signature = signed('KIND')
      const rest = { checksums: list, fileNames: ['x.tar'] }
      assert.equal((await outcome('x.tar', signature, rest)).outcome, 'good')
      write('other', 'evil\n')
      const { outcome: found, detail } = await outcome('other', signature, rest)
      assert.equal(found, 'bad-signature')
      assert.match(detail, /has another (?:sha|blake2b)[-\w]+ for x\.tar/)
    })
  }

  it('of an unsupported algorithm is reported, and nobody is accused', async () => {
    for (const script of [
      'openssl dgst -blake2s256 x.tar',
      'openssl dgst -sha512-256 x.tar',
      'md5sum x.tar',
    ]) {
      const list = sh(script)
      write('KIND', list)
      const { outcome: found, detail } = await outcome('x.tar', signed('KIND'), { checksums: list })
      assert.equal(found, 'unacceptable', script)
      assert.match(detail, /no checksum of x\.tar by SHA-2, SHA-3 or BLAKE2b/)
    }
  })

  it('attack: one right and one wrong checksum of the file is bad', async () => {
    const list = SUMS.replace(/SHA512 \(x.tar\) = ../, 'SHA512 (x.tar) = 00')
    write('HALF', list)
    const { outcome: found } = await outcome('x.tar', signed('HALF'), { checksums: Buffer.from(list) })
    assert.equal(found, 'bad-signature')
  })

  it('attack: a list that was changed under its signature is bad', async () => {
    const list = `${SUMS}${'0'.repeat(64)}  more\n`
    assert.equal(
      (await outcome('x.tar', signed('SUMS'), { checksums: Buffer.from(list) })).outcome,
      'bad-signature',
    )
    const text = clearSigned(SUMS).replace('x.tar\n', 'x.tar\n\n')
    assert.equal(gpgAccepts(text), false)
    assert.equal((await outcome('x.tar', text)).outcome, 'bad-signature')
  })

  it('by somebody else is by an unknown signer', async () => {
    const rest = { checksums: Buffer.from(SUMS) }
    assert.equal((await outcome('x.tar', signed('SUMS', 'mallory'), rest)).outcome, 'unknown-signer')
    assert.equal((await outcome('x.tar', clearSigned(SUMS, 'mallory'))).outcome, 'unknown-signer')
    assert.equal((await outcome('x.tar', clearSigned(SUMS, 'mallory'), { keys: [mallory] })).outcome, 'good')
  })

  it('attack: a signature over a text is not one over a file, nor the other way round', async () => {
    const text = clearSigned(SUMS)
    const signature = Buffer.from(text.slice(text.indexOf('-----BEGIN PGP SIGNATURE')))
    const asFile = await outcome('x.tar', signature, { checksums: Buffer.from(SUMS) })
    assert.notEqual(asFile.outcome, 'good')
    const armoured = gnupg.sign(join(dir, 'SUMS'), 'alice', ['--armor']).toString('utf8')
    const asText = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${SUMS}${armoured}`
    assert.notEqual((await outcome('x.tar', asText)).outcome, 'good')
  })

  it('has a text of its own: dashes are unescaped, white space at the ends of lines is dropped', async () => {
    write('- x', 'dash\n')
    const text = clearSigned(`# - a remark  \n${sh("sha256sum -- '- x'").toString('utf8')}`)
    assert.ok(gpgAccepts(text))
    assert.equal((await outcome('- x', text)).outcome, 'good')
    assert.equal((await outcome('- x', text.replaceAll('\n', '\r\n'))).outcome, 'good')
  })

  const refused: Readonly<Record<string, readonly [(text: string) => string, RegExp]>> = {
    'text before the signed text': [
      text => `x.tar is fine\n${text}`,
      /a signed message with text before it, which nobody signed/,
    ],
    'text after the signature': [text => `${text}\n${SUMS}`, /text outside the armoured block/],
    'another signed text': [text => text + text, /block|armour|dash/],
    'a header that is not signed': [
      text => text.replace('Hash:', 'Comment: good\nHash:'),
      /a header other than Hash/,
    ],
    'a list between the headers': [text => text.replace('Hash:', `${SUMS}Hash:`), /a header other than Hash/],
    'a dash that is not escaped': [text => text.replace('\n\n', '\n\n-x\n'), /a dash that is not escaped/],
    'a control character': [text => text.replace('\n\n', '\n\n# \u001b[8m\n'), /a control character/],
    'no signature': [text => text.slice(0, text.indexOf('-----BEGIN PGP SIGNATURE')), /no signature/],
  }
  for (const [title, [change, reason]] of Object.entries(refused)) {
    it(`attack: is malformed with ${title}`, async () => {
      await assert.rejects(outcome('x.tar', change(clearSigned(SUMS))), reason)
    })
  }

  it('attack: cannot be both in a file of its own and in one file with its signature', async () => {
    await assert.rejects(
      outcome('x.tar', clearSigned(SUMS), { checksums: Buffer.from(SUMS) }),
      /over a text of its own/,
    )
  })
})

describe('a signature over the contents of a compressed file', () => {
  const signature = signed('x.tar')
  sh('gzip -kf x.tar; xz -kf x.tar; bzip2 -kf x.tar; zstd -qkf x.tar')

  for (const extension of ['gz', 'xz', 'bz2', 'zst']) {
    it(`is good over x.tar.${extension}, and not over another`, async () => {
      const { outcome: found, detail } = await outcome(`x.tar.${extension}`, signature)
      assert.equal(found, 'good')
      assert.match(detail, /over the uncompressed contents$/)
      assert.equal((await outcome(`x.tar.${extension}`, signed('SUMS'))).outcome, 'bad-signature')
    })

    it(`attack: nothing may follow the contents of x.tar.${extension}`, async () => {
      write(
        `tail.${extension}`,
        Buffer.concat([readFileSync(join(dir, `x.tar.${extension}`)), Buffer.from('evil\n')]),
      )
      const { outcome: found, detail } = await outcome(`tail.${extension}`, signature)
      assert.equal(found, 'bad-signature')
      assert.match(detail, /its contents could not be looked at: /)
    })

    it(`attack: a second member in x.tar.${extension} is unsigned contents`, async () => {
      const once = readFileSync(join(dir, `x.tar.${extension}`))
      write(`twice.${extension}`, Buffer.concat([once, once]))
      assert.equal((await outcome(`twice.${extension}`, signature)).outcome, 'bad-signature')
    })
  }

  it('attack: a file that unpacks to an absurd size is not unpacked', async () => {
    sh('head -c 40000000 /dev/zero | bzip2 -9 >bomb.bz2')
    const { outcome: found, detail } = await outcome('bomb.bz2', signature)
    assert.equal(found, 'bad-signature')
    assert.match(detail, /more than \d+ bytes come out/)
  })

  it('attack: a compressed file with a wrong checksum is refused', async () => {
    const bytes = Buffer.from(readFileSync(join(dir, 'x.tar.gz')))
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 8) ^ 1, bytes.length - 8)
    write('broken.gz', bytes)
    assert.equal((await outcome('broken.gz', signature)).outcome, 'bad-signature')
  })

  it('is not looked for where the signature is over the file itself, or by an unlisted key', async () => {
    const own = await outcome('x.tar.gz', signed('x.tar.gz'))
    assert.equal(own.outcome, 'good')
    assert.doesNotMatch(own.detail, /uncompressed/)
    assert.equal((await outcome('x.tar.gz', signed('x.tar', 'mallory'))).outcome, 'unknown-signer')
  })
})
