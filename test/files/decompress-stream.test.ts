import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type DecompressOptions, decompressed } from '../../src/files/decompress-stream.ts'

const SEED = createHash('sha512').update('hello').digest('hex')
const TEXT = Buffer.concat(
  Array.from({ length: 1500 }, (_, n) => createHash('sha512').update(`${SEED}${n}`).digest()),
)
const by = (program: string) => execFileSync(program, ['-c'], { input: TEXT })

function options(more: Partial<DecompressOptions> = {}): DecompressOptions {
  return { compression: 'xz', limit: 1 << 24, signal: AbortSignal.timeout(20_000), ...more }
}

/** A stream that comes in pieces of this size. */
function piecesOf(bytes: Buffer, size = 1000): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    })(),
    { objectMode: false },
  )
}

async function read(body: Readable, more: Partial<DecompressOptions> = {}): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of decompressed(body, options(more))) pieces.push(piece)
  return Buffer.concat(pieces)
}

const CASES: readonly (readonly [compression: string, make: () => Buffer])[] = [
  ['none', () => TEXT],
  ['', () => TEXT],
  ['xz', () => by('xz')],
  ['bzip2', () => by('bzip2')],
  ['zstd', () => by('zstd')],
  ['gzip', () => gzipSync(TEXT)],
  ['br', () => brotliCompressSync(TEXT)],
  // Nix recognises all others by their first bytes.
  ['xz', () => gzipSync(TEXT)],
]

for (const [compression, make] of CASES) {
  test(`"${compression}" is unpacked, in small pieces and in one`, async () => {
    const bytes = make()
    assert.ok(TEXT.equals(await read(piecesOf(bytes), { compression })))
    assert.ok(TEXT.equals(await read(piecesOf(bytes, 7), { compression })))
    assert.ok(TEXT.equals(await read(piecesOf(bytes, 1 << 24), { compression })))
  })

  if (compression === 'none' || compression === '') continue
  test(`"${compression}" that is truncated, or another format, is an error`, async () => {
    const bytes = make()
    const cut = read(piecesOf(bytes.subarray(0, bytes.length / 2)), { compression })
    await assert.rejects(cut, { name: 'DecompressionError' })
    const broken = Buffer.from(bytes)
    broken.fill(0x55, Math.floor(bytes.length / 3), Math.floor(bytes.length / 3) + 40)
    // Brotli has no checksum; its reader compares a hash.
    if (compression !== 'br')
      await assert.rejects(read(piecesOf(broken), { compression }), { name: 'DecompressionError' })
    await assert.rejects(read(piecesOf(TEXT), { compression }), { name: 'DecompressionError' })
    await assert.rejects(read(piecesOf(Buffer.alloc(0)), { compression }), { name: 'DecompressionError' })
  })
}

test('attack: the input is longer than the limit', async () => {
  for (const compression of ['none', 'xz']) {
    const endless = Readable.from(
      (function* () {
        for (;;) yield by('xz')
      })(),
    )
    const reading = read(endless, { compression, limit: 5000 })
    await assert.rejects(reading, { message: 'it is longer than 5000 bytes' })
    assert.ok(endless.destroyed)
  }
})

test('the stream and the tool end when the reader stops', async () => {
  const zeros = execFileSync('xz', ['-c'], { input: Buffer.alloc(1 << 26) })
  const body = piecesOf(zeros)
  for await (const piece of decompressed(body, options({}))) {
    assert.ok(piece.length > 0)
    break
  }
  assert.ok(body.destroyed)
})

test('attack: a stream that stalls ends with the signal', async () => {
  for (const compression of ['none', 'br', 'xz']) {
    const stuck = new Readable({ read() {} })
    stuck.push((compression === 'br' ? brotliCompressSync(TEXT) : by('xz')).subarray(0, 200))
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), 200)
    await assert.rejects(read(stuck, { compression, signal: controller.signal }), { name: 'AbortError' })
    clearTimeout(timer)
    assert.ok(stuck.destroyed)
  }
})
