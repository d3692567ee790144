import { strict as assert } from 'node:assert'
import { inputsOf } from '../../src/formats/locks/flake-inputs.ts'
import { type FlakeLock, parseFlakeLock } from '../../src/formats/locks/flake-lock.ts'
import { canonicalUrl } from '../../src/formats/locks/input-url.ts'
import type { LockedInput } from '../../src/formats/locks/locked-input.ts'
import { parseNiv } from '../../src/formats/locks/niv.ts'
import { parseNpins } from '../../src/formats/locks/npins.ts'
import { parsePin } from '../../src/formats/locks/pin-argument.ts'
import { printUnchanged } from '../../src/formats/locks/relock.ts'
import { formatTarget, type Target, textOf } from '../target.ts'

const REV = '0123456789abcdef0123456789abcdef01234567'
const HASH = `sha256-${Buffer.alloc(32, 1).toString('base64')}`

const GIT = { type: 'git', url: 'git+https://example.org/a.git', rev: REV, narHash: HASH, ref: 'main' }
const GITHUB = { type: 'github', owner: 'NixOS', repo: 'nixpkgs', rev: REV, narHash: HASH, lastModified: 1 }
const ARCHIVE = `https://github.com/NixOS/nixpkgs/archive/${REV}.tar.gz`

const FLAKE_LOCK = JSON.stringify({
  nodes: {
    root: { inputs: { a: 'a', b: ['a', 'c'] } },
    a: { inputs: { c: 'c', d: ['b'] }, locked: GIT, original: { type: 'indirect', id: 'a' } },
    c: { locked: GITHUB, original: GITHUB, flake: false },
  },
  root: 'root',
  version: 7,
})

const NPINS = JSON.stringify({
  pins: {
    a: {
      type: 'Git',
      repository: { type: 'GitHub', owner: 'o', repo: 'r' },
      branch: 'b',
      revision: REV,
      url: ARCHIVE,
      hash: HASH,
    },
    b: { type: 'Channel', name: 'nixos', url: 'https://example.org/x.tar.xz', hash: HASH },
  },
  version: 6,
})

const NIV = JSON.stringify({
  a: { type: 'tarball', url: ARCHIVE, sha256: '0'.repeat(52), rev: REV, branch: 'b' },
  b: { type: 'git', repo: 'https://example.org/a.git', rev: REV },
})

const URLS = [
  'https://github.com/NixOS/nixpkgs',
  'git+ssh://git@example.org:22/a/b.git',
  'file:///srv/a',
  'https://example.org/a.tar.gz?x=1',
]

const TOKENS: readonly string[] = [
  ...[
    '"nodes"',
    '"root"',
    '"inputs"',
    '"locked"',
    '"original"',
    '"narHash"',
    '"rev"',
    '"type"',
    '"version"',
    ':',
    ',',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    '"a"',
    '"path"',
    '"tarball"',
    '"parent"',
    '"info"',
    '"flake"',
    'true',
    '7',
    REV,
    HASH,
  ],
  ...[
    '..',
    '//',
    '%2e',
    '%2F',
    '@',
    ':443',
    '.git',
    '#',
    '?',
    '\\',
    'ssh://',
    'FILE:',
    'git+',
    '\u202e',
    '"../x"',
    '"dir"',
    '"parent"',
    '\n',
  ],
]

/** Every input is called by a path and a line of its own document, and by a canonical URL. */
function assertInputs(inputs: readonly LockedInput[], bytes: Uint8Array): void {
  const lines = textOf(bytes).split('\n').length
  for (const { path, line, pin, around } of inputs) {
    assert.ok(path !== '' && line >= 1 && line <= lines, `${path} in line ${line} of ${lines}`)
    if (pin.kind === 'odd') {
      assert.ok(pin.urls === '*' || pin.urls === 'file://*' || /^[a-z]+:.+/.test(pin.urls), pin.urls)
      continue
    }
    const { place = [] } = pin.kind === 'inside' ? (around ?? {}) : { place: pin.dir?.split('/') }
    for (const name of place) assert.ok(!/^\.{0,2}$|\//.test(name), `a place in a tree: ${place.join('/')}`)
    if (pin.kind !== 'inside') assertCanonical(pin.url)
  }
}

function assertCanonical(url: string): void {
  assert.match(url, /^(?:https?|ssh|git|file|path|hg\+\w+|flake|docker):/)
  assert.doesNotMatch(url, /\/\.\.?(?:\/|$)|\p{Cc}/u)
  const remote = /^(?:https?|ssh|git):\/\/([^/?]*)/.exec(url)
  if (remote !== null) assert.doesNotMatch(remote[1] ?? '', /[@%A-Z\\]/)
}

/** Locks, and what they call repositories. */
export const LOCKS: readonly Target[] = [
  formatTarget<string>({
    name: 'canonical url',
    seeds: URLS,
    tokens: TOKENS,
    read: input => canonicalUrl(textOf(input), 'git'),
    also: url => {
      assertCanonical(url)
      assert.equal(canonicalUrl(url, 'git'), url)
    },
  }),
  formatTarget<FlakeLock>({
    name: 'flake lock',
    seeds: [FLAKE_LOCK, FLAKE_LOCK.replaceAll(',', ',\n')],
    tokens: TOKENS,
    read: parseFlakeLock,
    also: (lock, input) => {
      const inputs = inputsOf(lock)
      assertInputs(inputs, input)
      if (lock.version === 5) return
      // Written again, it pins the same.
      const again = inputsOf(parseFlakeLock(Buffer.from(printUnchanged(lock))))
      // What is wrong with an odd one is said with the name of its node, which may be another now.
      const pinOf = ({ pin }: LockedInput) => (pin.kind === 'odd' ? { ...pin, problem: '' } : pin)
      const pins = (each: readonly LockedInput[]) =>
        each.map(input => ({ path: input.path, pin: pinOf(input) }))
      assert.deepEqual(pins(again), pins(inputs))
    },
  }),
  formatTarget<readonly LockedInput[]>({
    name: 'npins sources',
    seeds: [NPINS],
    tokens: [...TOKENS, '"pins"', '"hash"', '"Git"', '"GitLab"', '"Tarball"', '"Container"'],
    read: parseNpins,
    also: assertInputs,
  }),
  formatTarget<readonly LockedInput[]>({
    name: 'niv sources',
    seeds: [NIV],
    tokens: [...TOKENS, '"sha256"', '"url"', '"local"', '"file"'],
    read: parseNiv,
    also: assertInputs,
  }),
  formatTarget<LockedInput>({
    name: 'pin argument',
    seeds: [`https://example.org/a.git@${REV}#${HASH}`, `${ARCHIVE}#${HASH}`],
    tokens: TOKENS,
    read: input => parsePin(textOf(input)),
    also: input => assertInputs([input], Buffer.from('')),
  }),
]
