import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseOpenPgpGitPolicy, RIGHTS, VOID_POLICY } from '../../src/formats/openpgp-git-policy.ts'

const read = (text: string) => parseOpenPgpGitPolicy(Buffer.from(text))
const ENTRY = '[authorization.alice]\nkeyring = "k"\n'

describe('openpgp-policy.toml', () => {
  it('says who may do what, and which commits are good', () => {
    const id = '0123456789abcdef0123456789abcdef01234567'
    const rights = RIGHTS.map(right => `${right} = true\n`).join('')
    const policy = read(
      `version = 0\ncommit_goodlist = ["${id}"]\n${ENTRY}${rights}\n[authorization."Bob <b@c>"]\naudit = false\nkeyring = ""`,
    )
    assert.deepEqual([...policy.goodlist], [id])
    assert.deepEqual([...(policy.authorizations.get('alice')?.rights ?? [])], [...RIGHTS])
    assert.equal(policy.authorizations.get('Bob <b@c>')?.rights.size, 0)
    assert.equal(policy.authorizations.get('alice')?.keyring, 'k')
  })

  it('authorizes nobody if it is empty', () => {
    assert.deepEqual(read(''), VOID_POLICY)
  })

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['another version', 'version = 1', /only version 0/],
    ['a version that is a text', 'version = "0"', /only version 0/],
    ['an unknown key', 'quorum = 2', /unknown key quorum/],
    ['an unknown right', `${ENTRY}sign_release = true`, /unknown key sign_release \(authorization\.alice\)/],
    ['a right that is neither true nor false', `${ENTRY}audit = 1`, /audit is neither true nor false/],
    ['a right twice', `${ENTRY}audit = false\naudit = true`, /not TOML/],
    ['an entry without certificates', '[authorization.alice]\naudit = true', /keyring is not a text/],
    ['an entry that is not a table', 'authorization = 3', /not a table/],
    ['a short id', 'commit_goodlist = ["abc"]', /whole id of a commit \(commit_goodlist\[0\]\)/],
    ['a goodlist that is not a list', 'commit_goodlist = "x"', /not a list/],
    ['an invisible character in a name', '"a\\u202eb" = 1', /unknown key a\\u\{202e\}b/],
  ]
  for (const [what, text, reason] of refused) {
    it(`is malformed with ${what}`, () => {
      assert.throws(() => read(text), { name: 'FormatError', message: reason })
    })
  }
})
