import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LIST_LIMIT, type ListDocument, parseList } from '../../../src/formats/lists/document.ts'
import { printList } from '../../../src/formats/lists/print-document.ts'
import { anyList, LIST } from '../../support/lists/documents.ts'

const read = (value: unknown, part: 'list' | 'team' = 'list') =>
  parseList(Buffer.from(JSON.stringify(value)), part)

test('a list is read whole', () => {
  const list = read(LIST)
  assert.equal(list.name, 'debian')
  assert.deepEqual([...list.principals.keys()], ['alice', 'bob'])
  assert.deepEqual(list.principals.get('bob')?.keys[1], {
    openpgp: 'A'.repeat(40),
    certificate: `certificates/${'A'.repeat(40)}.pgp`,
  })
  assert.deepEqual(list.groups.get('packagers'), { members: ['alice', 'bob'], threshold: 2 })
  assert.equal(list.developers.get('libmd')?.provenance[0]?.archiveKey, 'B'.repeat(40))
  assert.equal(list.revocations[0]?.date, Date.UTC(2026, 4, 1) / 1000)
  assert.deepEqual(list.teams.get('gnome'), { names: ['gnome-*'], urls: [] })
})

test('what is printed is read back the same, in one spelling', () => {
  const list = read(LIST)
  const printed = printList(list)
  assert.deepEqual(printList(parseList(printed, 'list')), printed)
  fc.assert(
    fc.property(anyList(), (list: ListDocument) => {
      const printed = printList(list)
      const again = parseList(printed, 'list')
      assert.deepEqual(sorted(again), sorted(list))
      assert.deepEqual(Buffer.from(printList(again)).toString(), Buffer.from(printed).toString())
    }),
  )
})

/** Maps have no order that anything depends on. */
function sorted(list: ListDocument): unknown {
  const map = <T>(entries: ReadonlyMap<string, T>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
  const { principals, groups, developers, teams } = list
  // Random records have no prototype; their copies have one.
  return structuredClone({
    ...list,
    principals: map(principals),
    groups: map(groups),
    developers: map(developers),
    teams: map(teams),
  })
}

test('attack: a list that two readers could understand differently is refused', () => {
  const refused = (text: string, why: RegExp) =>
    assert.throws(() => parseList(Buffer.from(text), 'list'), why)
  refused('{"format":"nixsig-list-1","format":"nixsig-list-1"}', /key "format" is repeated/)
  refused(JSON.stringify({ ...LIST, trust: 'all' }), /unknown field "trust"/)
  refused(JSON.stringify({ ...LIST, format: 'nixsig-list-2' }), /must be "nixsig-list-1"/)
  assert.throws(() => parseList(Buffer.alloc(LIST_LIMIT + 1), 'list'), /longer than/)
  assert.throws(() => parseList(Buffer.from([0xff]), 'list'), /not UTF-8/)
})

// biome-ignore lint/suspicious/noExplicitAny: each case breaks the form in its own way
type Loose = any

const changed = (change: (list: Loose) => void) => {
  const copy = structuredClone(LIST)
  change(copy)
  return copy
}

const REFUSED: readonly (readonly [string, (list: Loose) => void, RegExp])[] = [
  [
    'a name with a slash',
    list => {
      list.principals['a/b'] = list.principals.alice
    },
    /cannot be a name/,
  ],
  [
    'no keys',
    list => {
      list.principals.alice.keys = []
    },
    /at least one key/,
  ],
  [
    '65 keys',
    list => {
      list.principals.alice.keys = Array.from({ length: 65 }, (_, i) => `k${i}:x`)
    },
    /more than 64/,
  ],
  [
    'a key twice',
    list => {
      list.principals.alice.keys.push(list.principals.alice.keys[0])
    },
    /has a key twice/,
  ],
  [
    'a certificate elsewhere',
    list => {
      list.principals.bob.keys[1].certificate = 'certificates/../x'
    },
    /is not certificates/,
  ],
  [
    'an absolute certificate',
    list => {
      list.principals.bob.keys[1].certificate = '/etc/passwd'
    },
    /is not certificates/,
  ],
  [
    'an unknown member',
    list => {
      list.groups.packagers.members.push('mallory')
    },
    /"mallory" is not a principal/,
  ],
  [
    'a threshold that nobody meets',
    list => {
      list.groups.packagers.threshold = 3
    },
    /3 are needed of 2/,
  ],
  [
    'a threshold of zero',
    list => {
      list.developers.libmd.threshold = 0
    },
    /at least 1/,
  ],
  [
    'an entry above its people',
    list => {
      list.developers.libmd.threshold = 3
    },
    /3 are needed of 2/,
  ],
  [
    'an entry by nobody',
    list => {
      list.developers.libmd.by = []
    },
    /names nobody/,
  ],
  [
    'a group called like a principal',
    list => {
      list.groups.alice = list.groups.packagers
    },
    /name of a principal/,
  ],
  [
    'a standing of a list that vouches',
    list => {
      list.says = 'vouched'
    },
    /have a standing/,
  ],
  [
    'a day that does not exist',
    list => {
      list.developers.libmd.tried[0].date = '2026-02-30'
    },
    /must be a day/,
  ],
  [
    'a time that does not exist',
    list => {
      list.revocations[0].date = '2026-02-30T00:00:00Z'
    },
    /must be a time/,
  ],
  [
    'a revocation of two things',
    list => {
      list.revocations[0].key = 'x:y'
    },
    /needs one of/,
  ],
  [
    'a reason with a bidirectional override',
    list => {
      list.revocations[0].reason = 'a\u202eb'
    },
    /invisible/,
  ],
  [
    'a principal that a team could have',
    list => {
      list.principals['gnome.alice'] = { keys: ['x:y'] }
    },
    /team "gnome" could have/,
  ],
  [
    'a succession of a stranger',
    list => {
      list.succession[0].principal = 'mallory'
    },
    /not a principal/,
  ],
  [
    '33 globs',
    list => {
      list.developers.libmd.names = Array.from({ length: 33 }, (_, i) => `a${i}`)
    },
    /more than 32/,
  ],
  [
    'a glob with a slash',
    list => {
      list.developers.libmd.names = ['a/b']
    },
    /no name matches/,
  ],
]

for (const [what, change, why] of REFUSED) {
  test(`attack: a list with ${what} is refused`, () => {
    assert.throws(() => read(changed(change)), why)
  })
}

test("attack: a team's part that delegates on is refused", () => {
  assert.throws(() => read(LIST, 'team'), /a team has no teams/)
})
