// What a package may claim: its own releases, whatever its files say.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { globsFor } from '../../../src/lists/build/globs.ts'
import { matchesGlob } from '../../../src/policy/match.ts'

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
