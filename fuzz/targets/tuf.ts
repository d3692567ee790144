/**
 * TUF as a subscriber reads it: metadata, the chain of roots, the floor, and whole updates from a
 * server that changes what keepers signed.
 */
import { strict as assert } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { FileError } from '../../src/files/regular-file.ts'
import { canonicalJson } from '../../src/formats/lists/canonical-json.ts'
import { TEAM_ROLE } from '../../src/formats/lists/names.ts'
import { isTargetPath } from '../../src/formats/lists/target-path.ts'
import { tufKeyId } from '../../src/formats/lists/tuf-keys.ts'
import { parseMetadata } from '../../src/formats/lists/tuf-metadata.ts'
import type { MetadataKind, TufSigned } from '../../src/formats/lists/tuf-signed.ts'
import { signedBy } from '../../src/formats/lists/tuf-threshold.ts'
import { type Floor, parseFloor } from '../../src/lists/tuf/floor.ts'
import { readFirstRoot, readNextRoot } from '../../src/lists/tuf/root-chain.ts'
import { beginTrust, readNewest } from '../../src/lists/tuf/update.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { toHex } from '../../src/primitives/hex.ts'
import { sha256 } from '../../src/primitives/sodium.ts'
import { keyCalled, memoryStore, Simulator } from '../../test/support/lists/simulator.ts'
import { formatTarget, refusalOf, type Target, textOf } from '../target.ts'

const ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const

/** A list with a team, and its second state. */
function publishedTwice(): Simulator {
  const repo = new Simulator()
  repo.give('root', ['alice', 'bob'], 2)
  repo.publish('root')
  repo.team('gnome', ['dora'])
  repo.publish('team-gnome', ...ROLES)
  return repo
}

const REPO = publishedTwice()
REPO.hashes = true
REPO.publish(...ROLES)
const served = (path: string) => REPO.files.get(path) ?? assert.fail(path)

const TOKENS: readonly string[] = [
  '{"signed":',
  '"signatures":[',
  '"keyid":"',
  '"sig":"',
  '"version":',
  '"expires":"2099-01-01T00:00:00Z"',
  '"threshold":0',
  '"keyids":[',
  '"hashes":{',
  '"length":',
  '"delegations":{',
  '"paths":["*"]',
  '"team-kde.json":{"version":1}',
  '9007199254740993',
  '1.0',
  '-0',
  'null',
  'true',
  '\\u0000',
  '\ud83d\ude00',
  '../',
  keyCalled('alice').id,
  keyCalled('mallory').id,
  ',',
  '}',
  ']',
]

/** What holds for everything that is read, whoever signed it. */
function assertSound(signed: TufSigned): void {
  assert.ok(Number.isSafeInteger(signed.version) && signed.version >= 1)
  if (signed.type === 'root') {
    for (const [id, key] of signed.keys) assert.equal(tufKeyId(key), id)
    for (const role of ROLES) {
      const { keyids, threshold } = signed.roles[role]
      const keys = new Set(keyids.map(id => toHex(signed.keys.get(id) ?? assert.fail('an unknown key'))))
      assert.ok(threshold >= 1 && threshold <= keys.size, 'a threshold that fewer people can meet')
    }
  }
  if (signed.type === 'targets') {
    for (const path of signed.targets.keys()) assert.ok(isTargetPath(path))
    for (const { name, paths } of signed.delegations)
      for (const path of paths) assert.ok(path.startsWith(`teams/${name.slice('team-'.length)}/`))
  }
  if (signed.type === 'snapshot')
    for (const role of signed.meta.keys()) assert.ok(role === 'targets' || TEAM_ROLE.test(role))
}

function metadataTarget(kind: MetadataKind, path: string): Target {
  return formatTarget({
    name: `TUF ${kind}`,
    seeds: [served(path)],
    tokens: TOKENS,
    read: input => parseMetadata(input, kind),
    also: ({ signed, json, message }) => {
      assertSound(signed)
      assert.deepEqual(canonicalJson(json), message)
      // What is signed means the same when it is written canonically.
      const again = parseMetadata(Buffer.from(`{"signed":${textOf(message)},"signatures":[]}`), kind)
      assert.ok(isDeepStrictEqual(again.signed, signed), 'canonical JSON reads as something else')
    },
  })
}

/** A root that follows: only what the keepers of the root before have signed. */
const CHAIN: Target = {
  name: 'TUF root chain',
  seeds: [served('metadata/2.root.json'), served('metadata/3.root.json')],
  tokens: TOKENS,
  check: input => {
    const first = readFirstRoot(served('metadata/1.root.json')).signed
    try {
      const next = readNextRoot(first, input)
      assert.equal(next.signed.version, 2)
      assert.ok(signedBy(next, first.roles.root, first.keys).isMet)
      assert.ok(signedBy(next, next.signed.roles.root, next.signed.keys).isMet)
      assert.deepEqual(
        next.message,
        parseMetadata(served('metadata/2.root.json'), 'root').message,
        'a forged root',
      )
      return 'accepted'
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}

const FLOORS = floors()

function floors(): readonly Uint8Array[] {
  const mark = (role: string, source: string, by: object, more: object = {}) => ({
    role,
    version: 7,
    source,
    by,
    ...more,
  })
  const [a, b] = [keyCalled('alice').id, keyCalled('bob').id]
  const marks = [
    mark('timestamp', 'timestamp', { [a]: 7, [b]: 5 }, { digest: '0'.repeat(64) }),
    mark('snapshot', 'timestamp', { [a]: 7 }),
    mark('snapshot', 'snapshot', { [b]: 9 }, { superseded: true }),
    mark('team-gnome', 'snapshot', { [a]: 7 }),
  ]
  return [marks, []].map(each =>
    Buffer.from(JSON.stringify({ format: 'nixsig-tuf-floor-1', seen: 1, marks: each })),
  )
}

/** Whatever comes later, what was seen before stays below. */
function assertRises(floor: Floor): void {
  const roles = ['timestamp', 'snapshot', 'targets', 'team-gnome']
  const allows = (each: Floor, role: string, version: number) => {
    try {
      each.assertNotBelow(role, version)
      return true
    } catch (error) {
      refusalOf(error, [FormatError])
      return false
    }
  }
  const later = floor.at(2 ** 40).withNamed('snapshot', [['targets', 8]], [keyCalled('alice').id])
  for (const role of roles) {
    for (const version of [1, 5, 7, 8, 10])
      if (!allows(floor, role, version) && !(role === 'targets' && version >= 8))
        assert.ok(!allows(later, role, version), `${role} ${version} comes back`)
    assert.ok(allows(floor, role, Number.MAX_SAFE_INTEGER) || !allows(floor, role, 2 ** 52))
  }
  assert.ok(later.seen >= floor.seen)
}

/** One file of a server is changed: an update brings what keepers signed, or nothing. */
function updates(changed: string): Target {
  const repo = publishedTwice()
  const path = repo.path(changed)
  const served = (each: string) => repo.files.get(each) ?? assert.fail(each)
  const signed = new Map(ROLES.map(role => [role, parseMetadata(served(repo.path(role)), role).message]))
  return {
    name: `TUF update with another ${changed}`,
    isSlow: true,
    seeds: [served(path)],
    tokens: TOKENS,
    check: async input => {
      const store = memoryStore()
      const source = {
        read: async (asked: string, limit: number) => {
          const bytes = asked === path ? input : repo.files.get(asked)
          if (bytes !== undefined && bytes.length > limit) throw new FileError('too large')
          return bytes
        },
      }
      await beginTrust(store, source, { sha256: toHex(sha256(served('metadata/1.root.json'))) })
      try {
        const newest = await readNewest(store, source, repo.now)
        newest.accept()
        for (const role of ['snapshot', 'targets', 'timestamp'] as const) {
          const kept = store.files.get(repo.path(role)) ?? assert.fail(`there is no ${role}`)
          assert.deepEqual(parseMetadata(kept, role).message, signed.get(role), `a forged ${role}`)
        }
        return 'accepted'
      } catch (error) {
        return refusalOf(error, [FormatError, FileError])
      } finally {
        // What was remembered can be read again, whatever became of the update.
        const floor = store.files.get('floor')
        if (floor !== undefined) assert.equal(parseFloor(floor).print(), textOf(floor))
      }
    },
  }
}

export const TUF: readonly Target[] = [
  metadataTarget('root', 'metadata/3.root.json'),
  metadataTarget('targets', REPO.path('targets')),
  metadataTarget('team', REPO.path('team-gnome')),
  metadataTarget('snapshot', REPO.path('snapshot')),
  metadataTarget('timestamp', REPO.path('timestamp')),
  CHAIN,
  formatTarget({
    name: 'TUF floor',
    seeds: FLOORS,
    tokens: [
      ...TOKENS,
      '"marks":[',
      '"role":"',
      '"source":"snapshot"',
      '"by":{',
      '"superseded":true',
      'team-gnome',
      'timestamp',
    ],
    read: parseFloor,
    print: floor => floor.print(),
    also: assertRises,
  }),
  ...['timestamp', 'snapshot', 'targets', 'team-gnome'].map(updates),
]
