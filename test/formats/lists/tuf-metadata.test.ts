import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { printJson } from '../../../src/formats/json/print.ts'
import { parseStrictJson } from '../../../src/formats/json/strict.ts'
import { canonicalJson } from '../../../src/formats/lists/canonical-json.ts'
import { tufKeyId, tufKeyJson } from '../../../src/formats/lists/tuf-keys.ts'
import { parseMetadata } from '../../../src/formats/lists/tuf-metadata.ts'
import type { MetadataKind } from '../../../src/formats/lists/tuf-signed.ts'
import { signedBy } from '../../../src/formats/lists/tuf-threshold.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { ed25519KeyPair, signEd25519 } from '../../../src/primitives/sodium.ts'

const pair = (number: number) => ed25519KeyPair(new Uint8Array(32).fill(number))
const ALICE = pair(1)
const BOB = pair(2)
const CAROL = pair(3)
const id = (key: { publicKey: Uint8Array }) => tufKeyId(key.publicKey)
const plain = (key: { publicKey: Uint8Array }) => JSON.parse(printJson(tufKeyJson(key.publicKey)))

// biome-ignore lint/suspicious/noExplicitAny: each case breaks the form in its own way
type Loose = any

const role = (threshold: number, ...keys: { publicKey: Uint8Array }[]) => ({
  keyids: keys.map(id),
  threshold,
})
const COMMON = { spec_version: '1.0.31', version: 1, expires: '2027-01-01T00:00:00Z' }
const ROOT: Loose = {
  _type: 'root',
  ...COMMON,
  consistent_snapshot: true,
  keys: { [id(ALICE)]: plain(ALICE), [id(BOB)]: plain(BOB) },
  roles: {
    root: role(2, ALICE, BOB),
    targets: role(1, ALICE, BOB),
    snapshot: role(1, ALICE),
    timestamp: role(1, ALICE),
  },
}
const FILE = { length: 3, hashes: { sha256: 'ab'.repeat(32) } }
const TARGETS: Loose = {
  _type: 'targets',
  ...COMMON,
  targets: { 'list.json': FILE },
  delegations: {
    keys: { [id(CAROL)]: plain(CAROL) },
    roles: [{ name: 'team-gnome', ...role(1, CAROL), terminating: true, paths: ['teams/gnome/*'] }],
  },
}
const SNAPSHOT: Loose = { _type: 'snapshot', ...COMMON, meta: { 'targets.json': { version: 1 } } }
const TIMESTAMP: Loose = { _type: 'timestamp', ...COMMON, meta: { 'snapshot.json': { version: 1, ...FILE } } }
const VALID: Record<MetadataKind, Loose> = {
  root: ROOT,
  targets: TARGETS,
  team: { ...TARGETS, delegations: undefined },
  snapshot: SNAPSHOT,
  timestamp: TIMESTAMP,
}

const bytes = (signed: Loose, signatures: Loose = []) => Buffer.from(JSON.stringify({ signed, signatures }))
const read = (kind: MetadataKind, signed: Loose) => parseMetadata(bytes(signed), kind)

test('metadata of each kind is read', () => {
  const root = parseMetadata(bytes(ROOT), 'root').signed
  assert.deepEqual(root.roles.root, { keyids: [id(ALICE), id(BOB)], threshold: 2 })
  assert.deepEqual(root.keys.get(id(BOB)), BOB.publicKey)
  assert.equal(root.expires, Date.UTC(2027, 0, 1) / 1000)
  const targets = parseMetadata(bytes(TARGETS), 'targets').signed
  assert.deepEqual(targets.targets.get('list.json'), { length: 3, sha256: 'ab'.repeat(32) })
  assert.equal(targets.delegations[0]?.name, 'team-gnome')
  assert.deepEqual(parseMetadata(bytes(SNAPSHOT), 'snapshot').signed.meta.get('targets'), { version: 1 })
  assert.equal(parseMetadata(bytes(TIMESTAMP), 'timestamp').signed.snapshot.length, 3)
  assert.deepEqual(parseMetadata(bytes(VALID.team), 'team').signed.delegations, [])
})

test('attributes that TUF does not know are ignored, and are signed', () => {
  const { message } = parseMetadata(bytes({ ...SNAPSHOT, 'x-later': { b: 1, a: [true, null] } }), 'snapshot')
  assert.match(Buffer.from(message).toString(), /"x-later":\{"a":\[true,null\],"b":1\}\}$/)
})

const REFUSED: readonly (readonly [string, MetadataKind, (signed: Loose) => void, RegExp])[] = [
  [
    'another type',
    'snapshot',
    signed => {
      signed._type = 'timestamp'
    },
    /must be "snapshot"/,
  ],
  [
    'another version of TUF',
    'root',
    signed => {
      signed.spec_version = '2.0.0'
    },
    /only TUF 1\.0/,
  ],
  [
    'version 0',
    'timestamp',
    signed => {
      signed.version = 0
    },
    /at least 1/,
  ],
  [
    'a version as text',
    'timestamp',
    signed => {
      signed.version = '1'
    },
    /at least 1/,
  ],
  [
    'an end with an offset',
    'root',
    signed => {
      signed.expires = '2027-01-01T00:00:00+01:00'
    },
    /whole seconds in UTC/,
  ],
  [
    'an end with fractions',
    'root',
    signed => {
      signed.expires = '2027-01-01T00:00:00.5Z'
    },
    /whole seconds in UTC/,
  ],
  [
    'an end that does not exist',
    'root',
    signed => {
      signed.expires = '2027-02-30T00:00:00Z'
    },
    /whole seconds in UTC/,
  ],
  [
    'no consistent snapshot',
    'root',
    signed => {
      signed.consistent_snapshot = false
    },
    /must be true/,
  ],
  [
    'a threshold of zero',
    'root',
    signed => {
      signed.roles.root.threshold = 0
    },
    /at least 1/,
  ],
  [
    'a threshold that cannot be met',
    'root',
    signed => {
      signed.roles.root.threshold = 3
    },
    /3 signatures are needed of 2/,
  ],
  [
    'no keys in a role',
    'root',
    signed => {
      signed.roles.root.keyids = []
    },
    /names no key/,
  ],
  [
    'a key id twice in a role',
    'root',
    signed => {
      signed.roles.root.keyids = [id(ALICE), id(ALICE)]
    },
    /names a key twice/,
  ],
  [
    'an unknown key id',
    'root',
    signed => {
      signed.roles.root.keyids.push('0'.repeat(64))
    },
    /not among the keys/,
  ],
  [
    'one raw key under two key ids',
    'root',
    signed => {
      signed.keys['0'.repeat(64)] = plain(ALICE)
      signed.roles.root.keyids.push('0'.repeat(64))
    },
    /is not the SHA-256 of its key/,
  ],
  [
    'one raw key under two key ids, by another field',
    'root',
    signed => {
      signed.keys[id(ALICE)].note = 'x'
    },
    /unknown field "note"/,
  ],
  [
    'an RSA key',
    'root',
    signed => {
      signed.keys[id(ALICE)].keytype = 'rsa'
    },
    /only ed25519/,
  ],
  [
    'a role that TUF does not have',
    'root',
    signed => {
      signed.roles.mirrors = signed.roles.root
    },
    /unknown field "mirrors"/,
  ],
  [
    'a missing role',
    'root',
    signed => {
      delete signed.roles.snapshot
    },
    /"snapshot" is missing/,
  ],
  [
    'a target above its directory',
    'targets',
    signed => {
      signed.targets['../x'] = FILE
    },
    /not a safe path/,
  ],
  [
    'an absolute target',
    'targets',
    signed => {
      signed.targets['/x'] = FILE
    },
    /not a safe path/,
  ],
  [
    'a target with an escape',
    'targets',
    signed => {
      signed.targets['a%2fb'] = FILE
    },
    /not a safe path/,
  ],
  [
    'a target with a backslash',
    'targets',
    signed => {
      signed.targets['a\\b'] = FILE
    },
    /not a safe path/,
  ],
  [
    'a target without SHA-256',
    'targets',
    signed => {
      signed.targets['list.json'] = { length: 1, hashes: { sha512: 'ab'.repeat(64) } }
    },
    /"sha256" is missing/,
  ],
  [
    'a target of endless length',
    'targets',
    signed => {
      signed.targets['list.json'].length = 2 ** 40
    },
    /integer from 0/,
  ],
  [
    'a team that speaks for all',
    'targets',
    signed => {
      signed.delegations.roles[0].paths = ['*']
    },
    /must be below teams\/gnome/,
  ],
  [
    'a team that speaks for another',
    'targets',
    signed => {
      signed.delegations.roles[0].paths = ['teams/kde/*']
    },
    /must be below teams\/gnome/,
  ],
  [
    'a team that climbs',
    'targets',
    signed => {
      signed.delegations.roles[0].paths = ['teams/gnome/../*']
    },
    /must be below teams\/gnome/,
  ],
  [
    'a role with an unsafe name',
    'targets',
    signed => {
      signed.delegations.roles[0].name = '../root'
    },
    /must be team-NAME/,
  ],
  [
    'a role with the name of another',
    'targets',
    signed => {
      signed.delegations.roles[0].name = 'timestamp'
    },
    /must be team-NAME/,
  ],
  [
    'a team twice',
    'targets',
    signed => {
      signed.delegations.roles.push(signed.delegations.roles[0])
    },
    /names a role twice/,
  ],
  [
    'hash prefixes',
    'targets',
    signed => {
      signed.delegations.roles[0].path_hash_prefixes = ['ab']
    },
    /paths alone/,
  ],
  [
    'hash bins',
    'targets',
    signed => {
      signed.delegations.succinct_roles = {}
    },
    /hash bins/,
  ],
  [
    'a delegation by a team',
    'team',
    signed => {
      signed.delegations = structuredClone(TARGETS.delegations)
    },
    /does not delegate on/,
  ],
  [
    'a snapshot without targets',
    'snapshot',
    signed => {
      signed.meta = {}
    },
    /targets\.json is missing/,
  ],
  [
    'a snapshot of an unsafe role',
    'snapshot',
    signed => {
      signed.meta['../x.json'] = { version: 1 }
    },
    /neither targets\.json/,
  ],
  [
    'a timestamp of two files',
    'timestamp',
    signed => {
      signed.meta['x.json'] = { version: 1 }
    },
    /unknown field "x\.json"/,
  ],
]

for (const [what, kind, change, why] of REFUSED) {
  test(`attack: ${kind} metadata with ${what} is refused`, () => {
    const signed = structuredClone(VALID[kind])
    change(signed)
    assert.throws(() => read(kind, signed), why)
  })
}

test('attack: metadata that two readers understand differently is refused', () => {
  const text = (end: string) =>
    Buffer.from(`{"signed":${JSON.stringify(TIMESTAMP).slice(0, -1)}${end}},"signatures":[]}`)
  assert.throws(() => parseMetadata(text(',"version":9'), 'timestamp'), /key "version" is repeated/)
  assert.throws(() => parseMetadata(text(',"x":1.5'), 'timestamp'), /not a plain integer/)
  assert.throws(
    () => parseMetadata(text(`,"x":${'['.repeat(20)}${']'.repeat(20)}`), 'timestamp'),
    /nested deeper/,
  )
  assert.throws(() => parseMetadata(Buffer.alloc(16 * 1024 + 1, 32), 'timestamp'), /longer than 16384 bytes/)
})

test('attack: keys with which everybody can sign are refused', () => {
  const identity = new Uint8Array(32)
  identity[0] = 1
  for (const weak of [identity, new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    const signed = structuredClone(ROOT)
    const weakKey = { publicKey: weak }
    signed.keys[id(weakKey)] = plain(weakKey)
    assert.throws(() => read('root', signed), /anybody could sign for it/)
  }
})

const sign = (key: { secretKey: Uint8Array; publicKey: Uint8Array }, signed: Loose) => ({
  keyid: id(key),
  sig: toHex(
    signEd25519(
      canonicalJson(parseStrictJson(JSON.stringify(signed), { length: 1e6, depth: 9 })),
      key.secretKey,
    ),
  ),
})

test('a threshold is met by signatures of that many keys, each once', () => {
  const root = parseMetadata(bytes(ROOT), 'root').signed
  const by = (...signatures: Loose[]) =>
    signedBy(parseMetadata(bytes(ROOT, signatures), 'root'), root.roles.root, root.keys)
  assert.equal(by(sign(ALICE, ROOT), sign(BOB, ROOT)).isMet, true)
  assert.equal(by(sign(ALICE, ROOT)).isMet, false)
  assert.deepEqual(by(sign(ALICE, ROOT), sign(CAROL, ROOT)), {
    by: [id(ALICE)],
    bad: [],
    threshold: 2,
    isMet: false,
  })
})

test('attack: a signature over other metadata does not count', () => {
  const root = parseMetadata(bytes(ROOT), 'root').signed
  const signatures = [sign(ALICE, ROOT), sign(BOB, { ...ROOT, version: 2 })]
  const { by, bad, isMet } = signedBy(
    parseMetadata(bytes(ROOT, signatures), 'root'),
    root.roles.root,
    root.keys,
  )
  assert.deepEqual({ by, bad, isMet }, { by: [id(ALICE)], bad: [id(BOB)], isMet: false })
})

test('attack: two signatures by one raw key under two key ids do not meet a threshold of two', () => {
  const keys = new Map([
    [id(ALICE), ALICE.publicKey],
    ['0'.repeat(64), ALICE.publicKey],
  ])
  const signatures = [sign(ALICE, ROOT), { ...sign(ALICE, ROOT), keyid: '0'.repeat(64) }]
  const metadata = parseMetadata(bytes(ROOT, signatures), 'root')
  const { by, isMet } = signedBy(metadata, { keyids: [...keys.keys()], threshold: 2 }, keys)
  assert.deepEqual({ by, isMet }, { by: [id(ALICE)], isMet: false })
  assert.throws(
    () => parseMetadata(bytes(ROOT, [sign(ALICE, ROOT), sign(ALICE, ROOT)]), 'root'),
    /two signatures by one key id/,
  )
})

test("canonical JSON is that of TUF's own library", () => {
  const { canonicalize } = createRequire(import.meta.url)('@tufjs/canonical-json')
  const text = fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u0001', 'a', 'Z', 'é', '\u2028', '😀') })
  const key = fc.string({ unit: fc.constantFrom('"', '\\', '\n', 'a', 'Z', 'é', '\uffff'), maxLength: 4 })
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }))
  fc.assert(
    fc.property(tree, value => {
      const json = JSON.stringify(value, (_, each) => (Object.is(each, -0) ? 0 : each))
      const ours = canonicalJson(parseStrictJson(json, { length: 1e6, depth: 20 }))
      assert.equal(Buffer.from(ours).toString(), canonicalize(JSON.parse(json)))
    }),
  )
})
