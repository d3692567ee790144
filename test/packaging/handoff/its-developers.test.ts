// Whom a hand-off tries for one source, and what it says of whom a list names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStorePath } from '../../../src/formats/nix/store-path.ts'
import { keysToTry } from '../../../src/packaging/handoff/check-all.ts'
import type { CheckedSource } from '../../../src/packaging/handoff/checked-source.ts'
import { developersWord } from '../../../src/packaging/handoff/its-developers.ts'
import type { Source } from '../../../src/packaging/handoff/sources.ts'
import { bookOf, DAY, entry, keyOf, policyWith, type Said } from '../../policy/lists/books.ts'
import { identityOf, NOW, PATH } from '../../policy/policies.ts'

const ALICE = '[principals]\nalice.keys = ["KEY(alice-1)"]\n'
const LIST = '[lists.debian]\nurl = "/srv/debian"\nroles = ["developer"]\n'
const ASKS = '[default]\nrequire = { source = { developer = "its-developers" }, '
const ASKS_NOT = '[default]\nrequire = { source = "alice", '
const SAYS: Said = {
  principals: { 'debian/reuben': ['reuben-1'], 'debian/other': ['other-1'] },
  developers: [entry('debian/hello', ['debian/reuben'], { names: ['hello-*'] })],
}
const SOURCE: Source = { path: parseStorePath(PATH), kind: 'fetched-source', urls: [], declared: [] }

function wordOf(toml: string, said: Said | null = SAYS, now = NOW) {
  const text = `version = 1\nmode = "enforce"\n${toml}derivation = "nothing", output = "refuse" }\n`
  return developersWord(policyWith(text, said === null ? {} : { debian: bookOf(said) }), now)
}

function notes(word: ReturnType<typeof wordOf>, state: CheckedSource['state'] = 'unsigned') {
  return word.notesOn({ source: SOURCE, state, status: 10, results: [], asked: [], notes: [] })
}

function keys(word: ReturnType<typeof wordOf>): readonly string[] {
  return word.keysFor(SOURCE).map(({ identity }) => identity)
}

test('the keys of whom a list names count for this source where the policy asks for them', () => {
  assert.deepEqual(keys(wordOf(ALICE + LIST + ASKS)), ['alice-1', 'reuben-1'].map(identityOf))
  assert.deepEqual(keys(wordOf(ALICE + LIST + ASKS_NOT)), [identityOf('alice-1')])
  const ended = wordOf(ALICE + LIST + ASKS, SAYS, NOW + 2 * DAY)
  assert.deepEqual(keys(ended), [identityOf('alice-1')])
})

test('a source without a known key: the entry of a list is offered, and what asks for it', () => {
  assert.deepEqual(notes(wordOf(ALICE + LIST + ASKS_NOT)), [
    'list debian names debian/reuben for it; require.source = { developer = "its-developers" } would ask for it',
  ])
  assert.deepEqual(notes(wordOf(ALICE + LIST + ASKS_NOT), 'signed'), [])
  assert.deepEqual(notes(wordOf(ALICE + LIST + ASKS_NOT, SAYS, NOW + 2 * DAY)), [])
  assert.deepEqual(notes(wordOf(ALICE + LIST + ASKS_NOT, {})), [])
  const own = `${ALICE}[developers.hello]\nnames = ["hello-*"]\nby = "alice"\n`
  assert.match(notes(wordOf(own + LIST + ASKS_NOT)).join(), /^your \[developers\] names alice for it;/)
})

test('where the policy asks for its developers, they are named, or why there are none', () => {
  assert.deepEqual(notes(wordOf(ALICE + LIST + ASKS)), ['your policy asks for its developers, debian/reuben'])
  assert.match(notes(wordOf(ALICE + LIST + ASKS, {})).join(), /nothing names one of hello-2\.12\.tar\.gz/)
  assert.match(
    notes(wordOf(ALICE + LIST + ASKS, null)).join(),
    /the list debian is not here .*nixsig trust update debian/,
  )
})

test('attack: a key of a list that the policy revokes does not come back by being named', () => {
  const text = `version = 1\nmode = "enforce"\n${ALICE}${LIST}${ASKS}derivation = "nothing", output = "refuse" }
[[revocations]]\nkey = "KEY(reuben-1)"\ndate = 2020-01-01\n`
  const policy = policyWith(text, { debian: bookOf(SAYS) })
  assert.throws(() => keysToTry(policy, [keyOf('reuben-1')], NOW), /is revoked by your policy/)
  assert.deepEqual(
    keysToTry(policy, [keyOf('other-1')], NOW).named.map(({ identity }) => identity),
    [identityOf('other-1')],
  )
})
