// What distributions wrote is hostile input: watch files, archives, key files, indices.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { copiesIn } from '../../../src/lists/build/certificates.ts'
import { readPackaging } from '../../../src/lists/build/debian/packaging.ts'
import { readSources } from '../../../src/lists/build/debian/sources.ts'
import { readWatch } from '../../../src/lists/build/debian/watch.ts'
import { globOfRegex } from '../../../src/lists/build/pattern.ts'
import { readTar } from '../../../src/lists/build/tar.ts'
import { certificate, keyOfSeed, packet, userId } from '../../support/openpgp-maker.ts'

const dir = mkdtempSync('/tmp/nixsig-readers-')
after(() => rmSync(dir, { recursive: true, force: true }))

const address = (text: string, name = 'libmd') => readWatch(text, name).map(each => each.address)

describe('watch files', () => {
  const cases: readonly (readonly [string, string, readonly (string | undefined)[]])[] = [
    [
      'a pattern in the address',
      'version=4\nopts="pgpsigurlmangle=s/$/.asc/" \\\nhttps://a.org/libmd/\tlibmd-([\\d\\.-]*)\\.tar\\.xz\tdebian',
      ['https://a.org/libmd/libmd-*.tar.xz'],
    ],
    [
      'a page of a forge',
      'version=3\nhttps://github.com/o/libmd/tags .*/v?(\\d\\S+)\\.tar\\.gz',
      ['https://github.com/o/libmd/*.tar.gz'],
    ],
    [
      'substitutions',
      'version=4\nhttps://a.org/@PACKAGE@/@PACKAGE@@ANY_VERSION@@ARCHIVE_EXT@ debian',
      ['https://a.org/libmd/libmd-*.tar.*'],
    ],
    [
      'git',
      'version=4\nopts="mode=git, pgpmode=gittag" https://a.org/libmd.git refs/tags/v(.*)',
      [undefined],
    ],
    [
      'version 5',
      'Version: 5\n\nSource: https://a.org/libmd/\nMatching-Pattern: libmd-(.*)\\.tar\\.xz\nPgp-Mode: auto\n',
      ['https://a.org/libmd/libmd-*.tar.xz'],
    ],
    [
      'a template',
      'Version: 5\n\nTemplate: GitHub\nOwner: o\nProject: libmd\n',
      ['https://github.com/o/libmd/*'],
    ],
  ]
  for (const [what, text, right] of cases) it(what, () => assert.deepEqual(address(text), right))

  it('a regular expression that backtracks for ever is never run', () => {
    const evil = `version=4\nhttps://a.org/libmd/ libmd-(${'(a+)+'.repeat(2000)}$)${'a'.repeat(30_000)}!`
    const begun = process.hrtime.bigint()
    readWatch(evil, 'libmd')
    assert.ok(process.hrtime.bigint() - begun < 1_000_000_000n)
  })

  it('what is too long or does not end is refused', () => {
    assert.throws(() => readWatch('#'.repeat(70_000), 'a'), /longer than 65536/)
    assert.throws(() => readWatch('opts="a https://a.org/', 'a'), /options without an end/)
  })

  it('any pattern gives a glob in one pass, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab.-\\d[](){}*+?|^$/') }), pattern => {
        const glob = globOfRegex(pattern)
        assert.ok(glob === undefined || !/\*\*|\?/.test(glob))
      }),
    )
  })
})

describe('archives', () => {
  const archive = (name: string, make: (place: string) => void, ...args: readonly string[]) => {
    const place = join(dir, name)
    mkdirSync(join(place, 'debian/upstream'), { recursive: true })
    make(place)
    const file = `${place}.tar`
    assert.equal(spawnSync('tar', ['-cf', file, '-C', place, ...args]).status, 0)
    return readFileSync(file)
  }
  const KEY = 'debian/upstream/signing-key.asc'

  it('gives the files that are wanted, with long names in both formats', () => {
    const long = `debian/${'x'.repeat(90)}/${'y'.repeat(90)}`
    for (const format of ['gnu', 'pax', 'ustar']) {
      const make = (place: string) => {
        mkdirSync(join(place, `debian/${'x'.repeat(90)}`))
        writeFileSync(join(place, long), format)
      }
      const files = readTar(archive(format, make, `--format=${format}`, './debian'), name => name === long)
      assert.deepEqual(
        files.map(({ contents }) => Buffer.from(contents).toString()),
        [format],
      )
    }
  })

  it('a symbolic link leads nowhere', async () => {
    const bytes = archive('link', place => symlinkSync('/etc/passwd', join(place, KEY)), 'debian')
    assert.deepEqual(await readPackaging(bytes, 'a'), { keyFiles: [], watch: undefined })
  })

  it('the same file twice, and one that is also a link, are refused', () => {
    const make = (place: string) => writeFileSync(join(place, KEY), 'a')
    const twice = archive('twice', make, 'debian', KEY)
    // tar stores the second as a hard link to the first.
    assert.throws(() => readTar(twice, name => name === KEY), /the same file twice/)
    const hard = archive(
      'hard',
      place => {
        writeFileSync(join(place, 'debian/a'), 'a')
        linkSync(join(place, 'debian/a'), join(place, KEY))
      },
      'debian/a',
      KEY,
    )
    assert.deepEqual(
      readTar(hard, name => name === KEY),
      [],
    )
  })

  it('a device, a FIFO and a directory are no key files', () => {
    const whole = archive('devices', place => writeFileSync(join(place, KEY), 'a'), KEY)
    for (const type of ['1', '2', '3', '4', '5', '6', '7', 'S']) {
      const changed = Buffer.from(whole)
      changed.write(type, 156)
      changed.write('        ', 148)
      const sum = changed.subarray(0, 512).reduce((total, byte) => total + byte, 0)
      changed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
      assert.deepEqual(
        readTar(changed, name => name === KEY),
        [],
        type,
      )
    }
  })

  it('a name that climbs is another name', () => {
    for (const name of ['debian/../debian/upstream/signing-key.asc', '../debian/watch', '/debian/watch']) {
      const transform = `--transform=s,.*,${name},`
      const make = (place: string) => writeFileSync(join(place, KEY), 'a')
      const bytes = archive(`climbs-${name.length}`, make, '-P', transform, KEY)
      assert.deepEqual(
        readTar(bytes, each => each === KEY || each === 'debian/watch'),
        [],
      )
    }
  })

  it('a bomb goes off within the limit', async () => {
    const make = (place: string) => writeFileSync(join(place, 'debian/zeros'), Buffer.alloc(150 * 2 ** 20))
    const bomb = gzipSync(archive('bomb', make, 'debian'))
    assert.ok(bomb.length < 2 ** 20)
    await assert.rejects(readPackaging(bomb, 'a'), /more than 134217728 bytes come out/)
  })

  it('one that breaks off or was changed is refused', () => {
    const whole = archive('whole', place => writeFileSync(join(place, KEY), 'a'.repeat(2000)), KEY)
    assert.throws(() => readTar(whole.subarray(0, 1500), () => true), /breaks off/)
    whole[0] = 0x7a
    assert.throws(() => readTar(whole, () => true), /checksum differs/)
  })
})

describe('key files', () => {
  const now = Math.floor(Date.now() / 1000)
  const keys = ['a', 'b'].map(seed => keyOfSeed(now - 1000, seed))
  const certificates = keys.map(key => certificate(key, userId(key, 'a', { created: now - 1000 })))

  it('several certificates in one file are all found', () => {
    assert.deepEqual(
      [...copiesIn(Buffer.concat(certificates)).keys()],
      keys.map(key => key.fingerprint),
    )
  })

  it('a secret key, 10 MB and ten thousand certificates are refused', () => {
    const [key] = keys
    assert.ok(key)
    assert.throws(() => copiesIn(packet(5, key.body)), /secret key/)
    assert.throws(() => copiesIn(Buffer.alloc(10_000_000, 0x99)), /more than 1048576 bytes/)
    assert.throws(
      () => copiesIn(Buffer.concat(Array(300).fill(certificates[0]))),
      /more than 256 certificates/,
    )
    assert.throws(
      () => copiesIn(Buffer.concat(Array(10_000).fill(certificates[0]))),
      /more than (?:256 certificates|1048576 bytes)/,
    )
  })
})

describe('indices', () => {
  const index = (directory: string, file: string) =>
    ['Package: a1', 'Version: 1', `Directory: ${directory}`, 'Checksums-Sha256:']
      .concat(
        ['.debian.tar.xz', '.orig.tar.xz', '.orig.tar.xz.asc'].map(
          end => ` ${'a'.repeat(64)} 1 ${file}${end}`,
        ),
      )
      .join('\n')

  it('a path that leads out of the mirror is refused', () => {
    assert.equal(readSources(index('pool/a', 'a1_1')).signed.length, 1)
    assert.throws(() => readSources(index('../../etc', 'a1_1')), /a directory of a1/)
    assert.throws(() => readSources(index('/etc', 'a1_1')), /a directory of a1/)
    assert.throws(() => readSources(index('pool', '../a1_1')), /a file name of a1/)
  })
})
