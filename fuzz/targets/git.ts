import { strict as assert } from 'node:assert'
import {
  type GitCommit,
  type GitTag,
  type GitTreeEntry,
  parseGitCommit,
  parseGitTag,
  parseGitTree,
} from '../../src/formats/git-object.ts'
import { formatTarget, type Target } from '../target.ts'

const ID = '0123456789abcdef0123456789abcdef01234567'
const PEOPLE = 'author Dev <d@e> 1 +0000\ncommitter Dev <d@e> 1 +0000\n'
const ARMOUR = '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----'

const TAG = `object ${ID}\ntype commit\ntag v1.0\ntagger Dev <d@e> 1 +0000\n\nRelease\n${ARMOUR}\n`
const COMMIT = `tree ${ID}\nparent ${ID}\n${PEOPLE}gpgsig ${ARMOUR.replaceAll('\n', '\n ')}\n\nMessage\n`
const TREE = `100644 a\0${'i'.repeat(20)}40000 dir\0${'j'.repeat(20)}120000 link\0${'k'.repeat(20)}`

const TOKENS: readonly string[] = [
  ...[
    'object ',
    'type ',
    'commit\n',
    'tag ',
    'tagger ',
    'tree ',
    'parent ',
    'gpgsig ',
    'gpgsig-sha256 ',
    'mergetag ',
  ],
  ...[
    '\n',
    '\n\n',
    '\n ',
    '\0',
    ' ',
    ARMOUR,
    '-----BEGIN SSH SIGNATURE-----\n',
    '-----BEGIN PGP MESSAGE-----\n',
  ],
  ...['100644 ', '100755 ', '160000 ', '40000 ', '..', '.git', '/', ID],
]

/** Git objects: tags and commits with their signatures, and the trees that they name. */
export const GIT: readonly Target[] = [
  formatTarget<GitTag>({
    name: 'git tag',
    seeds: [Buffer.from(TAG)],
    tokens: TOKENS,
    read: parseGitTag,
    also: ({ signed }, input) => {
      // The payload is everything before the signature, and there is nothing else.
      if (signed !== undefined)
        assert.deepEqual(Buffer.concat([signed.payload, signed.signature]), Buffer.from(input))
    },
  }),
  formatTarget<GitCommit>({
    name: 'git commit',
    seeds: [Buffer.from(COMMIT)],
    tokens: TOKENS,
    read: parseGitCommit,
    also: ({ tree, signed }) => {
      assert.match(tree, /^[0-9a-f]{40}$|^[0-9a-f]{64}$/)
      if (signed === undefined) return
      // Without its signature it is an unsigned commit of the same tree.
      const rest = parseGitCommit(signed.payload)
      assert.deepEqual([rest.tree, rest.signed], [tree, undefined])
    },
  }),
  formatTarget<readonly GitTreeEntry[]>({
    name: 'git tree',
    seeds: [Buffer.from(TREE, 'latin1')],
    tokens: TOKENS,
    read: input => parseGitTree(input, 20),
    also: entries => {
      for (const { name } of entries) assert.ok(name !== '' && name !== '..' && !/[/\0]/.test(name))
    },
  }),
]
