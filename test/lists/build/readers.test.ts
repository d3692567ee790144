// What distributions wrote is hostile input: watch files, PKGBUILDs, ebuilds, archives, key files.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { readPkgbuild } from '../../../src/lists/build/arch/pkgbuild.ts'
import { copiesIn } from '../../../src/lists/build/certificates.ts'
import { readPackaging } from '../../../src/lists/build/debian/packaging.ts'
import { readSources } from '../../../src/lists/build/debian/sources.ts'
import { readWatch } from '../../../src/lists/build/debian/watch.ts'
import { readEbuild } from '../../../src/lists/build/gentoo/ebuild.ts'
import { globsFor } from '../../../src/lists/build/globs.ts'
import { globOfRegex } from '../../../src/lists/build/pattern.ts'
import { readTar } from '../../../src/lists/build/tar.ts'
import { matchesGlob } from '../../../src/policy/match.ts'
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

describe('globs stay with their package', () => {
  const matches = (name: string, addresses: readonly string[], source: string, url: string) => {
    const { names, urls } = globsFor(name, addresses)
    return (
      names.some(glob => matchesGlob(glob, source)) &&
      (urls.length === 0 || urls.some(glob => matchesGlob(glob, url)))
    )
  }

  it("does not reach another project's files on a shared host", () => {
    const own = [
      'https://github.com/evil/libmd/*.tar.gz',
      'https://*/*',
      'https://github.com/*',
      'https://ftp.gnu.org/gnu/*/*',
    ]
    for (const [source, url] of [
      ['hello-1.0.tar.gz', 'https://ftp.gnu.org/gnu/hello/hello-1.0.tar.gz'],
      ['v1.0.tar.gz', 'https://github.com/good/hello/v1.0.tar.gz'],
    ] as const)
      assert.equal(matches('libmd', own, source, url), false, url)
  })

  it('an address whose host varies counts for nothing', () => {
    assert.deepEqual(globsFor('libmd', ['https://*.org/libmd/libmd-*.tar.gz', 'file:///etc/libmd', '*']), {
      names: Array.from({ length: 10 }, (_, digit) => `libmd-${digit}*.tar.*`),
      urls: [],
    })
  })

  it("a name does not reach another package's files that begin with it", () => {
    // Both lie in one directory, and are signed by other people.
    const place = 'https://www.apache.org/dist/apr'
    const apr = (source: string) => matches('apr', [`${place}/apr-*.tar.gz`], source, `${place}/${source}`)
    assert.deepEqual([apr('apr-1.7.2.tar.gz'), apr('apr-util-1.6.3.tar.gz')], [true, false])
    const index = 'https://files.pythonhosted.org/packages/source/r'
    const requests = (source: string) =>
      matches('python-requests', [`${index}/*/requests-*.tar.gz`], source, `${index}/x/${source}`)
    assert.deepEqual(
      [requests('requests-2.31.0.tar.gz'), requests('requests-oauthlib-2.0.0.tar.gz')],
      [true, false],
    )
    assert.equal(matches('libmd', [], 'libmd-1.1.tar.gz', ''), true)
    assert.equal(matches('libmd', [], 'libmd-extras-1.1.tar.gz', ''), false)
  })

  it('a short name is not found in the words of an address', () => {
    // `releases` has `re`, `downloads` has `ad`: nothing here is theirs.
    for (const name of ['re2', 'ad', 'ed', 'oa'])
      assert.deepEqual(
        globsFor(name, [
          'https://download.savannah.gnu.org/releases/downloads/hello-*.tar.gz',
          'https://github.com/edges/loads/releases/*',
        ]).urls,
        [],
      )
  })

  it('a package that is called like a common directory does not own what lies below', () => {
    for (const name of ['releases', 'gnu', 'pub', 'linux', 'python3.11', 'libsource-perl'])
      for (const place of [
        'releases',
        'gnu',
        'pub/gnu',
        'pub/linux/utils',
        'python/source',
        'source/gnu/python',
      ])
        assert.equal(
          matches(
            name,
            [`https://a.org/${place}/hello/hello-*.tar.gz`, `https://a.org/${place}/hello-*.tar.gz`],
            'hello-1.0.tar.gz',
            `https://a.org/${place}/hello/hello-1.0.tar.gz`,
          ),
          false,
          `${name} in ${place}`,
        )
  })

  it("a project of the same owner, or below one's own, is another project", () => {
    for (const place of [
      'https://github.com/libmd/hello/releases',
      'https://a.org/libmd/hello2',
      'https://a.org/libmd/hello-*',
    ])
      assert.equal(
        matches('libmd', [`${place}/hello-*.tar.gz`], 'hello-1.0.tar.gz', `${place}/hello-1.0.tar.gz`),
        false,
      )
    const own = 'https://a.org/libmd/releases/download/v1.0'
    // Names of archives that say nothing, whatever their format.
    for (const file of ['*', '*.tgz', 'v*.zip', '*.jar', 'ab-*.tgz', 'v*.tar.gz'])
      assert.deepEqual(
        globsFor('libmd', [`https://a.org/libmd/${file}`]),
        {
          names: Array.from({ length: 10 }, (_, digit) => `libmd-${digit}*.tar.*`),
          urls: ['https://a.org/libmd/*'],
        },
        file,
      )
    assert.ok(
      matches(
        'libmd',
        ['https://a.org/libmd/releases/download/v*/digests-*.tgz'],
        'digests-1.0.tgz',
        `${own}/digests-1.0.tgz`,
      ),
    )
  })

  it('on a forge, owner and project are spelled out', () => {
    const wide = ['*', '*/*', '*/libmd/*', 'o/*/libmd/*', 'o/lib*/libmd-*.tar.gz', 'libmd-*.tar.gz']
    for (const host of [
      'github.com',
      'www.github.com',
      'GitHub.com',
      'gitlab.com',
      'codeberg.org',
      'git.sr.ht',
    ])
      for (const path of wide) assert.deepEqual(globsFor('libmd', [`https://${host}/${path}`]).urls, [], path)
  })

  it("whatever a package says, its globs do not match another's release", () => {
    const part = fc.constantFrom(
      '*',
      'libmd',
      'hello',
      'gnu',
      'releases',
      'v*',
      'libmd-*',
      'hello-*',
      '*.tar.gz',
    )
    const host = fc.constantFrom('ftp.gnu.org', 'github.com', '*', 'a.org')
    const address = fc
      .tuple(host, fc.array(part, { minLength: 1, maxLength: 5 }))
      .map(([at, parts]) => `https://${at}/${parts.join('/')}`)
    fc.assert(
      fc.property(fc.array(address, { maxLength: 6 }), addresses => {
        for (const [source, url] of [
          ['hello-1.0.tar.gz', 'https://ftp.gnu.org/gnu/hello/hello-1.0.tar.gz'],
          ['libmd-extras-1.0.tar.gz', 'https://ftp.gnu.org/gnu/libmd-extras/libmd-extras-1.0.tar.gz'],
          ['v1.0.tar.gz', 'https://github.com/good/hello/v1.0.tar.gz'],
        ] as const)
          assert.equal(matches('libmd', addresses, source, url), false, url)
      }),
      { numRuns: 2000 },
    )
  })

  it("takes the mirrors that nixpkgs names for a project's place", () => {
    const { urls } = globsFor('hello', ['https://ftp.gnu.org/gnu/hello/hello-*.tar.gz'])
    assert.ok(urls.includes('mirror://gnu/hello/*'))
  })
})

describe('PKGBUILDs', () => {
  const FPR = 'A'.repeat(40)

  it('are read as text: no trick of the shell runs', () => {
    const marker = join(dir, 'ran')
    const read = readPkgbuild(
      `
pkgname=libmd
_site=https://a.org
pkgver=$(touch ${marker}; echo 1)
source=("$_site/$pkgname-$pkgver.tar.xz"{,.asc} "\${x:=$(touch ${marker})}")
validpgpkeys=('${FPR}' # Alice
  "$(touch ${marker})" ABCDEF)
eval "touch ${marker}"
prepare() {
  validpgpkeys=('${'B'.repeat(40)}')
}
`,
    )
    assert.equal(spawnSync('test', ['-e', marker]).status, 1)
    assert.deepEqual(read, {
      name: 'libmd',
      version: 'unknown',
      fingerprints: [FPR],
      addresses: ['https://a.org/libmd-*.tar.xz'],
      unknownKeys: 1,
    })
  })

  it('changes of a variable are read where they are literal', () => {
    const { name, addresses } = readPkgbuild(`
_name=Test_Most-src
pkgname=perl-\${_name,,}
_plain=\${_name%-src}
_dots=\${_plain//_/.}
_cut=\${_dots#Test.}
_other=\${_name%%-*}
source=(
  "https://a.org/\${_plain^^}/$_dots/$_cut/\${_name/_/}/$_other-\${pkgver%.*}.tar.gz"{,.asc}
)
`)
    assert.equal(name, 'perl-test_most-src')
    assert.deepEqual(addresses, ['https://a.org/TEST_MOST/Test.Most/Most/TestMost-src/*-*.tar.gz'])
  })

  it("of an array, a variable's value is its first word", () => {
    const { name, addresses } = readPkgbuild(
      "pkgname=(bluez 'bluez-libs')\nsource=(https://a.org/$pkgname-$pkgver.tar.{xz,sign})\n",
    )
    assert.deepEqual([name, addresses], ['bluez', ['https://a.org/bluez-*.tar.xz']])
  })

  it('a signature belongs to the file whose name it has, from wherever either comes', () => {
    const { addresses } = readPkgbuild(`
pkgname=libmd
source=(
  libmd-$pkgver.tar.gz::https://a.org/archive/v$pkgver.tar.gz
  https://a.org/releases/libmd-$pkgver.tar.gz.asc
  https://b.org/other-$pkgver.tar.gz
  $_unknown{,.sig}
)
`)
    assert.deepEqual(addresses, ['https://a.org/archive/v*.tar.gz', 'https://a.org/archive/libmd-*.tar.gz'])
  })

  for (const [what, text, why] of [
    ['an array without an end', 'pkgname=a\nsource=(a b', /an array without an end/],
    ['a quotation without an end', 'pkgname="a\n', /a quotation without an end/],
    ['an expansion without an end', 'pkgname=${a', /an expansion without an end/],
    ['no name', 'pkgver=1\n', /no name/],
    ['a name that is a path', 'pkgname=../../etc\n', /no name/],
    ['2 MiB', 'a'.repeat(2 ** 21), /longer than 1048576/],
  ] as const)
    it(`${what} is refused`, () => assert.throws(() => readPkgbuild(text), why))

  it('variables in a circle, and braces that multiply, come to an end', () => {
    const read = readPkgbuild(
      `pkgname=a\n_a=$_b\n_b=\${_a,,}\nsource=(https://a.org/a$_a{,.sig} ${'{a,b}'.repeat(40)})\n`,
    )
    assert.deepEqual(read.addresses, ['https://a.org/a*'])
  })
})

describe('ebuilds', () => {
  it('name the package of their keys, and the files that are signed', () => {
    const text = `
inherit verify-sig
VERIFY_SIG_OPENPGP_KEY_PATH=/usr/share/openpgp-keys/guillemjover.asc
SRC_URI="
  https://a.org/libmd/\${P}.tar.xz
  verify-sig? ( https://a.org/libmd/\${P}.tar.xz.asc )
  https://a.org/other.tar.xz
"
`
    const ebuild = readEbuild(text, { name: 'libmd', version: '1.1' })
    assert.deepEqual(ebuild.keyPackages, ['openpgp-keys-guillemjover'])
    assert.deepEqual(ebuild.addresses, ['https://a.org/libmd/libmd-*.tar.xz'])
  })

  const addressesOf = (name: string, text: string) => readEbuild(text, { name, version: '1.1' }).addresses

  it('a signature is known by the name that it gets, on whatever mirror it lies', () => {
    const renamed = `SRC_URI="https://a.org/\${P}.tar.gz https://a.org/\${P}-sig.txt -> \${P}.tar.gz.asc"`
    assert.deepEqual(addressesOf('pigz', renamed), ['https://a.org/pigz-*.tar.gz'])
    const elsewhere = `SRC_URI="mirror://apache/x/\${P}-src.tar.gz https://b.org/\${P}-src.tar.gz.asc"`
    assert.deepEqual(addressesOf('commons-net', elsewhere), ['mirror://apache/x/commons-net-*-src.tar.gz'])
    const hashes = `SRC_URI="https://a.org/\${P}.tar.gz https://a.org/\${P}.tar.gz.sha256.asc"`
    assert.deepEqual(addressesOf('inn', hashes), ['https://a.org/inn-*.tar.gz'])
  })

  it('changes reach what is known of a value, and no further', () => {
    const p = (change: string) =>
      addressesOf('tiff', `MY_P="\${P${change}}"\nSRC_URI="https://a.org/$MY_P.tgz{,.sig}"`)
    const is = (name: string) => [`https://a.org/${name}.tgz`]
    assert.deepEqual(p('/_rc/rc'), is('tiff-*'))
    assert.deepEqual(p('^^'), is('TIFF-*'))
    assert.deepEqual(p('/ti/TI'), is('TIff-*'))
    assert.deepEqual(p('//f/F'), is('tiFF-*'))
    assert.deepEqual(p('#ti'), is('ff-*'))
    assert.deepEqual(p('%.0'), is('tiff-*'))
    // Each of these could take the hyphen with it.
    for (const change of ['/-1/1', '#tiff-1']) assert.deepEqual(p(change), is('*'))
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
