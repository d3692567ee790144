// What locks pin, and how they are refused.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inputsOf } from '../../../src/formats/locks/flake-inputs.ts'
import { parseFlakeLock } from '../../../src/formats/locks/flake-lock.ts'
import { canonicalUrl, forgeUrl, ignoresCase, pathUrl } from '../../../src/formats/locks/input-url.ts'
import type { Pin } from '../../../src/formats/locks/locked-input.ts'
import { parseNiv } from '../../../src/formats/locks/niv.ts'
import { parseNpins } from '../../../src/formats/locks/npins.ts'
import { parsePin } from '../../../src/formats/locks/pin-argument.ts'
import { printUnchanged } from '../../../src/formats/locks/relock.ts'

const REV = '1'.repeat(40)
const HASH = `sha256-${Buffer.alloc(32, 1).toString('base64')}`
const HEX = '01'.repeat(32)

const json = (value: unknown) => Buffer.from(JSON.stringify(value))

describe('the canonical URL of an input', () => {
  const same: Readonly<Record<string, string>> = {
    'git+https://github.com/NixOS/nixpkgs.git': 'https://github.com/NixOS/nixpkgs',
    'https://user:secret@GitHub.com:443/NixOS/nixpkgs/': 'https://github.com/NixOS/nixpkgs',
    'HTTPS://example.org/a?dir=x': 'https://example.org/a',
    'https://example.org/a?x=1&dir=./x/&y=2': 'https://example.org/a?x=1&y=2',
    'file:///srv/a?dir=x/y': 'file:///srv/a',
    'git@github.com:NixOS/nixpkgs.git': 'ssh://github.com/NixOS/nixpkgs',
    'git@example.org:/srv/a': 'ssh://example.org/srv/a',
    'https://example.org/a%2Bb%40c%7B+': 'https://example.org/a+b@c%7B+',
    'git+ssh://git@Git.Example.org:22/infra/site.git': 'ssh://git.example.org/infra/site',
    'ssh://git.example.org:2222/infra/site': 'ssh://git.example.org:2222/infra/site',
    'git://example.org/%c3%a9': 'git://example.org/%C3%A9',
    'https://b\u00fccher.example/x': '',
    'git+file:///srv/a/': 'file:///srv/a',
    '/srv/a': 'file:///srv/a',
  }
  for (const [text, url] of Object.entries(same)) {
    if (url !== '') it(`of ${text}`, () => assert.equal(canonicalUrl(text, 'git'), url))
  }
  const refused: Readonly<Record<string, RegExp>> = {
    'https://github.com/NixOS/../evil/x': /"\.\."/,
    'https://github.com/NixOS/%2e%2e/evil': /%2e is an escape/,
    'https://github.com/NixOS%2fnixpkgs': /%2f is an escape/,
    'https://github.com/%4eixOS/nixpkgs': /%4e is an escape/,
    'https://github.com//NixOS/nixpkgs': /"\/\/"/,
    'https://github.com\\@evil.org/x': /with an escape/,
    'https://github.com@a@evil.org/x': /with an escape/,
    'https://git%68ub.com/x': /with an escape/,
    'https://github.com./NixOS/x': /ends in a dot/,
    'https://b\u00fccher.example/x': /not a URL/,
    'https://example.org/a\u202eb': /not a URL/,
    'https://example.org/a#b': /fragment/,
    'github.com:NixOS/nixpkgs': /ssh:\/\/HOST\/PATH/,
    'git@github.com://NixOS/nixpkgs': /not a URL/,
    'git@github.com:../NixOS': /"\.\."/,
    'git@-oProxyCommand=id:x': /not a URL/,
    'https://example.org/a%2Ab': /%2A is an escape/,
    'https://example.org/a?dir=x&dir=y': /its "dir"/,
    'ext::sh -c id': /ssh:\/\/HOST\/PATH/,
    'file://host/srv': /"\/\/"/,
    '../relative': /not a URL/,
  }
  for (const [text, reason] of Object.entries(refused)) {
    it(`attack: ${JSON.stringify(text)} is refused`, () =>
      assert.throws(() => canonicalUrl(text, 'git'), reason))
  }
  it('of forges and directories', () => {
    assert.equal(forgeUrl('GitHub.com', 'NixOS', 'nixpkgs'), 'https://github.com/NixOS/nixpkgs')
    assert.throws(() => forgeUrl('github.com', '..', 'x'), /name at a forge/)
    assert.throws(() => forgeUrl('github.com/evil', 'a', 'b/c'), /name at a forge/)
    assert.equal(pathUrl('/srv/x/'), 'path:/srv/x')
    assert.throws(() => pathUrl('/srv/../x'), /"\.\."/)
    assert.equal(ignoresCase('https://github.com/x/y'), true)
    assert.equal(ignoresCase('https://example.org/x/y'), false)
  })
})

describe('flake.lock', () => {
  const git = { type: 'git', url: 'https://example.org/a', rev: REV, narHash: HASH }
  const original = { type: 'indirect', id: 'a' }
  const lockWith = (nodes: object, version = 7) => json({ nodes, root: 'root', version })

  it('pins its inputs, through other inputs too, each once', () => {
    const nodes = {
      root: { inputs: { a: 'a', b: 'b', same: ['b', 'c'] } },
      a: { inputs: { c: ['b', 'c'] }, locked: git, original },
      b: { inputs: { c: 'c' }, locked: git, original, flake: false },
      c: { locked: { type: 'github', owner: 'O', repo: 'R', rev: REV, narHash: HASH }, original },
    }
    const inputs = inputsOf(parseFlakeLock(lockWith(nodes)))
    assert.deepEqual(
      inputs.map(({ path, pin }) => [path, pin.kind === 'git' && pin.url]),
      [
        ['inputs.a', 'https://example.org/a'],
        ['inputs.b', 'https://example.org/a'],
        ['inputs.b.inputs.c', 'https://github.com/O/R'],
      ],
    )
  })

  it('has its hashes in "info" in version 5, and in no later one', () => {
    const { narHash, ...rest } = git
    const node = { locked: rest, info: { narHash, lastModified: 1 }, original }
    const nodes = { root: { inputs: { a: 'a' } }, a: node }
    const [input] = inputsOf(parseFlakeLock(lockWith(nodes, 5)))
    assert.equal(input?.pin.kind === 'git' && input.pin.narHash, HEX)
    const problem = (lock: Uint8Array) => {
      const [{ pin } = {}] = inputsOf(parseFlakeLock(lock))
      return pin?.kind === 'odd' ? pin.problem : undefined
    }
    assert.match(problem(lockWith(nodes, 7)) ?? '', /unknown field "info"/)
    const both = { ...node, locked: { ...git, narHash: HASH.replace('AQEB', 'AgEB') } }
    assert.match(problem(lockWith({ ...nodes, a: both }, 5)) ?? '', /not what "locked" says/)
  })

  it('is written as Nix writes it, and a node by the name of the input that leads to it', () => {
    const nodes = {
      top: { inputs: { b: 'odd', a: 'x', c: ['b'] } },
      odd: { original, locked: git, inputs: { a: 'y' } },
      x: { original, locked: git },
      y: { original, locked: git, flake: false },
    }
    const text = printUnchanged(parseFlakeLock(json({ nodes, root: 'top', version: 7 })))
    const again = JSON.parse(text)
    assert.deepEqual(Object.keys(again.nodes), ['a', 'a_2', 'b', 'root'])
    assert.deepEqual(again.nodes.b.inputs, { a: 'a_2' })
    assert.deepEqual(again.nodes.root.inputs, { a: 'a', b: 'b', c: ['b'] })
    assert.equal(text, `${JSON.stringify(again, null, 2)}\n`)
  })

  const node = { locked: git, original }
  const odd: Readonly<Record<string, readonly [object, RegExp]>> = {
    'a node that is not locked': [{ original }, /"locked" is missing/],
    'an unknown field': [{ ...node, evil: 1 }, /unknown field "evil"/],
    'an unknown attribute': [{ ...node, locked: { ...git, evil: 1 } }, /unknown field "evil"/],
    'an unknown type': [{ ...node, locked: { type: 'svn' } }, /unknown type/],
    'a revision in upper case': [{ ...node, locked: { ...git, rev: 'A'.repeat(40) } }, /whole id/],
    'a short revision': [{ ...node, locked: { ...git, rev: '1234567' } }, /whole id/],
    'another hash': [{ ...node, locked: { ...git, narHash: 'sha1-AAAA' } }, /narHash/],
    'a time that no calendar has': [
      { ...node, locked: { ...git, lastModified: 8_640_000_000_001 } },
      /lastModified/,
    ],
    'a time that is not a number': [{ ...node, locked: { ...git, lastModified: '1' } }, /lastModified/],
    'a negative count': [{ ...node, locked: { ...git, revCount: -1 } }, /revCount/],
  }
  for (const [what, [found, reason]] of Object.entries(odd)) {
    it(`attack: ${what} is that input's own fault`, () => {
      const nodes = { root: { inputs: { a: 'a', b: 'b' } }, a: found, b: node }
      const [a, b] = inputsOf(parseFlakeLock(lockWith(nodes)))
      assert.ok(a?.pin.kind === 'odd' && b?.pin.kind === 'git')
      assert.match(a.pin.problem, reason)
    })
  }

  const refused: Readonly<Record<string, readonly [object, RegExp]>> = {
    'a node that is not there': [{ root: { inputs: { a: 'b' } } }, /node "b", which is absent/],
    'follows to nowhere': [{ root: { inputs: { a: ['b'] } } }, /leads nowhere/],
    'follows in a circle': [{ root: { inputs: { a: ['b'], b: ['a'] } } }, /follows in a circle/],
    'a node among its own inputs': [
      {
        root: { inputs: { a: 'a' } },
        a: { ...node, inputs: { b: 'b' } },
        b: { ...node, inputs: { a: 'a' } },
      },
      /among its own inputs/,
    ],
    'the root as an input': [
      { root: { inputs: { a: 'a' } }, a: { ...node, inputs: { x: 'root' } } },
      /the root node/,
    ],
    'a relative path of an input that is not there': [
      { root: {}, a: { original, locked: { type: 'path', path: './x' }, parent: ['nowhere'] } },
      /leads nowhere/,
    ],
    'a control character in a name': [{ root: { inputs: { 'a\u001b': 'x\u202e' } } }, /node "x\\u\{202e\}"/],
  }
  for (const [what, [nodes, reason]] of Object.entries(refused)) {
    it(`attack: ${what}`, () => assert.throws(() => parseFlakeLock(lockWith(nodes)), reason))
  }

  it('attack: absurd depth, number of nodes, or version', () => {
    const nodes: Record<string, object> = { root: { inputs: { a: 'n0' } } }
    for (let index = 0; index < 100; index++) nodes[`n${index}`] = { ...node, inputs: { a: `n${index + 1}` } }
    nodes['n100'] = node
    assert.throws(() => parseFlakeLock(lockWith(nodes)), /inputs deep/)
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`n${index}`, node]))
    assert.throws(() => parseFlakeLock(lockWith({ root: {}, ...many })), /more than 10000 nodes/)
    for (const version of [4, 8])
      assert.throws(() => parseFlakeLock(lockWith({ root: {} }, version)), /5, 6 or 7/)
  })
})

describe('npins and niv', () => {
  const pinOf = (pin: object, version: number): Pin | undefined =>
    parseNpins(json({ pins: { a: pin }, version }))[0]?.pin
  const git = {
    type: 'Git',
    repository: { type: 'GitHub', owner: 'O', repo: 'R' },
    branch: 'main',
    revision: REV,
    url: `https://github.com/O/R/archive/${REV}.tar.gz`,
    hash: HASH,
  }

  it('pin commits of repositories, and archives of them', () => {
    const found = pinOf(git, 6)
    const expected = {
      kind: 'git',
      url: 'https://github.com/O/R',
      form: 'tarball',
      commit: REV,
      narHash: HEX,
    }
    assert.deepEqual({ ...found, ...expected }, found)
    assert.equal((pinOf({ ...git, url: null, submodules: true }, 5) as { form?: string }).form, 'repository')
    const lab = {
      type: 'GitLab',
      server: 'https://lab.example.org/',
      repo_path: 'g/h/r',
      private_token: null,
    }
    assert.equal(
      (pinOf({ ...git, repository: lab }, 3) as { url?: string }).url,
      'https://lab.example.org/g/h/r',
    )
    const channel = { type: 'Channel', name: 'n', url: 'https://e.org/x.tar.xz', hash: HASH }
    assert.deepEqual(pinOf(channel, 8), { kind: 'tarball', url: 'https://e.org/x.tar.xz', narHash: HEX })
    const [niv] = parseNiv(json({ a: { url: git.url, sha256: '0'.repeat(52), rev: 'anything', owner: 'x' } }))
    assert.equal(niv?.pin.kind === 'git' && niv.pin.commit, REV)
  })

  it('are refused in versions that are not known, and with fields that are not', () => {
    for (const version of [2, 9]) assert.throws(() => pinOf(git, version), /3 to 8/)
    const problem = (pin: Pin | undefined) => (pin?.kind === 'odd' ? `${pin.urls} ${pin.problem}` : '')
    assert.match(problem(pinOf({ ...git, evil: 1 }, 6)), /^\* .*unknown field "evil"/)
    assert.match(problem(pinOf({ type: 'Evil' }, 6)), /unknown type of pin/)
    assert.match(problem(parseNiv(json({ a: { type: 'evil' } }))[0]?.pin), /not a type of source/)
    assert.throws(() => parseNiv(Buffer.from('{"a":{},"a":{}}')), /repeated/)
  })

  it('attack: a source of niv whose ref is not its branch: which one counts depends on its version', () => {
    const refOf = (refs: object) => {
      const [source] = parseNiv(
        json({ a: { type: 'git', repo: 'https://example.org/a', rev: REV, ...refs } }),
      )
      return source?.pin.kind === 'odd' ? source.pin.problem : source?.pin.kind === 'git' && source.pin.ref
    }
    const same = [
      { branch: 'main' },
      { ref: 'main' },
      { ref: 'refs/heads/main' },
      { branch: 'main', ref: 'refs/heads/main' },
    ]
    for (const refs of same) assert.equal(refOf(refs), 'refs/heads/main')
    assert.equal(refOf({ tag: 'v1' }), 'refs/tags/v1')
    const names = { branch: 'main', ref: `refs/replace/${REV}`, tag: 'main' }
    for (const left of ['branch', 'ref', 'tag'] as const) {
      const { [left]: _, ...two } = names
      assert.match(String(refOf(two)), /name different references/)
    }
  })

  it('are named on the command line', () => {
    const archive = parsePin(`${git.url}#${HASH}`).pin
    assert.equal(archive.kind === 'git' && archive.commit, REV)
    assert.throws(() => parsePin('https://example.org/a'), /must be URL@COMMIT/)
    assert.throws(() => parsePin(`${git.url}#sha1-AAAA`), /must be URL@COMMIT/)
  })
})
