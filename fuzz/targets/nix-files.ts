import { strict as assert } from 'node:assert'
import {
  derivationPathOf,
  derivationReferences,
  parseDerivation,
  printDerivation,
} from '../../src/formats/nix/derivation.ts'
import { decodeNar, encodeNar, type NarNode, narOfBytes } from '../../src/formats/nix/nar.ts'
import {
  isContentAddressed,
  type Narinfo,
  narFingerprint,
  parseNarinfo,
  printNarinfo,
} from '../../src/formats/nix/narinfo.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { parseStoredDerivation } from '../../src/formats/nix/stored-derivation.ts'
import { vectors } from '../seeds.ts'
import { formatTarget, type Target, textOf } from '../target.ts'

const always = () => true

const DERIVATIONS = vectors('nix', '.drv')
const DERIVATION_TOKENS: readonly string[] = [
  ...[
    'Derive(',
    'DrvWithVersion(',
    '"xp-dyn-drv"',
    '[',
    ']',
    '(',
    ')',
    ',',
    '""',
    '[]',
    '\\"',
    '\\n',
    '\\\\',
    '"out"',
    '"dev"',
  ],
  ...[
    'sha256',
    'r:sha256',
    'text:sha256',
    'git:sha1',
    'impure',
    '("a",["out"])',
    '(["out"],[("out",["out"])])',
  ],
]

const tree: NarNode = {
  kind: 'directory',
  entries: [
    { name: 'bin', node: { kind: 'regular', executable: true, contents: Buffer.from('#!/bin/sh\n') } },
    { name: 'empty', node: { kind: 'directory', entries: [] } },
    { name: 'link', node: { kind: 'symlink', target: '../\xff/target' } },
    { name: 'z', node: { kind: 'regular', executable: false, contents: Buffer.alloc(9, 1) } },
  ],
}
const narOf = (node: NarNode) => Buffer.concat([...encodeNar(node)])
/** A token of a NAR with its length and padding. */
const narWord = (word: string) => {
  const bytes = Buffer.alloc(8 + Math.ceil(word.length / 8) * 8)
  bytes[0] = word.length
  bytes.write(word, 8, 'latin1')
  return bytes.toString('latin1')
}
const NAR_WORDS = [
  'nix-archive-1',
  '(',
  ')',
  'type',
  'regular',
  'executable',
  '',
  'contents',
  'symlink',
  'target',
  'directory',
]

const A = '00000000000000000000000000000000-a'
const B = '11111111111111111111111111111111-b'
const NIX32 = '0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73'

/** Two narinfos: with every field, and with only the required ones. */
export const NARINFOS: readonly string[] = [
  `StorePath: /nix/store/${A}
URL: nar/file.nar.xz
Compression: xz
FileHash: sha256:${NIX32}
FileSize: 17
NarHash: sha256:${NIX32}
NarSize: 120
References: ${A} ${B}
Deriver: ${B}.drv
System: x86_64-linux
Sig: cache-1:abc
Sig: cache-2:def
CA: fixed:r:sha256:${NIX32}
`,
  `StorePath: /nix/store/${A}\nURL: x\nNarHash: sha256:${NIX32}\nNarSize: 1\nReferences: \n`,
]
export const NARINFO_TOKENS: readonly string[] = [
  ...[
    'StorePath: ',
    'URL: ',
    'Provenance: {}\n',
    'Note:\n',
    'References:',
    '\n\n',
    '+',
    'Compression: ',
    'FileHash: ',
    'FileSize: ',
    'NarHash: ',
    'NarSize: ',
    'References: ',
    'Deriver: ',
  ],
  ...[
    'System: ',
    'Sig: ',
    'CA: ',
    '\n',
    ' ',
    'unknown-deriver',
    'sha256:',
    'sha1:',
    'md5-',
    A,
    B,
    `${A} ${A}`,
    '\r\n',
  ],
]

/** Derivations, NARs and narinfos. */
export const NIX_FILES: readonly Target[] = [
  formatTarget({
    name: 'derivation',
    seeds: DERIVATIONS.map(([, bytes]) => bytes),
    tokens: DERIVATION_TOKENS,
    read: parseDerivation,
    print: printDerivation,
    oneSpelling: always,
    also: (derivation, input) => {
      const references = derivationReferences(derivation)
      assert.deepEqual([...references].sort(), references)
      assert.ok(parseStorePath(derivationPathOf(input, 'x.drv')))
    },
  }),
  formatTarget({
    name: 'stored derivation',
    seeds: DERIVATIONS.map(([, bytes]) => bytes),
    tokens: DERIVATION_TOKENS,
    read: input => {
      const ours = DERIVATIONS.find(([, bytes]) => Buffer.from(bytes).equals(input)) ?? DERIVATIONS[0]
      assert.ok(ours)
      return { ours, derivation: parseStoredDerivation(parseStorePath(`/nix/store/${ours[0]}`), input) }
    },
    // A content-addressed path belongs to these contents and no others.
    also: ({ ours }, input) =>
      assert.ok(Buffer.from(ours[1]).equals(input), 'two contents of one store path'),
  }),
  formatTarget({
    name: 'nar',
    seeds: [narOf(tree), narOfBytes(Buffer.from('x'), true), narOf({ kind: 'symlink', target: 'x' })],
    tokens: [
      ...NAR_WORDS.map(narWord),
      narWord('entry') + narWord('(') + narWord('name') + narWord('b') + narWord('node'),
    ],
    read: decodeNar,
    print: narOf,
    oneSpelling: always,
  }),
  formatTarget({
    name: 'narinfo',
    seeds: NARINFOS,
    tokens: NARINFO_TOKENS,
    read: input => parseNarinfo(textOf(input)),
    print: printNarinfo,
    also: (narinfo, input) => {
      assert.match(narFingerprint(narinfo), /^1;[^;]+;sha256:[0-9a-z]{52};[1-9]\d*;[^;]*$/)
      assertOneReading(textOf(input), narinfo)
      isContentAddressed(narinfo)
    },
  }),
]

/** Whoever goes line by line finds the same size and the same references, wherever they stand. */
function assertOneReading(text: string, { narSize, references }: Narinfo): void {
  for (const line of text.split('\n')) {
    const value = line.slice(line.indexOf(':') + 1)
    if (line.startsWith('NarSize:')) assert.equal(Number(value), narSize)
    if (!line.startsWith('References:')) continue
    assert.equal(new Set(value.split(' ').filter(Boolean)).size, references.length)
  }
}
