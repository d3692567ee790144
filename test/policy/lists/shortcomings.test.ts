import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lackOf } from '../../../src/policy/lack.ts'
import type { Book } from '../../../src/policy/lists/book.ts'
import { listShortcomings } from '../../../src/policy/lists/shortcomings.ts'
import { policyDifference } from '../../../src/reach/policy-difference.ts'
import { revokedTarget } from '../../../src/reach/revocation.ts'
import { smallestFor } from '../../../src/reach/smallest.ts'
import { identityOf, NOW, nixKeyOf, SOURCE } from '../policies.ts'
import { bookOf, DAY, entry, policyWith, type Said } from './books.ts'

const HEAD = 'version = 1\nmode = "enforce"\n'
const LIST = '[lists.debian]\nurl = "/srv/debian"\nroles = ["developer"]\n'
const ITS =
  '[default]\nrequire = { source = { developer = "its-developers" }, derivation = "nothing", output = "refuse" }\n'
const SAYS: Said = {
  principals: { 'debian/reuben': ['reuben-1'] },
  groups: { 'debian/all': { members: ['debian/reuben'], threshold: 1 } },
  developers: [entry('debian/hello', ['debian/reuben'])],
}

function said(toml: string, book: Book | null = bookOf(SAYS), now = NOW) {
  const policy = policyWith(HEAD + toml, book === null ? {} : { debian: book })
  return listShortcomings(policy, now).map(({ line, code, message }) => `${line} ${code}: ${message}`)
}

test('a policy is warned of names that the book of a list lacks, each once', () => {
  const more = `[groups]\nsome = { members = ["debian/reuben", "debian/all", "debian/x"], threshold = 1 }
[developers.a]\nnames = ["a"]\nby = "debian/x"\n`
  const found = said(`${more}${LIST}${ITS}[[revocations]]\nprincipal = "debian/y"\ndate = 2020-01-01\n`)
  assert.deepEqual(found, [
    'null list-lacks-name: the list debian (version 1) has nobody called debian/x (group some), so nobody is meant by it; take it out, or write the name as the list does: nixsig trust show debian',
    '13 list-lacks-name: the list debian (version 1) has nobody called debian/y (a revocation), so it revokes nobody now; make sure that the name is written as the list writes it',
  ])
})

test('a policy is warned of a list without a book, that ended, or whose book cannot be read', () => {
  assert.match(
    said(LIST + ITS, null).join(),
    /^3 list-missing: \[lists\.debian\] has no state here \(never updated\), .*nixsig trust update debian$/,
  )
  assert.match(
    said(`${LIST}grace = 1\n${ITS}`, bookOf(SAYS), NOW + 2 * DAY).join(),
    /^3 list-ended: the list debian ended \S+ and its grace \S+, .*nixsig trust update debian$/,
  )
  assert.deepEqual(said(`${LIST}grace = 1\n${ITS}`, bookOf(SAYS), NOW + 2 * DAY - 1), [])
  const broken: Book = {
    ...bookOf(SAYS),
    principal: () => {
      throw new Error('damaged\u001b[2J')
    },
  }
  const group = '[groups]\nsome = { members = ["debian/x"], threshold = 1 }\n'
  assert.match(
    said(group + LIST + ITS, broken).join(),
    /debian\/x .* cannot be looked up: damaged\\u\{1b\}\[2J/,
  )
})

test('a policy that trusts nobody but a list is one to enforce', () => {
  assert.equal(lackOf(policyWith(HEAD + LIST + ITS, {})), undefined)
  const nobody = '[default]\nrequire = { source = "refuse", derivation = "nothing", output = "refuse" }\n'
  assert.match(lackOf(policyWith(HEAD + nobody, {})) ?? '', /trusts nobody/)
})

test('what another state of a list changes is a difference of policies, and where it stands is none', () => {
  const policy = (book: Book, toml = LIST + ITS) => policyWith(HEAD + toml, { debian: book })
  const one = policy(bookOf(SAYS))
  assert.deepEqual(policyDifference(one, policy(bookOf({ ...SAYS, ends: NOW + 9 * DAY }))), [])
  assert.deepEqual(policyDifference(one, policy(bookOf(SAYS), `# moved\n${LIST}${ITS}`)), [])
  const parts = (other: ReturnType<typeof policy>) => policyDifference(one, other).map(({ part }) => part)
  assert.deepEqual(parts(policy(bookOf({ ...SAYS, digest: 'cd'.repeat(32) }))), ['lists', 'lists'])
  assert.deepEqual(parts(policy(bookOf(SAYS), `${LIST}grace = 3\n${ITS}`)), ['lists', 'lists'])
  const own = '[developers.a]\nnames = ["a"]\nby = "debian/reuben"\n'
  assert.deepEqual(parts(policy(bookOf(SAYS), own + LIST + ITS)), ['developers'])
})

test('people and keys of lists can be revoked by their names and keys', () => {
  const policy = policyWith(HEAD + LIST + ITS, { debian: bookOf(SAYS) })
  const target = (text: string, of = policy) => {
    const found = revokedTarget(of, text)
    return 'problem' in found ? found.problem : `${found.field} ${[...found.keys].join()}`
  }
  assert.equal(target('debian/reuben'), `principal = "debian/reuben" ${identityOf('reuben-1')}`)
  assert.match(target(nixKeyOf('reuben-1')), /^key = "\S+" ed25519:[0-9a-f]{64}$/)
  assert.match(target('debian/all'), /is a group: revoke its members one by one \(debian\/reuben\)/)
  assert.match(target('debian/x'), /the list debian has nobody called debian\/x/)
  assert.equal(target('debian/x', policyWith(HEAD + LIST + ITS, {})), 'principal = "debian/x" ')
  assert.match(target('debian/"\nx', policyWith(HEAD + LIST + ITS, {})), /is neither a principal/)
})

test('whom a list names for a source is who is wanted to sign it', () => {
  const policy = policyWith(HEAD + LIST + ITS, { debian: bookOf(SAYS) })
  const wanted = (now: number) => smallestFor(policy, { subject: SOURCE, claims: [] }, now).signatures
  assert.deepEqual(wanted(NOW), [{ who: 'debian/reuben', role: 'developer', path: SOURCE.path }])
  assert.equal(wanted(NOW + 2 * DAY), undefined)
})
