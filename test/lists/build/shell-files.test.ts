// PKGBUILDs and ebuilds are read as text: whatever they write, nothing of it runs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readPkgbuild } from '../../../src/lists/build/arch/pkgbuild.ts'
import { readEbuild } from '../../../src/lists/build/gentoo/ebuild.ts'

const dir = mkdtempSync('/tmp/nixsig-shell-files-')
after(() => rmSync(dir, { recursive: true, force: true }))

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
