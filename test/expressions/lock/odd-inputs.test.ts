// One input that cannot be read is no reason to refuse the others of its lock.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  codesOf,
  flakeLock,
  type LockWorld,
  lockedGit,
  lockWorld,
  wordsOf,
} from '../../support/lock-world.ts'

const HASH = `sha256-${Buffer.alloc(32, 7).toString('base64')}`
const ID = '1'.repeat(40)

let world: LockWorld
before(() => {
  world = lockWorld()
})
after(() => world.remove())

/** Rules, each URL with what it requires. */
function rules(...required: readonly (readonly [url: string, require: string, more?: string])[]): string {
  return required
    .map(([url, require, more = '']) => `[[inputs]]\nurl = "${url}"\nrequire = "${require}"\n${more}\n`)
    .join('')
}

async function codesFor(locked: object, policy: string) {
  const project = world.project('p-odd', { 'flake.lock': flakeLock({ a: locked }) })
  const verdicts = await world.verify(project, policy)
  return { codes: codesOf(verdicts)['inputs.a'], words: wordsOf(verdicts), url: verdicts[0]?.url }
}

describe('what real tools write', () => {
  const FLAKEHUB = `https://api.flakehub.com/f/pinned/NixOS/nixpkgs/0.2505.813095%2Brev-${ID}/0199bd36/source.tar.gz`
  const cases: Readonly<Record<string, readonly [locked: object, url: string]>> = {
    'a release of FlakeHub': [
      { type: 'tarball', rev: ID, revCount: 813095, url: FLAKEHUB, narHash: HASH },
      FLAKEHUB.replace('%2B', '+'),
    ],
    'a repository whose name begins with a dot': [
      { type: 'github', owner: 'user', repo: '.dotfiles', rev: ID, narHash: HASH },
      'https://github.com/user/.dotfiles',
    ],
    'a directory with a dot before it': [
      { type: 'github', owner: 'o', repo: 'r', dir: './nix', rev: ID, narHash: HASH },
      'https://github.com/o/r',
    ],
    'a branch with other characters': [
      { type: 'github', owner: 'o', repo: 'r', ref: '_renovate/a=b,c', rev: ID, narHash: HASH },
      'https://github.com/o/r',
    ],
    'an archive of Forgejo, as its server names it': [
      {
        type: 'tarball',
        url: `https://git.example.org/api/v1/repos/o/r/archive/${ID}.tar.gz?rev=${ID}`,
        narHash: HASH,
      },
      'https://git.example.org/o/r',
    ],
    'an archive of GitLab, by its interface': [
      {
        type: 'tarball',
        url: `https://gitlab.com/api/v4/projects/g%2Fh%2Fr/repository/archive.tar.gz?sha=${ID}`,
        narHash: HASH,
      },
      'https://gitlab.com/g/h/r',
    ],
    'an archive of GitHub with a flake in a directory': [
      { type: 'tarball', url: `https://github.com/o/r/archive/${ID}.tar.gz?dir=nix`, narHash: HASH },
      'https://github.com/o/r',
    ],
    'a repository by the name of a user and a host': [
      { type: 'git', url: 'git@git.example.org:o/r.git', rev: ID, narHash: HASH },
      'ssh://git.example.org/o/r',
    ],
  }
  for (const [what, [locked, url]] of Object.entries(cases)) {
    it(`is read: ${what}`, async () => {
      const found = await codesFor(locked, rules(['*', 'nothing']))
      assert.deepEqual([found.codes, found.url], [[], url], found.words)
    })
  }

  it('attack: an archive whose URL names two commits is no archive of either', async () => {
    const url = `https://git.example.org/api/v1/repos/o/r/archive/${ID}.tar.gz?rev=${'2'.repeat(40)}`
    const { codes } = await codesFor({ type: 'tarball', url, narHash: HASH }, rules(['*', 'alice']))
    assert.deepEqual(codes, ['unverifiable'])
  })

  it('a work tree that was not its commit is not locked', async () => {
    const dirty = { dirtyRev: `${ID}-dirty`, dirtyShortRev: '1111111-dirty', lastModified: 1, narHash: HASH }
    const locked = { type: 'git', url: 'file:///home/user/code/x', ...dirty }
    assert.deepEqual((await codesFor(locked, rules(['*', 'alice']))).codes, ['unlocked'])
    const lets = rules(['*', 'nothing', 'accept-unlocked = true'])
    assert.deepEqual((await codesFor(locked, lets)).codes, [])
  })

  it('a repository with the directory of a flake in its URL is that repository', async () => {
    const lib = world.repository('url-dir', { 'fl/flake.nix': '' })
    const locked = lockedGit(lib)
    const url = `file://${lib.directory}`
    const inside = { ...locked, url: `${url}?dir=fl`, dir: 'fl' }
    assert.deepEqual(await codesFor(inside, rules([url, 'alice'])), { codes: [], words: '', url })
    const absent = { ...locked, url: `${url}?dir=fl`, dir: 'absent' }
    assert.deepEqual((await codesFor(absent, rules([url, 'alice']))).codes, ['outside'])
  })
})

describe('an input that cannot be read', () => {
  const odd = { type: 'tarball', url: 'https://example.org/a%2Fb.tar.gz', narHash: HASH }

  it('is refused by itself, and passes where nothing is required of all that it may be', async () => {
    const lib = world.repository('beside-odd', { file: 'x' })
    const project = world.project('p-beside', { 'flake.lock': flakeLock({ lib: lockedGit(lib), odd }) })
    const verdicts = await world.verify(project, rules(['*', 'alice']))
    assert.deepEqual(codesOf(verdicts), { 'inputs.lib': [], 'inputs.odd': ['unreadable'] })
    assert.match(
      wordsOf(verdicts),
      /%2F is an escape .*each rule of \[\[inputs\]\] that may match https:\/\/example\.org\/\*/,
    )
    const own = rules(['https://example.org/*', 'nothing'], ['*', 'alice'])
    assert.deepEqual(codesOf(await world.verify(project, own)), { 'inputs.lib': [], 'inputs.odd': [] })
  })

  it('attack: a rule for a part of what it may be does not let it pass', async () => {
    const refusing = [
      rules(['https://example.org/a/*', 'nothing'], ['*', 'alice']),
      rules(['https://example.org/evil/*', 'refuse'], ['*', 'nothing']),
      rules(['https://EXAMPLE.org/evil/*', 'refuse'], ['*', 'nothing']),
      rules(['https://example.org/?*', 'nothing'], ['*', 'alice']),
      rules(['*evil*', 'alice'], ['*', 'nothing']),
      rules(['https://example.org/a%2Fb.tar.gz', 'nothing']),
      rules(),
    ]
    for (const policy of refusing)
      assert.deepEqual((await codesFor(odd, policy)).codes, ['unreadable'], policy)
    const beside = rules(['https://git.example.org/*', 'alice'], ['*', 'nothing'])
    assert.deepEqual((await codesFor(odd, beside)).codes, [])
  })

  it('attack: without a NAR hash it passes only where unlocked inputs do', async () => {
    const { narHash: _, ...loose } = odd
    for (const locked of [loose, { ...odd, narHash: 'sha256-AAAA' }, { ...odd, narHash: `sha1-${HASH}` }]) {
      assert.deepEqual((await codesFor(locked, rules(['*', 'nothing']))).codes, ['unreadable'])
      const lets = rules(['*', 'nothing', 'accept-unlocked = true'])
      assert.deepEqual((await codesFor(locked, lets)).codes, [])
    }
  })

  it('attack: its host is odd as well, or its type, so that it may be anything', async () => {
    const places = [
      { url: 'https://example.org\\@evil.org/x' },
      { url: 'https://example.org@a@evil.org/x' },
      { url: 'https://ex%61mple.org/x' },
      { url: 'ext::sh -c id' },
      { type: 'svn', url: 'https://example.org/x' },
      { type: 'github', host: 'example.org/x', owner: 'a', repo: '..' },
    ]
    const own = rules(['https://example.org/*', 'nothing'], ['*', 'alice'])
    for (const place of places) {
      const locked = { type: 'tarball', narHash: HASH, ...place }
      assert.deepEqual((await codesFor(locked, own)).codes, ['unreadable'], JSON.stringify(place))
    }
  })

  it('attack: a source of niv has the URL of another beside the repository that cannot be read', async () => {
    const evil = {
      type: 'git',
      url: 'https://example.org/x',
      repo: 'https://evil.org/a%2Fb',
      rev: ID,
      narHash: HASH,
    }
    const project = world.project('p-odd-niv', { 'nix/sources.json': JSON.stringify({ a: evil }) })
    const own = rules(['https://example.org/*', 'nothing', 'accept-unlocked = true'], ['*', 'alice'])
    assert.deepEqual(codesOf(await world.verify(project, own)), { a: ['unreadable'] })
  })
})
