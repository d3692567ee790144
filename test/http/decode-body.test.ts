// Bodies in encodings that nobody asked for.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { decodeBody, decodedStream, isEncoded } from '../../src/http/decode-body.ts'
import { SourceError } from '../../src/http/source-error.ts'

const program = (name: string) => (body: Buffer) => execFileSync(name, ['-c', '-q'], { input: body })

const ENCODE: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: body => gzipSync(body),
  'x-gzip': body => gzipSync(body),
  deflate: body => deflateSync(body),
  br: body => brotliCompressSync(body),
  zstd: program('zstd'),
  xz: program('xz'),
  bzip2: program('bzip2'),
}

const BODY = Buffer.from('StorePath: /nix/store/x\n'.repeat(100))
const decode = (body: Buffer, header: string | undefined, limit = 1 << 20) =>
  decodeBody(body, header, { limit, signal: AbortSignal.timeout(10_000) })

for (const [encoding, encode] of Object.entries(ENCODE)) {
  test(`decodes ${encoding}, also as a stream and in capitals`, async () => {
    assert.deepEqual(await decode(encode(BODY), encoding), BODY)
    assert.deepEqual(await decode(encode(BODY), ` ${encoding.toUpperCase()} `), BODY)
    assert.deepEqual(await decode(encode(Buffer.alloc(0)), encoding), Buffer.alloc(0))
    const bytes = encode(BODY)
    const pieces = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
    const stream = decodedStream(Readable.from(pieces), encoding)
    assert.deepEqual(Buffer.concat(await stream.toArray()), BODY)
  })

  test(`attack: ${encoding} that expands to very much is broken off at the limit`, async () => {
    const bomb = encode(Buffer.alloc(64 << 20))
    assert.ok(bomb.length < 1 << 20)
    const before = process.memoryUsage.rss()
    await assert.rejects(
      decode(bomb, encoding),
      /^SourceError: answered with more than 1048576 bytes, once decoded$/,
    )
    assert.ok(process.memoryUsage.rss() - before < 48 << 20)
  })

  test(`what is cut off or damaged in ${encoding} is an error`, async () => {
    const bytes = encode(BODY)
    await assert.rejects(decode(bytes.subarray(0, -5), encoding), SourceError)
    await assert.rejects(decode(Buffer.from('garbage, nothing else'), encoding), /cannot be undone/)
    const stream = decodedStream(Readable.from([bytes.subarray(0, -5)]), encoding)
    await assert.rejects(stream.toArray(), SourceError)
  })
}

test('deflate without the header of zlib is decoded as well, whatever its first bytes are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async bytes => {
      const body = Buffer.from(bytes)
      assert.deepEqual(await decode(deflateRawSync(body), 'deflate'), body)
      assert.deepEqual(await decode(deflateSync(body), 'deflate'), body)
    }),
    { numRuns: 200 },
  )
})

test('several encodings are undone from the last to the first', async () => {
  assert.deepEqual(await decode(brotliCompressSync(gzipSync(BODY)), 'gzip, br'), BODY)
  assert.deepEqual(await decode(gzipSync(deflateSync(gzipSync(BODY))), 'gzip,deflate , identity,gzip'), BODY)
})

test('attack: more encodings than curl undoes, or ones that nobody knows', async () => {
  await assert.rejects(decode(BODY, 'gzip,gzip,gzip,gzip,gzip,gzip'), /in more than 5 encodings/)
  await assert.rejects(decode(BODY, 'rot13\u001b'), /in the encoding "rot13\\x1b"|in the encoding "rot13/)
})

/** What a tool makes of zeros and an empty file after them, which it takes for the end of a file. */
const padding = (megabytes: number) => Buffer.concat([xz(''), Buffer.alloc(megabytes << 20), xz('')])
const xz = (text: string) => execFileSync('xz', ['-c'], { input: text })

/** Bytes of a body that is larger than all buffers on the way. */
const SIZE = 900_000

/** How many programs that undo encodings are children of this process. */
function programs(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  return children.filter(pid => {
    try {
      return pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('--decompress')
    } catch {
      return false
    }
  }).length
}

test('attack: encodings around much more than comes out in the end', async () => {
  const bomb = brotliCompressSync(padding(8))
  assert.ok(bomb.length < 4096)
  await assert.rejects(
    decode(bomb, 'xz, br', 1 << 16),
    /^SourceError: answered in encodings around much more than what is in them$/,
  )
  const stream = decodedStream(Readable.from([gzipSync(padding(80))]), 'xz, gzip')
  await assert.rejects(stream.toArray(), /answered in encodings around much more than what is in them/)
  // Room enough for what is longer before it is decoded than after.
  assert.deepEqual(await decode(brotliCompressSync(padding(1)), 'xz, br'), Buffer.alloc(0))
})

test('attack: encodings in each other that need a program each, whatever they are called', async () => {
  const twice = ENCODE['xz']?.(ENCODE['bzip2']?.(BODY) ?? BODY) ?? BODY
  for (const header of ['bzip2, xz', 'gzip, gzip']) {
    const asked = decode(twice, header)
    await assert.rejects(asked, /^SourceError: answered in several encodings that need a program each$/)
    const stream = decodedStream(Readable.from([twice]), header)
    await assert.rejects(stream.toArray(), /in several encodings that need a program each/)
  }
  assert.deepEqual(await decode(gzipSync(ENCODE['xz']?.(BODY) ?? BODY), 'xz, gzip'), BODY)
})

test('attack: many bodies at once that need a program: few programs run, and all are decoded', async () => {
  const body = ENCODE['xz']?.(Buffer.alloc(1 << 20)) ?? BODY
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, programs())
  }, 1)
  const decoded = await Promise.all(Array.from({ length: 40 }, () => decode(body, 'xz')))
  clearInterval(timer)
  assert.ok(decoded.every(one => one.length === 1 << 20))
  assert.ok(most >= 1 && most <= 4, `${most} programs`)
})

test('attack: streams that hold all programs for streams keep no narinfo waiting, and end in time', async () => {
  const bytes = ENCODE['xz']?.(randomBytes(SIZE)) ?? BODY
  const bodies = Array.from({ length: 33 }, () => new PassThrough())
  const streams = bodies.map(body => {
    body.write(bytes.subarray(0, -100))
    return decodedStream(body, 'xz')
  })
  await Promise.all(streams.slice(0, 32).map(stream => once(stream, 'readable')))
  assert.equal(programs(), 32)
  assert.deepEqual(await decode(ENCODE['xz']?.(BODY) ?? BODY, 'xz'), BODY)
  const limit = AbortSignal.timeout(100)
  const late = decodedStream(Readable.from([bytes]), 'xz', { signal: limit })
  await assert.rejects(late.toArray(), SourceError)
  for (const stream of streams.slice(0, 32)) stream.destroy()
  // The one that waited has its turn now.
  bodies[32]?.end(bytes.subarray(-100))
  assert.equal(Buffer.concat((await streams[32]?.toArray()) ?? []).length, SIZE)
})

test('no encoding is no encoding, however it is written', async () => {
  for (const header of [undefined, '', 'identity', 'Identity', 'none', ' , ']) {
    assert.equal(isEncoded(header), false)
    assert.deepEqual(await decode(BODY, header), BODY)
  }
})

test('what ends early ends what it reads from', async () => {
  for (const encoding of ['gzip', 'deflate', 'br', 'zstd']) {
    const body = new PassThrough()
    body.write(ENCODE[encoding]?.(BODY).subarray(0, -4))
    const stream = decodedStream(body, encoding)
    stream.resume()
    await new Promise(resolve => setTimeout(resolve, 50))
    stream.destroy()
    if (!body.destroyed) await once(body, 'close')
    assert.ok(body.destroyed, encoding)
  }
})
