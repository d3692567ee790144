// Compressed files: accepted as the usual tools write them, and refused with anything else that
// their formats allow.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { Compression } from '../../../src/files/compressed/compression.ts'
import { contradicts } from '../../../src/files/compressed/extension.ts'
import { refuseOtherArchives } from '../../../src/files/compressed/other-archives.ts'
import { bytesReader } from '../../../src/files/compressed/reader.ts'
import { walkCompressed } from '../../../src/files/compressed/walk.ts'
import { findProgram } from '../../../src/files/programs.ts'
import { FormatError } from '../../../src/primitives/format-error.ts'

const LIMIT = 64 * 1024 * 1024
const DATA = Buffer.from('the members of an archive\n'.repeat(5000))

const by = (program: string, args: readonly string[], input: Uint8Array): Buffer =>
  execFileSync(program, args, { input, maxBuffer: LIMIT, stdio: ['pipe', 'pipe', 'ignore'] })

const walk = (compression: Compression, ...parts: readonly Uint8Array[]) =>
  walkCompressed(compression, bytesReader(Buffer.concat(parts)), LIMIT)

async function refuses(
  reason: RegExp,
  compression: Compression,
  ...parts: readonly Uint8Array[]
): Promise<void> {
  await assert.rejects(walk(compression, ...parts), (error: unknown) => {
    assert.ok(error instanceof FormatError, String(error))
    assert.match(error.message, reason)
    return true
  })
}

/** A gzip member with these flags, followed by these header fields. */
function member(flags: number, fields: Uint8Array = Buffer.alloc(0), data: Uint8Array = DATA): Buffer {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(data))
  trailer.writeUInt32LE(data.length, 4)
  return Buffer.concat([
    Buffer.of(0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3),
    fields,
    deflateRawSync(data),
    trailer,
  ])
}

/** An lzip member with arbitrary compressed data. */
function lzipMember(size: number, body = Buffer.alloc(30, 7)): Buffer {
  const trailer = Buffer.alloc(20)
  trailer.writeBigUInt64LE(BigInt(size), 4)
  trailer.writeBigUInt64LE(BigInt(6 + body.length + 20), 12)
  return Buffer.concat([Buffer.from('LZIP\u0001\u0015', 'latin1'), body, trailer])
}

const EMPTY_ZSTD = Buffer.from('28b52ffd2000010000', 'hex')
const SKIPPABLE = Buffer.from('502a4d1804000000deadbeef', 'hex')
const EMPTY_BZIP2 = Buffer.from('425a683917724538509000000000', 'hex')

describe('what the usual tools write', () => {
  const TOOLS: Readonly<Record<Compression, readonly (readonly string[])[]>> = {
    gzip: [['-c'], ['-1c'], ['-9c'], ['-nc'], ['--rsyncable', '-c']],
    xz: [
      ['-c'],
      ['-0c'],
      ['--block-size=20000', '-c'],
      ['-T2', '--block-size=30000', '-c'],
      ['--check=sha256', '-c'],
    ],
    bzip2: [['-c'], ['-1c']],
    zstd: [
      ['-qc'],
      ['-19qc'],
      ['-T2', '-qc'],
      ['--no-check', '-qc'],
      ['--long', '-qc'],
      ['-1', '--no-content-size', '-qc'],
    ],
    lzip: [['-c'], ['-b', '100000', '-c']],
  }
  for (const [compression, ways] of Object.entries(TOOLS) as [Compression, readonly string[][]][]) {
    const skip = findProgram(compression) === undefined ? `no ${compression} here` : false
    for (const args of ways) {
      it(`${compression} ${args.join(' ')}, once and twice in a row`, { skip }, async () => {
        const once = by(compression, args, DATA)
        await walk(compression, once)
        await walk(compression, once, once, once)
        await walk(compression, by(compression, args, Buffer.of(1)))
        const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 7919) >> (i % 13)))
        await walk(compression, once, by(compression, args, noise))
        // bzip2 itself complains of trailing data.
        if (compression !== 'bzip2') {
          await refuses(/./, compression, once, Buffer.from('evil'))
          await refuses(/./, compression, once.subarray(0, -1))
        }
        await refuses(/empty|nothing/, compression, once, by(compression, args, Buffer.alloc(0)), once)
      })
    }
  }

  it('gzip with a file name, and zeros after the end', async () => {
    await walk('gzip', member(0x08, Buffer.from('release.tar\0')))
    await walk('gzip', gzipSync(DATA), Buffer.alloc(1000))
    await walk('gzip', gzipSync(Buffer.alloc(3, 1)), gzipSync(DATA), Buffer.alloc(1))
  })

  it('xz with padding between and after streams', async () => {
    const once = by('xz', ['-c'], DATA)
    await walk('xz', once, Buffer.alloc(4), once, Buffer.alloc(8))
    await refuses(/padding of an odd size/, 'xz', once, Buffer.alloc(3))
  })
})

describe('attack: data that some readers skip', () => {
  const zstd = by('zstd', ['-qc'], DATA)
  const xz = by('xz', ['-c'], DATA)
  const bzip2 = by('bzip2', ['-c'], DATA)

  it('in zstd', async () => {
    for (const kind of [0x50, 0x57, 0x5f]) {
      const frame = Buffer.concat([Buffer.of(kind), SKIPPABLE.subarray(1)])
      for (const parts of [[frame, zstd], [zstd, frame], [zstd, frame, zstd], [frame]]) {
        await refuses(/a skippable frame/, 'zstd', ...parts)
      }
    }
    await refuses(/an empty frame/, 'zstd', zstd, EMPTY_ZSTD)
    await refuses(/an empty frame/, 'zstd', EMPTY_ZSTD, zstd)
    const nothing = Buffer.from('28b52ffd20001d0000000000', 'hex')
    await refuses(/an empty frame|breaks off/, 'zstd', zstd, nothing)
    const named = Buffer.from(zstd)
    named.writeUInt8(named.readUInt8(4) | 1, 4)
    await refuses(/a frame with a dictionary/, 'zstd', named)
    await refuses(/data that is not a frame/, 'zstd', zstd, gzipSync(DATA))
    await refuses(/data that is not a frame/, 'zstd', zstd, Buffer.alloc(8))
  })

  it('in zstd, as pzstd writes it', { skip: findProgram('pzstd') === undefined }, async () => {
    await refuses(/a skippable frame/, 'zstd', by('pzstd', ['-qc'], DATA))
  })

  it('in gzip', async () => {
    const extra = Buffer.from('0400414200004142', 'hex')
    await refuses(/a member with extra fields/, 'gzip', member(0x04, extra))
    await refuses(/a member with extra fields/, 'gzip', member(0), member(0x04, extra))
    await refuses(/a member with a comment/, 'gzip', member(0x10, Buffer.from('PK\0')))
    await refuses(/unusual flags/, 'gzip', member(0x02, Buffer.of(0, 0)))
    await refuses(/unusual flags/, 'gzip', member(0x80))
    await refuses(/an odd name/, 'gzip', member(0x08, Buffer.from('\0')))
    await refuses(/an odd name/, 'gzip', member(0x08, Buffer.from('\u001b[2J\0')))
    await refuses(/an odd name/, 'gzip', member(0x08, Buffer.alloc(300, 'x')))
    await refuses(/an empty member/, 'gzip', member(0), member(0, Buffer.alloc(0), Buffer.alloc(0)))
    await refuses(/data that is not a member/, 'gzip', member(0), Buffer.from('PK\u0003\u0004 and so on'))
    await refuses(/data that is not a member/, 'gzip', member(0), Buffer.alloc(5), member(0))
    await refuses(/cannot be inflated/, 'gzip', member(0).subarray(0, 100))
  })

  it('in gzip, more than may come out', async () => {
    const bomb = gzipSync(Buffer.alloc(LIMIT + 1))
    await refuses(/more than \d+ bytes come out/, 'gzip', bomb)
    const half = gzipSync(Buffer.alloc(LIMIT / 2 + 1))
    await refuses(/more than \d+ bytes come out/, 'gzip', half, half)
  })

  it('in xz', async () => {
    const empty = by('xz', ['-c'], Buffer.alloc(0))
    for (const parts of [[empty], [xz, empty], [empty, xz], [xz, empty, Buffer.alloc(4), xz]]) {
      await refuses(/an empty stream/, 'xz', ...parts)
    }
    await refuses(/data that is not a stream|padding/, 'xz', xz, gzipSync(DATA))
    await refuses(/data that is not a stream|does not begin|breaks off/, 'xz', Buffer.from('PK  '), xz)
  })

  it('in bzip2', async () => {
    assert.deepEqual(by('bzip2', ['-c'], Buffer.alloc(0)), EMPTY_BZIP2)
    for (const parts of [
      [EMPTY_BZIP2],
      [bzip2, EMPTY_BZIP2],
      [EMPTY_BZIP2, bzip2],
      [bzip2, EMPTY_BZIP2, bzip2],
    ]) {
      await refuses(/an empty stream/, 'bzip2', ...parts)
    }
    for (const before of [1024 * 1024 - 20, 1024 * 1024 - 14, 1024 * 1024 - 1]) {
      await refuses(/an empty stream/, 'bzip2', Buffer.alloc(before), EMPTY_BZIP2)
    }
  })

  it('in lzip', async () => {
    await walk('lzip', lzipMember(5), lzipMember(9))
    await refuses(/an empty member/, 'lzip', lzipMember(5), lzipMember(0))
    await refuses(/an empty member/, 'lzip', lzipMember(0), lzipMember(5))
    await refuses(/data that is not a member/, 'lzip', lzipMember(5), Buffer.alloc(20))
    await refuses(/data that is not a member|breaks off/, 'lzip', Buffer.from('PK'), lzipMember(5))
    await refuses(/it breaks off/, 'lzip', Buffer.from('LZIP\u0001'))
  })
})

describe('attack: an archive that begins later in the file', () => {
  /**
   * The honest contents as bzip2 blocks with more selectors than are used, which can hold any
   * bytes.
   */
  const withFree = (bytes: Uint8Array) => {
    const made = by('bzip2', ['-c'], DATA)
    const bits = [...made].map(byte => byte.toString(2).padStart(8, '0')).join('')
    let at = 32 + 48 + 32 + 1 + 24
    const ranges = [...bits.slice(at, at + 16)].filter(bit => bit === '1').length
    at += 16 + 16 * ranges + 3
    const countAt = at
    const count = Number.parseInt(bits.slice(at, at + 15), 2)
    at += 15
    for (let selector = 0; selector < count; at++) if (bits[at] === '0') selector++
    const free = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
    const inserted = `${'0'.repeat(-at & 7)}${free}0`
    const total = count + [...inserted].filter(bit => bit === '0').length
    const head = `${bits.slice(0, countAt)}${total.toString(2).padStart(15, '0')}${bits.slice(countAt + 15, at)}`
    const end = bits.lastIndexOf((0x177245385090).toString(2).padStart(48, '0')) + 80
    const body = head + inserted + bits.slice(at, end)
    return Buffer.from((body.match(/.{1,8}/g) ?? []).map(byte => Number.parseInt(byte.padEnd(8, '0'), 2)))
  }
  const end = Buffer.concat([Buffer.from('PK\u0005\u0006'), Buffer.alloc(18)])

  it('the end of a ZIP in data that bzip2 ignores', async () => {
    const both = withFree(end)
    assert.ok(both.includes(end))
    assert.deepEqual(by('bzip2', ['-dc'], both), DATA)
    await refuses(/it may be read as an archive: ZIP/, 'bzip2', both)
    await walk('bzip2', withFree(Buffer.from('harmless', 'latin1')))
  })

  it('in data that is stored uncompressed', async () => {
    const marks: readonly (readonly [RegExp, number, Uint8Array])[] = [
      [/: ZIP/, 0, end],
      [/: RAR/, 3 * 1024 * 1024, Buffer.from('Rar!\u001a\u0007\u0001\0')],
      [/: 7z/, 1024 * 1024, Buffer.from('377abcaf271c0004', 'hex')],
      [/: ACE/, 1000, Buffer.from('**ACE**')],
    ]
    for (const [reason, before, mark] of marks) {
      const noise = Buffer.from(Array.from({ length: before }, (_, i) => (i * 7919) >> 3))
      await refuses(reason, 'gzip', gzipSync(Buffer.concat([noise, mark]), { level: 0 }))
    }
    // At its exact place, whatever the rest is.
    const image = Buffer.alloc(64 * 1024)
    image.write('CD001', 16 * 2048 + 1)
    await assert.rejects(refuseOtherArchives(bytesReader(image)), /may be read as an archive: ISO 9660/)
  })

  it('but a ZIP in the contents is accepted if it is compressed or far from the end', async () => {
    await walk('gzip', gzipSync(Buffer.concat([DATA, end, DATA])))
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3))
    await walk('gzip', gzipSync(Buffer.concat([end, noise]), { level: 0 }))
  })
})

it('anything but zeros between, before or after compressed data is refused', async () => {
  const small = Buffer.from('a little\n')
  const made: Readonly<Partial<Record<Compression, Buffer>>> = {
    gzip: gzipSync(small),
    xz: by('xz', ['-c'], small),
    zstd: by('zstd', ['-qc'], small),
  }
  const compressions = Object.keys(made) as Compression[]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...compressions),
      fc.uint8Array({ minLength: 1, maxLength: 40 }).filter(bytes => bytes.some(byte => byte !== 0)),
      fc.constantFrom('before', 'between', 'behind'),
      async (compression, bytes, where) => {
        const once = made[compression] ?? Buffer.alloc(0)
        const parts = { before: [bytes, once], between: [once, bytes, once], behind: [once, bytes] }[where]
        await refuses(/./, compression, ...parts)
      },
    ),
    { numRuns: 500 },
  )
})

it('names that contradict how a file was compressed', () => {
  const contradictory: readonly (readonly [string, Compression])[] = [
    ['poly.zip', 'zstd'],
    ['POLY.ZIP', 'gzip'],
    ['x.tar.gz', 'zstd'],
    ['x.tar.xz', 'gzip'],
    ['x.tgz', 'bzip2'],
    ['x.jar', 'gzip'],
    ['x.tar', 'xz'],
    ['x.gz.7z', 'gzip'],
    ...['xlsm', 'oxt', 'conda', 'phar', 'pyz', 'AppImage', 'squashfs', 'usdz', 'wim'].map(
      extension => [`x.${extension}`, 'bzip2'] as const,
    ),
  ]
  for (const [name, compression] of contradictory) assert.equal(contradicts(name, compression), true, name)
  for (const [name, compression] of [
    ['x.tar.gz', 'gzip'],
    ['x.TGZ', 'gzip'],
    ['x.tar.zst', 'zstd'],
    ['x.tar.lz', 'lzip'],
    ['x.tbz2', 'bzip2'],
    ['source', 'xz'],
    ['hello-1.0', 'gzip'],
    ['download.php', 'xz'],
    ['x.zip.gz', 'gzip'],
  ] as const) {
    assert.equal(contradicts(name, compression), false, name)
  }
})
