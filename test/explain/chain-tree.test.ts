import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawsUnicode } from '../../src/cli/draws-unicode.ts'
import { chainJson, chainOfJson } from '../../src/explain/chain-json.ts'
import type { ChainApproval, ChainNode, ChainSignature } from '../../src/explain/chain-node.ts'
import { treeLines } from '../../src/explain/chain-tree.ts'
import { rootNode } from '../../src/formats/json/shape.ts'
import { parseStrictJson } from '../../src/formats/json/strict.ts'
import { FormatError } from '../../src/primitives/format-error.ts'

const PATH = '/nix/store/0c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-hello'

const NOTHING_LEFT = { signatures: 0, approvals: 0, parts: 0 }

function node(change: Partial<ChainNode>): ChainNode {
  return {
    path: PATH,
    kind: 'output',
    outcome: 'trusted',
    why: 'under rule "default": vouched for by ben',
    builtHere: false,
    signatures: [],
    strays: [],
    approvals: [],
    parts: [],
    isRepeated: false,
    left: NOTHING_LEFT,
    ...change,
  }
}

function signature(change: Partial<ChainSignature>): ChainSignature {
  return {
    who: 'ben',
    list: undefined,
    role: 'builder',
    key: 'ben-1',
    certifiedBy: [],
    until: undefined,
    graph: undefined,
    coversGraph: false,
    counts: true,
    why: undefined,
    origin: "the store's database",
    ...change,
  }
}

const APPROVAL: ChainApproval = {
  url: 'https://git.example.org/x',
  commit: '0123456789abcdef0123456789abcdef01234567',
  signers: ['carl', 'cora'],
  by: 'carol',
  key: 'carol-1',
  time: 1_790_000_000,
  target: '.#hello',
  isAsked: true,
  inputs: [{ name: 'nixpkgs', url: 'https://git.example.org/nixpkgs', commit: undefined, signers: [] }],
  leftInputs: 2,
  origin: '/etc/x:1',
}

const CHAIN = node({
  builtHere: true,
  signatures: [
    signature({ certifiedBy: ['root-1', 'next-1'], until: 1_798_761_600 }),
    signature({ who: 'rob', key: 'rob-1', counts: false, why: 'the key of rob is revoked' }),
  ],
  strays: ['a signer who is not in the trusted list (x, in y)'],
  approvals: [APPROVAL],
  left: { signatures: 1, approvals: 2, parts: 0 },
  parts: [
    node({
      path: `${PATH}.drv`,
      kind: 'derivation',
      approvals: [APPROVAL],
      signatures: [signature({ who: 'alice', role: 'packager', key: 'alice-1', coversGraph: true })],
      left: { ...NOTHING_LEFT, parts: 3 },
      parts: [
        node({
          path: `${PATH}.tar`,
          kind: 'fetched-source',
          outcome: 'untrusted',
          why: 'needs guillem for its source, found no signature',
          strays: ['a signature for another path (x, in y)'],
        }),
        node({ isRepeated: true }),
      ],
    }),
  ],
})

const DRAWN = `output ${PATH}
├─ built by this machine, under its own hooks
├─ ben as builder, key ben-1, certified by root-1, next-1, until 2027-01-01, in the store's database
├─ does not count: rob as builder, key rob-1, in the store's database: the key of rob is revoked
├─ and 1 more signature
├─ approved by carol (in /etc/x:1) 2026-09-21T14:13:20Z as part of .#hello, from commit 0123456789abcdef0123456789abcdef01234567 of https://git.example.org/x, signed by carl, cora
│  ├─ input nixpkgs: https://git.example.org/nixpkgs, signed by nobody, as the policy allows
│  └─ and 2 more inputs
├─ and 2 more approvals
└─ derivation ${PATH}.drv: trusted under rule "default": vouched for by ben
   ├─ alice as packager, key alice-1, with its whole build graph, in the store's database
   ├─ approved with that, by carol
   ├─ fetched source ${PATH}.tar: refused: needs guillem for its source, found no signature
   │  ├─ signed by nobody in the trusted list
   │  └─ also found: a signature for another path (x, in y)
   ├─ output ${PATH}: trusted, as above
   └─ and 3 more inputs`

test('a chain is drawn as a tree, in characters that the locale has', () => {
  assert.equal(treeLines(CHAIN, { lines: 'unicode', width: undefined }).join('\n'), DRAWN)
  const ascii = DRAWN.replaceAll('├─', '|-').replaceAll('└─', '`-').replaceAll('│', '|')
  assert.equal(treeLines(CHAIN, { lines: 'ascii', width: undefined }).join('\n'), ascii)
})

test('a tree is as wide as the terminal, and paths stay whole', () => {
  for (const width of [20, 60, 80, 120]) {
    const lines = treeLines(CHAIN, { lines: 'unicode', width })
    for (const line of lines) {
      // One word alone may be longer.
      const words = line.replace(/^[│├└─ ]+/, '').split(' ')
      assert.ok(line.length <= Math.max(width, 42) || words.length === 1 || /\/nix\/store/.test(line), line)
    }
    const said = lines.map(line => line.replace(/^[│├└─ ]+/, '')).join(' ')
    assert.equal(
      said,
      DRAWN.split('\n')
        .map(line => line.replace(/^[│├└─ ]+/, ''))
        .join(' '),
    )
    // What goes on in the next line hangs under its own branch.
    assert.ok(lines.every((line, index) => index === 0 || /^(│ {2}| {3})*(├─ |└─ |│ {2}| {3})/.test(line)))
  }
})

test('the tree is ASCII unless the locale is one of UTF-8', () => {
  const unicode = [{ LANG: 'C.UTF-8' }, { LANG: 'de_DE.utf8' }, { LANG: 'C', LC_CTYPE: 'C.UTF-8' }]
  const ascii = [{}, { LANG: 'C' }, { LANG: 'C.UTF-8', LC_ALL: 'POSIX' }, { LANG: 'C.UTF-8', TERM: 'dumb' }]
  for (const env of unicode) assert.equal(drawsUnicode(env), true, JSON.stringify(env))
  for (const env of ascii) assert.equal(drawsUnicode(env), false, JSON.stringify(env))
})

test('a chain goes through JSON unchanged; attack: texts in it that would steer a terminal', () => {
  const read = (text: string) =>
    chainOfJson(rootNode('chain', parseStrictJson(text, { length: 1e6, depth: 40 })))
  assert.deepEqual(read(JSON.stringify(chainJson(CHAIN))), CHAIN)
  const texts = [PATH, 'ben-1', 'carl', '.#hello', 'the key of rob is revoked', 'nixpkgs', 'next-1']
  for (const text of texts) {
    const evil = JSON.stringify(chainJson(CHAIN)).replace(JSON.stringify(text), '"\\u001b[2J"')
    assert.throws(() => read(evil), FormatError, text)
  }
  const evil = JSON.stringify(chainJson(CHAIN)).replace('"time":1790000000', '"time":1e300')
  assert.throws(() => read(evil), FormatError)
})
