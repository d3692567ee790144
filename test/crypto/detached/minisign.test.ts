import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type MinisignResult, verifyMinisign } from '../../../src/crypto/detached/minisign.ts'
import { withOpenedFile } from '../../../src/crypto/detached/opened-file.ts'
import { parseMinisignPublicKey } from '../../../src/formats/minisign.ts'

const dir = mkdtempSync('/tmp/nixsig-minisign-')
after(() => rmSync(dir, { recursive: true, force: true }))
const file = join(dir, 'release.tar')
const otherFile = join(dir, 'tampered.tar')
// Larger than one piece, to test hashing in pieces.
const release = Buffer.alloc(3 * 1024 * 1024 + 17, 'release ')
writeFileSync(file, release)
writeFileSync(otherFile, Buffer.concat([release.subarray(0, -1), Buffer.from('!')]))

function makeKey(name: string) {
  const [publicKey, secretKey] = [join(dir, `${name}.pub`), join(dir, `${name}.key`)]
  execFileSync('minisign', ['-G', '-W', '-f', '-p', publicKey, '-s', secretKey], { stdio: 'ignore' })
  return { publicKey, secretKey, key: parseMinisignPublicKey(readFileSync(publicKey, 'utf8')) }
}

function sign(
  secretKey: string,
  message: string,
  kind: '-l' | '-H',
  comment = 'file:release.tar version:1',
): string {
  const output = join(dir, 'made.minisig')
  execFileSync('minisign', ['-S', kind, '-W', '-s', secretKey, '-m', message, '-x', output, '-t', comment])
  return readFileSync(output, 'utf8')
}

const alice = makeKey('alice')
const mallory = makeKey('mallory')

function verify(signature: string, key = alice.key, message = file): Promise<MinisignResult> {
  return withOpenedFile(message, opened => verifyMinisign(opened, Buffer.from(signature), key))
}

/** The verdict of minisign itself. */
function accepts(signature: string, message = file): boolean {
  const path = join(dir, 'asked.minisig')
  writeFileSync(path, signature)
  return spawnSync('minisign', ['-V', '-p', alice.publicKey, '-m', message, '-x', path]).status === 0
}

function withLine(signature: string, number: number, change: (line: string) => string): string {
  return signature
    .split('\n')
    .map((line, index) => (index === number - 1 ? change(line) : line))
    .join('\n')
}

function withBytes(line: string, change: (bytes: Buffer) => void): string {
  const bytes = Buffer.from(line, 'base64')
  change(bytes)
  return bytes.toString('base64')
}

for (const [kind, name] of [
  ['-l', 'over the bytes'],
  ['-H', 'over their BLAKE2b'],
] as const) {
  describe(`a minisign signature ${name}`, () => {
    const signature = sign(alice.secretKey, file, kind)

    it('is good, and gives the trusted comment', async () => {
      assert.ok(accepts(signature))
      assert.deepEqual(await verify(signature), { kind: 'good', detail: 'file:release.tar version:1' })
    })

    it('is bad over a changed file', async () => {
      assert.ok(!accepts(signature, otherFile))
      assert.equal((await verify(signature, alice.key, otherFile)).kind, 'bad-signature')
    })

    it('is bad if it claims to be of the other kind', async () => {
      const swapped = withLine(signature, 2, line =>
        withBytes(line, bytes => {
          bytes[1] = kind === '-l' ? 0x44 : 0x64
        }),
      )
      assert.ok(!accepts(swapped))
      assert.equal((await verify(swapped)).kind, 'bad-signature')
    })

    it('is bad with a changed trusted comment', async () => {
      const changed = withLine(signature, 3, line => line.replace('version:1', 'version:2'))
      assert.ok(!accepts(changed))
      assert.equal((await verify(changed)).kind, 'bad-comment')
    })

    it('is bad with the comment of another release and its signature', async () => {
      const other = sign(alice.secretKey, otherFile, kind, 'version:2').split('\n')
      const lines = signature.split('\n')
      const mixed = [lines[0], lines[1], other[2], other[3], ''].join('\n')
      assert.ok(!accepts(mixed))
      assert.equal((await verify(mixed)).kind, 'bad-comment')
    })

    it('is bad with any byte of either signature flipped', async () => {
      for (const [line, from, size] of [
        [2, 10, 64],
        [4, 0, 64],
      ] as const) {
        for (let offset = 0; offset < size; offset += 9) {
          const flipped = withLine(signature, line, text =>
            withBytes(text, bytes => {
              bytes[from + offset] = (bytes[from + offset] ?? 0) ^ 1
            }),
          )
          assert.equal((await verify(flipped)).kind, line === 2 ? 'bad-signature' : 'bad-comment')
        }
      }
    })

    it('is by an unknown signer for any other key, and for one with another key number', async () => {
      assert.equal((await verify(signature, mallory.key)).kind, 'unknown-signer')
      const renumbered = withLine(signature, 2, line => withBytes(line, bytes => bytes.fill(7, 2, 10)))
      assert.ok(!accepts(renumbered))
      assert.equal((await verify(renumbered)).kind, 'unknown-signer')
    })

    it("is bad if another key's signature is given this key's number", async () => {
      const forged = withLine(sign(mallory.secretKey, file, kind), 2, line =>
        withBytes(line, bytes => bytes.set(alice.key.keyNumber, 2)),
      )
      assert.ok(!accepts(forged))
      assert.equal((await verify(forged)).kind, 'bad-signature')
    })
  })
}

it('refuses a small-order key and signature that node:crypto would accept', async () => {
  const identity = Buffer.alloc(32)
  identity[0] = 1
  const zero = Buffer.concat([identity, Buffer.alloc(32)])
  const { keyNumber } = alice.key
  const line = Buffer.concat([Buffer.from('Ed'), keyNumber, zero]).toString('base64')
  const forged = `untrusted comment: x\n${line}\ntrusted comment: x\n${zero.toString('base64')}\n`
  assert.equal((await verify(forged, { keyNumber, publicKey: identity })).kind, 'bad-signature')
})

it('leaves a legacy signature over a file of more than 1 GiB undecided', async () => {
  const signature = sign(alice.secretKey, file, '-l')
  const huge = join(dir, 'huge')
  writeFileSync(huge, '')
  truncateSync(huge, 1024 ** 3 + 1)
  const result = await verify(signature, alice.key, huge)
  assert.ok(result.kind === 'unreadable')
  assert.match(result.detail, /more than 1073741824 bytes/)
})

it('notices that the file changes while it is verified', async () => {
  const changing = join(dir, 'changing')
  writeFileSync(changing, release)
  const signature = Buffer.from(sign(alice.secretKey, changing, '-H'))
  const judged = withOpenedFile(changing, async opened => {
    const result = await verifyMinisign(opened, signature, alice.key)
    assert.equal(result.kind, 'good')
    writeFileSync(changing, 'malware')
    return result
  })
  await assert.rejects(judged, /changed while it was verified/)
})
