// Whether everything that a lock pins is what the right people signed.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { parsePin } from '../../../src/formats/locks/pin-argument.ts'
import {
  codesOf,
  commitFiles,
  flakeLock,
  type LockWorld,
  lockedGit,
  lockWorld,
  sriOf,
  sriOfArchive,
  wordsOf,
} from '../../support/lock-world.ts'

const BY_ALICE = '[[inputs]]\nurl = "*"\nrequire = "alice"\n'
const BY_TWO = '[[inputs]]\nurl = "*"\nrequire = "two"\n'
const NOTHING = '[[inputs]]\nurl = "*"\nrequire = "nothing"\n'
const OTHER_HASH = `sha256-${Buffer.alloc(32, 7).toString('base64')}`

let world: LockWorld
before(() => {
  world = lockWorld()
})
after(() => world.remove())

describe('an input of a flake.lock', () => {
  it('passes if who is required signed its commit, and its files are those of the lock', async () => {
    const repository = world.repository('honest', { 'flake.nix': '{ outputs = _: { }; }', 'a/b': 'x' })
    const project = world.project('p-honest', { 'flake.lock': flakeLock({ lib: lockedGit(repository) }) })
    const [verdict] = await world.verify(project, BY_ALICE)
    assert.deepEqual(verdict?.findings, [])
    assert.equal(verdict?.checkout, 'raw')
    assert.deepEqual(
      verdict?.revision?.signatures.map(({ principal }) => principal),
      ['alice'],
    )
    assert.equal(verdict?.url, `file://${repository.directory}`)
  })

  it('is refused until a second person signs', async () => {
    const repository = world.repository('two-people', { file: 'x' })
    const project = world.project('p-two', { 'flake.lock': flakeLock({ lib: lockedGit(repository) }) })
    const refused = await world.verify(project, BY_TWO)
    assert.deepEqual(codesOf(refused), { 'inputs.lib': ['not-signed-enough'] })
    assert.match(wordsOf(refused), /needs 2 of 2 two/)
    repository.git('-c', `user.signingKey=${join(world.dir, 'bob')}`, 'tag', '-s', 'v1', '-m', 'bob')
    assert.deepEqual(codesOf(await world.verify(project, BY_TWO)), { 'inputs.lib': [] })
  })

  it('attack: its narHash is changed, with an honest rev', async () => {
    const repository = world.repository('nar-changed', { file: 'honest' })
    const evil = world.project('evil-tree', { file: 'evil' })
    const lock = flakeLock({ lib: lockedGit(repository, sriOf(evil)) })
    const project = world.project('p-nar-changed', { 'flake.lock': lock })
    const verdicts = await world.verify(project, BY_ALICE)
    assert.deepEqual(codesOf(verdicts), { 'inputs.lib': ['other-contents'] })
    const words = wordsOf(verdicts)
    assert.ok(words.includes(sriOf(evil)) && words.includes(sriOfArchive(repository)), words)
    assert.match(words, /lock it again \(nixsig lock update lib\)/)
    assert.equal(verdicts[0]?.line, 8)
    assert.equal(verdicts[0]?.findings[0]?.status, 13)
  })

  it('attack: its rev is changed, with an honest narHash', async () => {
    const repository = world.repository('rev-changed', { file: 'honest' })
    const honest = lockedGit(repository)
    const rev = commitFiles(repository, { file: 'other' })
    const project = world.project('p-rev', { 'flake.lock': flakeLock({ lib: { ...honest, rev } }) })
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': ['other-contents'] })
  })

  it('attack: a tag is moved to another commit', async () => {
    const repository = world.repository('moved-tag', { file: 'one' }, false)
    repository.git('tag', '-s', 'v1', '-m', 'alice')
    const tag = repository.git('rev-parse', 'refs/tags/v1')
    commitFiles(repository, { file: 'two' }, false)
    const project = world.project('p-moved', { 'flake.lock': flakeLock({ lib: lockedGit(repository) }) })
    repository.git('tag', '-f', 'v1', 'HEAD')
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': ['not-signed-enough'] })
    repository.git('update-ref', 'refs/tags/v1', tag)
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': ['not-signed-enough'] })
  })

  it('attack: original and locked name different repositories; the rule is that of what is locked', async () => {
    const repository = world.repository('locked-elsewhere', { file: 'x' }, false)
    const lock = JSON.parse(flakeLock({ lib: lockedGit(repository) }))
    lock.nodes.lib.original = { type: 'github', owner: 'NixOS', repo: 'nixpkgs' }
    const project = world.project('p-elsewhere', { 'flake.lock': JSON.stringify(lock) })
    const rules = `[[inputs]]\nurl = "https://github.com/NixOS/*"\nrequire = "nothing"\n${BY_ALICE}`
    assert.deepEqual(codesOf(await world.verify(project, rules)), { 'inputs.lib': ['not-signed-enough'] })
  })

  it('is refused where no rule names its repository', async () => {
    const repository = world.repository('unnamed', { file: 'x' })
    const project = world.project('p-unnamed', { 'flake.lock': flakeLock({ lib: lockedGit(repository) }) })
    const rules = '[[inputs]]\nurl = "https://example.org/*"\nrequire = "alice"\n'
    const verdicts = await world.verify(project, rules)
    assert.equal(verdicts[0]?.findings[0]?.status, 12)
    assert.match(wordsOf(verdicts), /none of \[\[inputs\]\]/)
  })

  it('attack: its owner is written in another case, so that a glob for the forge would not match', async () => {
    const evil = { type: 'github', owner: 'EVIL', repo: 'lib', rev: '1'.repeat(40), narHash: OTHER_HASH }
    const project = world.project('p-case', { 'flake.lock': flakeLock({ lib: evil }) })
    const rules = `[[inputs]]\nurl = "https://github.com/evil/*"\nrequire = "refuse"\n${NOTHING}`
    const verdicts = await world.verify(project, rules)
    assert.deepEqual(codesOf(verdicts), { 'inputs.lib': ['not-signed-enough'] })
    assert.match(
      wordsOf(verdicts),
      /under rule "input rule 1": .*next: a rule of \[\[inputs\]\] whose url matches/,
    )
  })

  it('passes without being fetched where nothing is required', async () => {
    const locked = { type: 'github', owner: 'o', repo: 'r', rev: '1'.repeat(40), narHash: OTHER_HASH }
    const project = world.project('p-free', { 'flake.lock': flakeLock({ lib: locked }) })
    assert.deepEqual(codesOf(await world.verify(project, NOTHING)), { 'inputs.lib': [] })
  })
})

describe('what no signed commit stands behind', () => {
  const cases: Readonly<Record<string, { readonly locked: object; readonly code: string }>> = {
    'a directory': { locked: { type: 'path', path: '/srv/x', narHash: OTHER_HASH }, code: 'unverifiable' },
    'a directory without a hash': { locked: { type: 'path', path: '/srv/x' }, code: 'unlocked' },
    'an archive': {
      locked: { type: 'tarball', url: 'https://e.org/a.tar.gz', narHash: OTHER_HASH },
      code: 'unverifiable',
    },
    'a file': { locked: { type: 'file', url: 'https://e.org/a', narHash: OTHER_HASH }, code: 'unverifiable' },
    Mercurial: {
      locked: { type: 'hg', url: 'https://e.org/hg', rev: '1'.repeat(40), narHash: OTHER_HASH },
      code: 'unverifiable',
    },
    'a name in a registry': { locked: { type: 'indirect', id: 'nixpkgs' }, code: 'unlocked' },
    'a repository without a commit': { locked: { type: 'git', url: 'https://e.org/x' }, code: 'unlocked' },
    'a local repository without a NAR hash, whose replaced objects and filters have a say': {
      locked: { type: 'git', url: 'file:///srv/x', rev: '1'.repeat(40) },
      code: 'unlocked',
    },
    'a repository with all references, replaced objects too, without a NAR hash': {
      locked: { type: 'git', url: 'https://e.org/x', rev: '1'.repeat(40), allRefs: true },
      code: 'unlocked',
    },
    'a repository with a reference that replaces the commit, without a NAR hash': {
      locked: {
        type: 'git',
        url: 'https://e.org/x',
        rev: '1'.repeat(40),
        ref: `refs/replace/${'1'.repeat(40)}`,
      },
      code: 'unlocked',
    },
    'an archive of a forge without a NAR hash': {
      locked: { type: 'github', owner: 'o', repo: 'r', rev: '1'.repeat(40) },
      code: 'unlocked',
    },
  }
  for (const [what, { locked, code }] of Object.entries(cases)) {
    it(`is refused: ${what}; it passes where a rule says so`, async () => {
      const project = world.project('p-others', { 'flake.lock': flakeLock({ lib: locked }) })
      const verdicts = await world.verify(project, BY_ALICE)
      assert.deepEqual(codesOf(verdicts), { 'inputs.lib': [code] })
      assert.equal(verdicts[0]?.findings[0]?.status, 12)
      const asks = await world.verify(project, `${BY_ALICE}accept-unlocked = true\n`)
      assert.deepEqual(codesOf(asks), { 'inputs.lib': ['unverifiable'] })
      const lets = await world.verify(project, `${NOTHING}accept-unlocked = true\n`)
      assert.deepEqual(codesOf(lets), { 'inputs.lib': [] })
    })
  }

  it('attack: a relative path leaves the input that it is part of', async () => {
    const lock = JSON.parse(flakeLock({ lib: { type: 'path', path: './sub' } }))
    lock.nodes.lib.parent = []
    const inside = world.project('p-inside', { 'flake.lock': JSON.stringify(lock) })
    assert.deepEqual(codesOf(await world.verify(inside, BY_ALICE)), { 'inputs.lib': [] })
    lock.nodes.lib.locked.path = './a/../../evil'
    const outside = world.project('p-outside', { 'flake.lock': JSON.stringify(lock) })
    assert.deepEqual(codesOf(await world.verify(outside, BY_ALICE)), { 'inputs.lib': ['outside'] })
  })
})

describe('a directory of another input', () => {
  const self = { url: undefined, allowDirty: false }
  const relative = (path: string, parent: readonly string[], more = {}) => ({
    locked: { type: 'path', path, ...more },
    original: { type: 'path', path },
    parent,
  })
  const lockOf = (nodes: Readonly<Record<string, object>>) => {
    const inputs = Object.fromEntries(Object.keys(nodes).map(name => [name, name]))
    return JSON.stringify({ nodes: { ...nodes, root: { inputs } }, root: 'root', version: 7 })
  }

  it('passes as Nix itself locks it, in the tree around the lock and in that of an input', async () => {
    const lib = world.repository('with-dirs', { 'flakes/a/flake.nix': '', 'flakes/b/flake.nix': '', c: '' })
    const locked = { ...lockedGit(lib), dir: 'flakes/a' }
    const nodes = {
      lib: { locked, original: {} },
      own: relative('./sub', []),
      deep: relative('./deep', ['own']),
      beside: relative('./../sub', ['own']),
      b: relative('../b', ['lib']),
      c: relative('../../c', ['lib']),
    }
    const files = { 'sub/deep/flake.nix': '', 'flake.lock': lockOf(nodes) }
    const { directory } = world.repository('with-own-dirs', files)
    const verdicts = await world.verify(directory, BY_ALICE, { self })
    const none = Object.keys(nodes).map(name => [`inputs.${name}`, []])
    assert.deepEqual(codesOf(verdicts), { self: [], ...Object.fromEntries(none) }, wordsOf(verdicts))
  })

  it('may lie above the lock, in the same repository', async () => {
    const nodes = {
      lib: relative('../lib', []),
      top: relative('../..', []),
      beside: relative('../other', ['lib']),
      same: relative('../sub/./../sub', ['lib']),
      leaves: relative('../../..', []),
      back: relative('../../../x', ['lib']),
      absent: relative('../absent', []),
    }
    const files = { 'a/lib/flake.nix': '', 'a/other/flake.nix': '', 'a/sub/flake.lock': lockOf(nodes) }
    const { directory } = world.repository('above', files)
    const verdicts = await world.verify(join(directory, 'a/sub'), BY_ALICE, { self })
    const codes = codesOf(verdicts)
    for (const name of ['lib', 'top', 'beside', 'same']) assert.deepEqual(codes[`inputs.${name}`], [], name)
    for (const name of ['leaves', 'back', 'absent']) {
      assert.deepEqual(codes[`inputs.${name}`], ['outside'], name)
    }
    assert.match(wordsOf(verdicts), /\.\.\/\.\.\/\.\. leaves the input .*\.\.\/absent is not in the tree/s)
    const alone = codesOf(await world.verify(join(directory, 'a/sub'), BY_ALICE))
    assert.deepEqual(alone['inputs.lib'], ['outside'], 'without the tree around it, nothing is known of that')
  })

  it('attack: it is not in the tree that was verified, or a link leads to it', async () => {
    const files = { 'sub/file': '', 'flake.nix': '' }
    const lib = world.repository('with-links', files)
    symlinkSync('/nix/store', join(lib.directory, 'link'))
    commitFiles(lib, {})
    const nodes = {
      lib: { locked: lockedGit(lib), original: {} },
      absent: relative('./nothing', ['lib']),
      below: relative('./sub/file/x', ['lib']),
      link: relative('./link/x-source', ['lib']),
      above: relative('../x-source', ['lib']),
      own: relative('./nothing', []),
      bylink: relative('./link', []),
    }
    const around = world.repository('with-own-links', { ...files, 'flake.lock': lockOf(nodes) })
    symlinkSync('/nix/store', join(around.directory, 'link'))
    commitFiles(around, {})
    const verdicts = await world.verify(around.directory, BY_ALICE, { self })
    const { self: own, 'inputs.lib': honest, ...others } = codesOf(verdicts)
    assert.deepEqual([own, honest], [[], []])
    assert.deepEqual(Object.keys(others).length, 6)
    for (const [name, codes] of Object.entries(others)) assert.deepEqual(codes, ['outside'], name)
    assert.match(wordsOf(verdicts), /nothing is not in the tree that was verified/)
    assert.match(wordsOf(verdicts), /link\/x-source goes through a link/)
  })

  it('attack: it has a NAR hash, which older Nix takes wherever it lies, or another attribute', async () => {
    const others = { narHash: OTHER_HASH, rev: '1'.repeat(40), dir: 'x', lastModified: 1, name: 'x' }
    for (const [name, value] of Object.entries(others)) {
      const lock = lockOf({ lib: relative('./sub', [], { [name]: value }) })
      const files = { 'sub/flake.nix': '', 'flake.lock': lock }
      const verdicts = await world.verify(world.project('p-inside-hash', files), BY_ALICE)
      assert.deepEqual(codesOf(verdicts), { 'inputs.lib': ['unreadable'] })
      assert.match(wordsOf(verdicts), new RegExp(`a relative path with "${name}"`))
    }
  })

  it('attack: it is relative to itself', async () => {
    const lock = lockOf({ a: relative('./x', ['b']), b: relative('./y', ['a']) })
    const verdicts = await world.verify(world.project('p-itself', { 'flake.lock': lock }), NOTHING)
    assert.match(wordsOf(verdicts), /relative to itself/)
  })
})

describe('the directory of a flake in its tree', () => {
  it('attack: `dir` leads out of the input', async () => {
    const lib = world.repository('dir-leaves', { 'sub/flake.nix': '' })
    const codes = async (dir: string) => {
      const lock = flakeLock({ lib: { ...lockedGit(lib), dir } })
      const verdicts = await world.verify(world.project('p-dir', { 'flake.lock': lock }), BY_ALICE)
      return { codes: codesOf(verdicts), words: wordsOf(verdicts) }
    }
    for (const dir of ['../x-source', 'sub/../..', './..', '/nix', 'a\\b', 'a\u202eb', 'a\0b']) {
      const found = await codes(dir)
      assert.deepEqual(found.codes, { 'inputs.lib': ['unreadable'] }, dir)
      assert.match(found.words, /must be the names of directories in the tree/)
    }
    for (const dir of ['sub', './sub', 'sub/', './/sub/.', '', '.']) {
      assert.deepEqual((await codes(dir)).codes, { 'inputs.lib': [] }, dir)
    }
    assert.deepEqual((await codes('a//b')).codes, { 'inputs.lib': ['outside'] })
  })

  it('attack: a URL names it, so that it leads out', () => {
    for (const query of ['dir=../x', 'dir=', 'd%69r=..%2fx', 'a=b&dir=a&dir=b', 'dir=a%00']) {
      const url = `https://example.org/a.git?${query}`
      assert.throws(() => parsePin(`${url}@${'1'.repeat(40)}`), /its "dir" is not the names/)
    }
  })

  it('attack: a link in the signed tree leads out', async () => {
    const lib = world.repository('dir-link', { 'sub/flake.nix': '' })
    symlinkSync('..', join(lib.directory, 'up'))
    commitFiles(lib, {})
    const lock = flakeLock({ lib: { ...lockedGit(lib), dir: 'up/x-source' } })
    const verdicts = await world.verify(world.project('p-dir-link', { 'flake.lock': lock }), BY_ALICE)
    assert.deepEqual(codesOf(verdicts), { 'inputs.lib': ['outside'] })
    assert.match(wordsOf(verdicts), /goes through a link/)
  })
})

describe('the files of a tree', () => {
  it('attack: .gitattributes that leave files out or change ends of lines: said, and accepted as signed', async () => {
    const files = {
      '.gitattributes': 'secret export-ignore\ndir export-ignore\n*.bat text eol=crlf\n',
      secret: 's',
      'dir/a': 'a',
      'x.bat': 'a\nb\n',
      kept: 'k',
    }
    const repository = world.repository('attributes', files)
    const raw = world.project('attributes-raw', files)
    for (const [narHash, checkout] of [
      [sriOfArchive(repository), 'export-ignore and eol'],
      [sriOf(raw), 'raw'],
    ] as const) {
      const lock = flakeLock({ lib: lockedGit(repository, narHash) })
      const project = world.project('p-attributes', { 'flake.lock': lock })
      const verdicts = await world.verify(project, BY_ALICE)
      assert.deepEqual(codesOf(verdicts), { 'inputs.lib': [] }, wordsOf(verdicts))
      assert.equal(verdicts[0]?.checkout, checkout)
      if (checkout !== 'raw') assert.match(wordsOf(verdicts), /after export-ignore and eol/)
    }
  })

  it('attack: export-subst is never applied, and said', async () => {
    const files = { '.gitattributes': 'v export-subst\n', v: '$Format:%H$\n' }
    const repository = world.repository('subst', files)
    const lock = flakeLock({ lib: lockedGit(repository, sriOfArchive(repository)) })
    const verdicts = await world.verify(world.project('p-subst', { 'flake.lock': lock }), BY_ALICE)
    assert.deepEqual(codesOf(verdicts), { 'inputs.lib': ['other-contents'] })
    assert.match(wordsOf(verdicts), /export-subst/)
  })

  it('attack: a filter in .gitattributes, or attributes of the repository: they have no effect', async () => {
    const files = { '.gitattributes': '* filter=evil\n', file: 'x' }
    const repository = world.repository('filter', files)
    repository.git('config', 'filter.evil.smudge', 'sed s/x/y/')
    mkdirSync(join(repository.directory, '.git/info'), { recursive: true })
    writeFileSync(join(repository.directory, '.git/info/attributes'), '* export-ignore\n')
    const raw = sriOf(world.project('filter-raw', files))
    const project = world.project('p-filter', {
      'flake.lock': flakeLock({ lib: lockedGit(repository, raw) }),
    })
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': [] })
  })

  it('attack: replaced objects, shallow and borrowed repositories: the signed objects count', async () => {
    const repository = world.repository('replaced', { file: 'honest' })
    const honest = lockedGit(repository)
    const commit = repository.git('rev-parse', 'HEAD')
    const evil = commitFiles(repository, { file: 'evil' }, false)
    repository.git('replace', commit, evil)
    const lock = flakeLock({ lib: { ...honest, rev: commit } })
    const project = world.project('p-replaced', { 'flake.lock': lock })
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': [] })
    writeFileSync(join(repository.directory, '.git/shallow'), `${commit}\n`)
    assert.deepEqual(codesOf(await world.verify(project, BY_ALICE)), { 'inputs.lib': [] })
    const borrowing = world.repository('borrowing', { other: 'x' })
    const alternates = join(borrowing.directory, '.git/objects/info/alternates')
    writeFileSync(alternates, `${join(repository.directory, '.git/objects')}\n`)
    const other = { ...honest, rev: commit, url: `file://${borrowing.directory}` }
    const borrowed = world.project('p-borrowed', { 'flake.lock': flakeLock({ lib: other }) })
    assert.deepEqual(codesOf(await world.verify(borrowed, BY_ALICE)), { 'inputs.lib': ['unavailable'] })
  })

  it('has submodules: empty directories, or with their files if the lock says so', async () => {
    const inner = world.repository('inner', { 'in/file': 'inner' }, false)
    const outer = world.repository('outer', { file: 'outer' })
    outer.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.directory, 'lib/inner')
    outer.git('commit', '-q', '-S', '-m', 'with a submodule')
    const empty = world.project('outer-empty', {
      file: 'outer',
      '.gitmodules': `${outer.git('show', 'HEAD:.gitmodules')}\n`,
    })
    mkdirSync(join(empty, 'lib/inner'), { recursive: true })
    const verdictOf = async (locked: object) =>
      codesOf(
        await world.verify(world.project('p-sub', { 'flake.lock': flakeLock({ lib: locked }) }), BY_ALICE),
      )
    assert.deepEqual(await verdictOf(lockedGit(outer, sriOf(empty))), { 'inputs.lib': [] })
    const whole = { ...lockedGit(outer, sriOf(empty)), submodules: true }
    assert.deepEqual(await verdictOf(whole), { 'inputs.lib': ['other-contents'] })
    const full = world.project('outer-empty', { 'lib/inner/in/file': 'inner' })
    assert.deepEqual(await verdictOf({ ...whole, narHash: sriOf(full) }), { 'inputs.lib': [] })
  })
})

describe('the tree around a lock', () => {
  const self = { url: undefined, allowDirty: false }

  it('is judged in a directory of any name, and escapes stand in its URL for what URLs read otherwise', async () => {
    for (const [name, written] of [
      ['a#b', 'a%23b'],
      ['a?b', 'a%3Fb'],
      ['a%23b', 'a%2523b'],
      ['a\u0001b', 'a%01b'],
      ['a b', 'a b'],
    ] as const) {
      const { directory } = world.repository(name, { 'flake.nix': '{ }', 'flake.lock': flakeLock({}) })
      const verdicts = await world.verify(directory, BY_ALICE, { self })
      assert.deepEqual(codesOf(verdicts), { self: [] }, name)
      assert.equal(verdicts[0]?.url, `file://${world.dir}/${written}`)
    }
    const plain = world.project('x\u0001y', { 'flake.lock': flakeLock({}) })
    assert.deepEqual(Object.keys(codesOf(await world.verify(plain, BY_ALICE, { self }))), ['self'])
  })
  const flake = { 'flake.nix': '{ outputs = _: { }; }', 'flake.lock': flakeLock({}), 'sub/a': 'a' }

  it('is the commit that is checked out, and the work tree has to be that', async () => {
    const { directory, git } = world.repository('self', flake)
    const verify = async (more = {}) =>
      codesOf(await world.verify(directory, BY_ALICE, { self: { ...self, ...more } }))
    assert.deepEqual(await verify(), { self: [] })
    writeFileSync(join(directory, 'untracked'), 'not copied by Nix')
    assert.deepEqual(await verify(), { self: [] })
    writeFileSync(join(directory, 'sub/a'), 'b')
    assert.deepEqual(await verify(), { self: ['dirty'] })
    assert.deepEqual(await verify({ allowDirty: true }), { self: [] })
    git('checkout', '-q', 'sub/a')
    assert.deepEqual(await verify(), { self: [] })
    git('add', 'untracked')
    assert.deepEqual(await verify(), { self: ['dirty'] })
    git('reset', '-q')
    chmodSync(join(directory, 'sub/a'), 0o755)
    assert.deepEqual(await verify(), { self: ['dirty'] })
  })

  it('attack: git is told to take changed files for unchanged', async () => {
    const { directory, git } = world.repository('assumed', flake)
    git('update-index', '--assume-unchanged', 'sub/a')
    writeFileSync(join(directory, 'sub/a'), 'b')
    assert.equal(git('status', '--porcelain'), '')
    assert.deepEqual(codesOf(await world.verify(directory, BY_ALICE, { self })), { self: ['dirty'] })
  })

  it('attack: a directory of the work tree is a link to another', async () => {
    const { directory } = world.repository('linked', flake)
    const elsewhere = world.project('linked-elsewhere', { a: 'a' })
    rmSync(join(directory, 'sub'), { recursive: true })
    symlinkSync(elsewhere, join(directory, 'sub'))
    assert.deepEqual(codesOf(await world.verify(directory, BY_ALICE, { self })), { self: ['dirty'] })
  })

  it('attack: its repository has what shows other files to Nix before 2.20', async () => {
    const { directory, git } = world.repository('self-settings', flake)
    const verify = () => world.verify(directory, BY_ALICE, { self: { ...self, allowDirty: true } })
    git('config', 'core.autocrlf', 'input')
    writeFileSync(join(directory, '.git/info/attributes'), '# a comment\n\n')
    assert.deepEqual(codesOf(await verify()), { self: [] }, 'what changes nothing')
    const settings = {
      'filter.x.smudge': 'sed s/a/b/',
      'include.path': '/srv/config',
      'includeIf.onbranch:main.path': 'x',
      'core.attributesFile': '/srv/attributes',
      'core.autocrlf': 'true',
      'core.eol': 'crlf',
      'tar.umask': '0777',
    }
    for (const [setting, value] of Object.entries(settings)) {
      git('config', setting, value)
      const verdicts = await verify()
      assert.deepEqual(codesOf(verdicts), { self: ['other-contents'] }, setting)
      assert.ok(wordsOf(verdicts).toLowerCase().includes(`the setting ${setting.toLowerCase()}`), setting)
      git('config', '--unset', setting)
    }
    writeFileSync(join(directory, '.git/info/attributes'), 'sub/a filter=x\n')
    assert.match(wordsOf(await verify()), /has info\/attributes, with which git shows other files/)
    rmSync(join(directory, '.git/info/attributes'))
    const honest = git('rev-parse', 'HEAD')
    git('checkout', '-q', '--detach')
    const evil = commitFiles({ directory, git }, { 'sub/a': 'evil' }, false)
    git('checkout', '-q', 'main')
    git('replace', honest, evil)
    assert.match(wordsOf(await verify()), /refs\/replace/)
    git('pack-refs', '--all', '--prune')
    assert.match(wordsOf(await verify()), /refs\/replace/)
  })

  it('attack: its files have words in them that older git replaces by what the repository has', async () => {
    const files = { ...flake, '.gitattributes': '[attr]v export-subst\nsub/* v\n' }
    const repository = world.repository('self-subst', files)
    const verify = (minor?: number) =>
      world.verify(repository.directory, BY_ALICE, { self, ...(minor && { minor }) })
    const honest = ['%H', '%h %ct', '%aI', '100%%', 'x']
    for (const format of honest) commitFiles(repository, { 'sub/a': `"$Format:${format}$"\n` })
    assert.deepEqual(codesOf(await verify(8)), { self: [] })
    for (const format of ['%D', '%(describe)', '%N', '%an', '%%%d', 'x%x', '%']) {
      commitFiles(repository, { 'sub/a': `"$Format:%H$ $Format:${format}$"\n` })
      for (const minor of [undefined, 8, 19]) {
        const verdicts = await verify(minor)
        assert.deepEqual(codesOf(verdicts), { self: ['other-contents'] }, format)
        assert.ok(wordsOf(verdicts).includes(`$Format:${format}$ in sub/a`), wordsOf(verdicts))
      }
      assert.deepEqual(codesOf(await verify(20)), { self: [] })
    }
    commitFiles(repository, { '.gitattributes': '' })
    assert.deepEqual(codesOf(await verify(8)), { self: [] }, 'the words alone change nothing')
  })

  it('attack: it borrows objects from a repository of somebody else', async () => {
    const { directory } = world.repository('self-borrows', flake)
    const lender = world.repository('self-lender', { x: 'x' })
    const further = world.repository('self-further', { y: 'y' })
    const objects = (each: string) => join(each, '.git/objects')
    const lend = (to: string, line: string) =>
      writeFileSync(join(objects(to), 'info/alternates'), `${line}\n`)
    const verify = (minor?: number) => world.verify(directory, BY_ALICE, { self, ...(minor && { minor }) })
    lend(directory, `# lent\n../../../self-lender/.git/objects`)
    lend(lender.directory, objects(further.directory))
    assert.deepEqual(codesOf(await verify(8)), { self: [] }, 'its own user lends')
    chmodSync(objects(further.directory), 0o777)
    const verdicts = await verify(8)
    assert.deepEqual(codesOf(verdicts), { self: ['other-contents'] })
    assert.match(
      wordsOf(verdicts),
      /it borrows objects, and .*self-further\/.git\/objects is writable by others/,
    )
    assert.deepEqual(codesOf(await verify(20)), { self: [] })
    lend(directory, '"/srv/a\\tb"')
    assert.match(wordsOf(await verify()), /borrows objects from .* which is not looked at/)
  })

  it('is refused if nobody signed its commit, or it is not in git at all', async () => {
    const { directory } = world.repository('self-unsigned', flake, false)
    const verdicts = await world.verify(directory, BY_ALICE, { self })
    assert.deepEqual(codesOf(verdicts), { self: ['not-signed-enough'] })
    assert.equal(verdicts[0]?.findings[0]?.status, 10)
    const plain = world.project('p-plain', flake)
    assert.deepEqual(codesOf(await world.verify(plain, BY_ALICE, { self })), { self: ['unlocked'] })
    const rules = `[[inputs]]\nurl = "path:*"\nrequire = "nothing"\naccept-unlocked = true\n${BY_ALICE}`
    assert.deepEqual(codesOf(await world.verify(plain, rules, { self })), { self: [] })
  })

  it('attack: the lock is not in the commit', async () => {
    const repository = world.repository('no-lock', { 'flake.nix': '{ outputs = _: { }; }' })
    writeFileSync(join(repository.directory, 'flake.lock'), flakeLock({}))
    assert.deepEqual(codesOf(await world.verify(repository.directory, BY_ALICE, { self })), {
      self: ['untracked-lock'],
    })
  })

  it('is named by the URL that is given', async () => {
    const { directory } = world.repository('self-url', flake)
    const rules = '[[inputs]]\nurl = "https://git.example.org/infra/*"\nrequire = "alice"\n'
    const url = 'https://git.example.org/infra/site.git'
    assert.deepEqual(codesOf(await world.verify(directory, rules, { self: { ...self, url } })), { self: [] })
    assert.deepEqual(codesOf(await world.verify(directory, rules, { self })), { self: ['not-signed-enough'] })
  })
})

describe('a lock that cannot be read in one way', () => {
  it('attack: two nodes of one name', async () => {
    const lock =
      '{\n  "nodes": {\n    "root": {},\n    "a": {},\n    "a": {}\n  },\n  "root": "root",\n  "version": 7\n}\n'
    const [verdict] = await world.verify(world.project('p-twice', { 'flake.lock': lock }), NOTHING)
    assert.deepEqual(
      verdict?.findings.map(({ code, status }) => [code, status]),
      [['unreadable', 20]],
    )
    assert.match(verdict?.findings[0]?.message ?? '', /key "a" is repeated/)
    assert.equal(verdict?.line, 5)
  })

  it('attack: an input follows to nowhere', async () => {
    const lock = JSON.parse(flakeLock({ a: { type: 'path', path: '/x' } }))
    lock.nodes.a.inputs = { b: ['a', 'nowhere'] }
    const project = world.project('p-nowhere', { 'flake.lock': JSON.stringify(lock, null, 2) })
    const [verdict] = await world.verify(project, NOTHING)
    assert.match(
      verdict?.findings[0]?.message ?? '',
      /follows "a\/nowhere", which leads nowhere \(nodes\.a\)/,
    )
    assert.equal(verdict?.line, 8)
  })
})

it('attack: control characters in names, and in messages of commits, reach no terminal', async () => {
  const repository = world.repository('controls', { file: 'x' }, false)
  repository.git('commit', '-q', '--allow-empty', '-m', 'a\u001b[2J\u202e')
  const lock = flakeLock({ 'a\u001b]0;x\u0007\u202e': lockedGit(repository) })
  const verdicts = await world.verify(world.project('p-controls', { 'flake.lock': lock }), BY_ALICE)
  const text = JSON.stringify(verdicts.map(({ input, findings, notes }) => [input, findings, notes]))
  assert.equal(verdicts[0]?.findings[0]?.code, 'not-signed-enough')
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]|\\u001b/u)
  assert.match(text, /inputs\.a\\\\u\{1b\}/)
})

describe('other pins', () => {
  it('of npins, niv and the command line are judged in the same way', async () => {
    const repository = world.repository('pinned', { file: 'x' })
    const revision = repository.git('rev-parse', 'HEAD')
    const hash = sriOfArchive(repository)
    const url = `file://${repository.directory}`
    const there = 'https://git.example.org/lib'
    const places = { local: new Map([[there, repository.directory]]), mirrors: join(world.dir, 'mirrors') }
    const npins = {
      pins: {
        lib: {
          type: 'Git',
          repository: { type: 'Git', url },
          branch: 'main',
          submodules: false,
          revision,
          url: null,
          hash,
        },
      },
      version: 7,
    }
    const niv = { lib: { type: 'git', repo: there, rev: revision, branch: 'main' } }
    const project = world.project('p-others-of', {
      'npins/sources.json': JSON.stringify(npins),
      'nix/sources.json': JSON.stringify(niv),
    })
    const pins = [parsePin(`git+${url}@${revision}#${hash}`), parsePin(`${there}@${revision}`)]
    const verdicts = await world.verify(project, BY_ALICE, { pins, places, minor: 20 })
    assert.deepEqual(
      verdicts.map(({ file, findings }) => [file, findings.length]),
      [
        ['npins/sources.json', 0],
        ['nix/sources.json', 0],
        ['pin', 0],
        ['pin', 0],
      ],
    )
    const other = [parsePin(`${url}@${revision}#${OTHER_HASH}`)]
    const [, , refused] = await world.verify(project, BY_ALICE, { pins: other, places, minor: 20 })
    assert.equal(refused?.findings[0]?.code, 'other-contents')
  })
  it('attack: npins before 0.4 hands no hash to fetchGit, so that its pins have none', async () => {
    const repository = world.repository('unhashed', { file: 'x' })
    const there = 'https://git.example.org/unhashed'
    const places = { local: new Map([[there, repository.directory]]), mirrors: join(world.dir, 'mirrors') }
    const pin = (url: string) => ({
      type: 'Git',
      repository: { type: 'Git', url },
      branch: 'main',
      submodules: false,
      revision: repository.git('rev-parse', 'HEAD'),
      url: null,
      hash: sriOfArchive(repository),
    })
    const codes = async (url: string, version: number, minor: number) => {
      const project = world.project('p-unhashed', {
        'npins/sources.json': JSON.stringify({ pins: { lib: pin(url) }, version }),
      })
      return codesOf(await world.verify(project, BY_ALICE, { places, minor }))['pins.lib']
    }
    for (const version of [3, 4, 5, 6]) {
      assert.deepEqual(await codes(`file://${repository.directory}`, version, 30), ['unlocked'])
      assert.deepEqual(await codes(there, version, 19), ['unlocked'])
      assert.deepEqual(await codes(there, version, 20), [])
    }
    for (const version of [7, 8]) {
      assert.deepEqual(await codes(`file://${repository.directory}`, version, 8), [])
      assert.deepEqual(await codes(there, version, 8), [])
    }
  })

  it('attack: a commit without a NAR hash, which older Nix reads where others left replaced objects', async () => {
    const repository = world.repository('by-commit', { file: 'x' })
    const rev = repository.git('rev-parse', 'HEAD')
    const there = 'https://git.example.org/by-commit'
    const places = { local: new Map([[there, repository.directory]]), mirrors: join(world.dir, 'mirrors') }
    const project = world.project('p-by-commit', {
      'flake.lock': flakeLock({ lib: { type: 'git', url: there, rev, ref: 'main' } }),
      'nix/sources.json': JSON.stringify({ lib: { type: 'git', repo: there, rev, branch: 'main' } }),
    })
    const verify = (minor?: number) =>
      world.verify(project, BY_ALICE, {
        places,
        pins: [parsePin(`${there}@${rev}`)],
        ...(minor && { minor }),
      })
    const codes = async (minor?: number) => (await verify(minor)).map(({ findings }) => findings[0]?.code)
    assert.deepEqual(await codes(20), [undefined, undefined, undefined])
    for (const minor of [undefined, 8, 19]) {
      assert.deepEqual(await codes(minor), ['unlocked', 'unlocked', 'unlocked'])
    }
    assert.match(
      wordsOf(await verify(8)),
      /unless Nix 2\.20 or later evaluates, and the Nix here fetches as 2\.8/,
    )
    assert.match(wordsOf(await verify()), /and no Nix says its version here/)
  })
})
