// A list's table in the text of a policy: everything else stays as it stands.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linesNaming, withoutList, withUpdates } from '../../src/setup/lists-in-policy.ts'

const POLICY = `version = 1 # "debian/x" in a comment of its own line does not count
# "debian/y"
[groups.people]
members = ["debian/libmd", 'debian/libbsd', "debian-security/x"]

# The list of Debian
[lists.debian]
url = "https://lists.example.org/debian" # where it is
roles = ["developer"]
  updates = "ask"

[lists.other]
url = "/srv/list"
roles = ["developer"]
`

test('updates is changed, or added, in the table of that list alone', () => {
  assert.equal(
    withUpdates(POLICY, 'debian', 'pinned'),
    POLICY.replace('  updates = "ask"', 'updates = "pinned"'),
  )
  assert.equal(
    withUpdates(POLICY, 'other', 'auto'),
    POLICY.replace('[lists.other]', '[lists.other]\nupdates = "auto"'),
  )
  assert.equal(withUpdates(POLICY, 'third', 'auto'), undefined)
  assert.equal(withUpdates('lists.debian = { url = "/a", roles = [] }', 'debian', 'auto'), undefined)
})

test('the table goes with the comment above it', () => {
  const left = withoutList(POLICY, 'debian') ?? assert.fail()
  assert.doesNotMatch(left, /lists\.debian|The list of Debian|updates/)
  assert.match(left, /\[groups\.people\]\nmembers[^\n]*\n\n\[lists\.other\]/)
})

test('lines that name somebody of a list are found', () => {
  assert.deepEqual(
    linesNaming(POLICY, 'debian').map(({ line }) => line),
    [1, 4],
  )
  assert.deepEqual(linesNaming(POLICY, 'other'), [])
})
