/** What distributions wrote, for `nixsig list build`: watch files, PKGBUILDs, ebuilds, indices, archives. */
import { strict as assert } from 'node:assert'
import { readPkgbuild } from '../../src/lists/build/arch/pkgbuild.ts'
import { readSources } from '../../src/lists/build/debian/sources.ts'
import { readWatch } from '../../src/lists/build/debian/watch.ts'
import { readEbuild } from '../../src/lists/build/gentoo/ebuild.ts'
import { globsFor } from '../../src/lists/build/globs.ts'
import { readTar } from '../../src/lists/build/tar.ts'
import { formatTarget, type Target, textOf } from '../target.ts'

/** Whatever a package says, its globs are ones that a list may have. */
function assertGlobs(addresses: readonly (string | undefined)[]): void {
  const { names, urls } = globsFor(
    'libmd',
    addresses.flatMap(each => each ?? []),
  )
  assert.ok(names.length > 0 && names.length <= 32 && urls.length <= 32)
  for (const name of names) {
    assert.match(name, /^[0-9A-Za-z+._=*-]{1,211}$/)
    assert.match(name.replace(/\.tar\.\*$/, ''), /[0-9A-Za-z]{2}/)
  }
  for (const url of urls) assert.match(url, /^[a-z]+:\/\/[0-9a-z.-]+(?::\d+)?\/[!-~]*$/)
}

const WATCH = `version=4
opts="pgpsigurlmangle=s/$/.asc/" \\
https://a.org/libmd/ libmd-([\\d.]+(?:rc)?)\\.tar\\.(?:xz|gz) debian
`

const SHELL = `pkgname=libmd
pkgver=1.0
_a="\${pkgname}-$pkgver"
SRC_URI="https://a.org/libmd/\${P}.tar.gz verify-sig? ( https://a.org/libmd/\${P}.tar.gz.sig )"
BDEPEND="sec-keys/openpgp-keys-a"
source=("https://a.org/libmd/$_a.tar.xz"{,.sig} 'x' $(y)) # z
validpgpkeys=(${'A'.repeat(40)})
build() {
  make
}
`

const FILES = ['.debian.tar.xz', '.orig.tar.xz', '.orig.tar.xz.asc'].map(
  end => ` ${'a'.repeat(64)} 1 a_1${end}\n`,
)
const SOURCES = `Package: aa\nVersion: 1-1\nDirectory: pool/a\nChecksums-Sha256:\n${FILES.join('')}\nPackage: bb\n`

const SHELL_TOKENS = [
  '$',
  '${',
  '}',
  '$(',
  ')',
  '`',
  '"',
  "'",
  '\\',
  '{,.sig}',
  '=(',
  '+=',
  '\n',
  '#',
  '()',
  '{',
  '::',
]

export const PACKAGING_FILES: readonly Target[] = [
  formatTarget({
    name: 'watch file',
    seeds: [WATCH, 'Version: 5\n\nSource: https://a.org/\nMatching-Pattern: libmd-(.*)\n'],
    tokens: [
      '(',
      ')',
      '[',
      ']',
      '\\d',
      '|',
      '*',
      '@PACKAGE@',
      '@ANY_VERSION@',
      'opts=',
      '"',
      '\\\n',
      'https://',
      '/',
      '?',
    ],
    read: input => readWatch(textOf(input), 'libmd'),
    also: sources => assertGlobs(sources.map(({ address }) => address)),
  }),
  formatTarget({
    name: 'PKGBUILD',
    seeds: [SHELL],
    tokens: SHELL_TOKENS,
    read: input => readPkgbuild(textOf(input)),
    also: ({ addresses }) => assertGlobs(addresses),
  }),
  formatTarget({
    name: 'ebuild',
    seeds: [SHELL],
    tokens: SHELL_TOKENS,
    read: input => readEbuild(textOf(input), { name: 'libmd', version: '1' }),
    also: ({ addresses }) => assertGlobs(addresses),
  }),
  formatTarget({
    name: 'index of source packages',
    seeds: [SOURCES],
    tokens: ['\n', ': ', ' ', '../', '/', '.orig.tar.gz', '.asc'],
    read: input => readSources(textOf(input)),
    also: ({ signed }) => {
      for (const { packaging, tarball } of signed)
        for (const { name } of [packaging, tarball]) assert.doesNotMatch(name, /(?:^|\/)\.|^\//)
    },
  }),
  formatTarget({
    name: 'tar archive',
    seeds: [ustar('debian/watch', 'text'), ustar('debian/a', '')],
    tokens: ['ustar\0', '00000000005\0', 'x', 'L', '0', '12 path=a\n'],
    read: input => readTar(input, () => true),
  }),
]

function ustar(name: string, text: string): Uint8Array {
  const header = Buffer.alloc(512)
  header.write(name)
  header.write(text.length.toString(8).padStart(11, '0'), 124)
  header.write('        0ustar\x0000', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return Buffer.concat([header, Buffer.from(text.padEnd(512, '\0')), Buffer.alloc(1024)])
}
