import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exitCode } from '../../../src/policy/exit-code.ts'
import { findingWords } from '../../../src/policy/finding-words.ts'
import { judge } from '../../../src/policy/judge.ts'
import { listedKeys } from '../../../src/policy/key-standing.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import type { Book } from '../../../src/policy/lists/book.ts'
import { policyFor } from '../../../src/policy/lists/policy-for.ts'
import type { Policy } from '../../../src/policy/policy.ts'
import type { Claim, Subject } from '../../../src/policy/verdict.ts'
import { claimBy, evidenceOf, identityOf, NOW, SOURCE } from '../policies.ts'
import { bookOf, certifiedKeyOf, DAY, entry, keyOf, policyWith, type Said } from './books.ts'

const URL = 'https://ftp.gnu.org/gnu/hello/hello-2.12.tar.gz'
const FROM_GNU: Subject = { ...SOURCE, urls: [URL] }

const HEAD = `version = 1
mode = "enforce"
`
const REST = 'derivation = "nothing", output = "refuse" }\n'
const ITS = `[default]\nrequire = { source = { developer = "its-developers" }, ${REST}`
const LIST = '[lists.debian]\nurl = "https://lists.example.org/debian"\nroles = ["developer"]\n'

const HELLO: Said = {
  principals: { 'debian/reuben': ['reuben-1'], 'debian/other': ['other-1'] },
  developers: [
    entry('debian/hello', ['debian/reuben'], { names: ['hello-*'], urls: ['https://ftp.gnu.org/*'] }),
  ],
}

function signed(key: string, more: Partial<Claim> = {}): Claim {
  return claimBy(key, { role: 'developer', ...more })
}

function outcome(policy: Policy, claims: readonly Claim[], subject = FROM_GNU, now = NOW) {
  const verdict = judge(policy, subject, evidenceOf(claims), now)
  return verdict.outcome === 'trusted' ? 'trusted' : `${verdict.outcome} ${verdict.findings[0].code}`
}

function problemsOf(toml: string): readonly string[] {
  try {
    policyWith(HEAD + toml, {})
    return []
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    return error.problems.map(({ line, message }) => `${line}: ${message}`)
  }
}

test('S19: a source is trusted by whoever a list names for its name and address', () => {
  const policy = policyWith(HEAD + LIST + ITS, { debian: bookOf(HELLO) })
  assert.equal(outcome(policy, [signed('reuben-1')]), 'trusted')
  assert.equal(outcome(policy, [signed('other-1')]), 'untrusted unknown-signer')
  assert.equal(outcome(policy, []), 'untrusted unsigned')
  assert.equal(
    outcome(policy, [signed('reuben-1')], { ...SOURCE, urls: ['https://evil.example/'] }),
    'untrusted no-developer',
  )
  assert.equal(outcome(policy, [signed('reuben-1')], SOURCE), 'untrusted no-developer')
  const verdict = judge(policy, { ...SOURCE, name: 'x-1.tar.gz', urls: [URL] }, evidenceOf([]), NOW)
  assert.equal(exitCode(verdict), 10)
  assert.equal(
    verdict.outcome !== 'trusted' && findingWords(verdict.findings[0]),
    `needs its developers as developer for its source, and no list names a developer of x-1.tar.gz from ${URL} (asked debian)`,
  )
})

test('only the keys that entries name for a source are tried', () => {
  const policy = policyWith(`${HEAD}[principals]\nalice.keys = ["KEY(alice-1)"]\n${LIST}${ITS}`, {
    debian: bookOf(HELLO),
  })
  const keys = (subject: Subject) => listedKeys(policyFor(policy, subject)).map(({ identity }) => identity)
  assert.deepEqual(keys(FROM_GNU), [identityOf('alice-1'), identityOf('reuben-1')])
  assert.deepEqual(keys(SOURCE), [identityOf('alice-1')])
})

test('S19: own entries decide where one matches, and lists are not asked', () => {
  const own =
    '[principals]\nalice.keys = ["KEY(alice-1)"]\n[developers.hello]\nnames = ["hello-*"]\nby = "alice"\n'
  const policy = policyWith(HEAD + own + LIST + ITS, { debian: bookOf(HELLO) })
  assert.equal(outcome(policy, [signed('alice-1')]), 'trusted')
  assert.equal(outcome(policy, [signed('reuben-1')]), 'untrusted unknown-signer')
})

test('S22: a list that ended, and its grace, leaves undecided what needs it', () => {
  const policy = policyWith(`${HEAD}${LIST}grace = 2\n${ITS}`, { debian: bookOf(HELLO) })
  const end = NOW + 3 * DAY
  const verdict = judge(policy, FROM_GNU, evidenceOf([signed('reuben-1')]), end - 1)
  assert.equal(verdict.outcome === 'trusted' && verdict.until, end)
  const late = judge(policy, FROM_GNU, evidenceOf([signed('reuben-1')]), end)
  assert.equal(late.outcome, 'indeterminate')
  assert.equal(exitCode(late), 20)
  assert.match(
    late.outcome === 'indeterminate' ? findingWords(late.findings[0]) : '',
    /^the list debian ended 20\S+, and its grace 20\S+; its last good state is 4 days old \(\S+\): .*nixsig trust update debian/,
  )
  const missing = policyWith(HEAD + LIST + ITS, {})
  assert.equal(outcome(missing, [signed('reuben-1')]), 'indeterminate missing-list')
})

test('S22: a list that ended does not matter where a demand is met without it', () => {
  const toml = `${HEAD}[principals]\nalice.keys = ["KEY(alice-1)"]
[groups]\nany = { members = ["alice", "debian/reuben"], threshold = 1 }
${LIST}[default]\nrequire = { source = { developer = "any" }, ${REST}`
  const policy = policyWith(toml, { debian: bookOf({ ...HELLO, ends: NOW }) })
  assert.equal(outcome(policy, [signed('alice-1')]), 'trusted')
  assert.equal(outcome(policy, [signed('reuben-1')]), 'indeterminate ended-list')
})

test('what a policy says of lists is checked, each problem with its line', () => {
  assert.deepEqual(problemsOf(`${LIST}[default]\nrequire = { source = "debian/x", ${REST}`), [])
  assert.deepEqual(
    problemsOf(
      `${LIST}[default]\nrequire = { source = "nothing", derivation = { packager = "debian/x" }, output = "refuse" }\n`,
    ),
    [
      '7: default.require.derivation.packager: "debian/x" cannot speak here: the roles of [lists.debian] lack the role "packager"',
    ],
  )
  assert.match(
    problemsOf(`${LIST}[principals]\n"debian/x".keys = ["KEY(x)"]\n${ITS}`).join('\n'),
    /those of the list debian/,
  )
  assert.match(problemsOf(ITS).join('\n'), /needs \[developers\], or one of \[lists\]/)
  assert.match(
    problemsOf(`${LIST}[default]\nrequire = { source = "its-developers", ${REST}`).join('\n'),
    /stands in require.source alone/,
  )
  assert.match(
    problemsOf(
      `[principals]\nits-developers.keys = ["KEY(x)"]\n[default]\nrequire = { source = "nothing", ${REST}`,
    ).join('\n'),
    /reserved/,
  )
})

test('the digest has what a list says, and not when it ends', () => {
  const digest = (book: Record<string, Book>) => policyWith(HEAD + LIST + ITS, book).digest
  const [one, later, other, none] = [
    digest({ debian: bookOf(HELLO) }),
    digest({ debian: bookOf({ ...HELLO, ends: NOW + 9 * DAY }) }),
    digest({ debian: bookOf({ ...HELLO, digest: 'cd'.repeat(32) }) }),
    digest({}),
  ]
  assert.equal(one, later)
  assert.equal(new Set([one, other, none]).size, 3)
})

// What one person can do to be two: with each of these books somebody tries to fill two seats.
const TWO = `${HEAD}[principals]
alice.keys = ["KEY(alice-1)", "KEY(alice-2)"]
bob.keys = ["KEY(bob-1)"]
[groups]
both = { members = ["alice", "bob", "debian/x", "debian/y", "arch/x"], threshold = 2 }
${LIST}[lists.arch]\nurl = "/srv/arch"\nroles = ["developer"]
[default]\nrequire = { source = { developer = "both" }, ${REST}`

test('attack: a list that has a key of the user does not make two people of one', () => {
  const shared = bookOf({ principals: { 'debian/x': ['alice-1', 'x-1'] } })
  const policy = policyWith(TWO, { debian: shared, arch: bookOf({}) })
  assert.equal(outcome(policy, [signed('alice-1')]), 'untrusted threshold')
  assert.equal(outcome(policy, [signed('alice-1'), signed('x-1')]), 'untrusted threshold')
  assert.equal(outcome(policy, [signed('bob-1'), signed('x-1')]), 'trusted')
})

test('attack: a key hidden in an OpenPGP certificate of a list makes nobody two people', () => {
  const hidden = certifiedKeyOf('hidden', ['alice-1'])
  const policy = policyWith(TWO, {
    debian: bookOf({ principals: { 'debian/x': [hidden] } }),
    arch: bookOf({}),
  })
  const claims = [signed('alice-2'), signed('alice-1', { key: hidden.identity })]
  assert.equal(outcome(policy, claims), 'untrusted threshold')
  const { holds: _, ...unsaid } = hidden as Extract<typeof hidden, { kind: 'openpgp' }>
  const untold = bookOf({ principals: { 'debian/x': [unsaid] } })
  assert.equal(outcome(policyWith(TWO, { debian: untold, arch: bookOf({}) }), claims), 'untrusted threshold')
})

test('attack: a list that makes one of two people of the user takes no seat from them', () => {
  const merged = bookOf({ principals: { 'debian/x': ['alice-1', 'bob-1'] } })
  const policy = policyWith(TWO, { debian: merged, arch: bookOf({}) })
  assert.equal(outcome(policy, [signed('alice-1'), signed('bob-1')]), 'trusted')
  assert.equal(outcome(policy, [signed('bob-1')]), 'untrusted threshold')
})

test('attack: names and groups of a list that are not its own get nothing', () => {
  const names = [
    'alice',
    'self',
    'nothing',
    '__proto__',
    'arch/x',
    'debian/loop',
    'debian/zero',
    'debian/deep',
  ]
  for (const name of names) {
    const book = bookOf({
      principals: {
        alice: ['mallory-1'],
        self: ['mallory-1'],
        'arch/x': ['mallory-1'],
        nothing: ['mallory-1'],
      },
      groups: {
        'debian/loop': { members: ['debian/back'], threshold: 1 },
        'debian/back': { members: ['debian/loop', 'debian/m'], threshold: 1 },
        'debian/zero': { members: ['debian/m'], threshold: 0 },
        'debian/deep': { members: ['debian/m', 'alice', 'self'], threshold: 1 },
      },
      developers: [entry('debian/hello', [name])],
    })
    const policy = policyWith(`${HEAD}[principals]\nalice.keys = ["KEY(alice-1)"]\n${LIST}${ITS}`, {
      debian: book,
    })
    for (const key of ['mallory-1', 'alice-1'])
      assert.notEqual(outcome(policy, [signed(key)]), 'trusted', `${name} ${key}`)
  }
})

test('attack: names of a list with spaces, control characters and letters that look alike', () => {
  for (const name of [
    'debian/a b',
    'debian/a\nnixsig: trusted',
    'debian/\u001b[2Jx',
    'debian/r\u0435uben',
    'debi\u0430n/reuben',
    'debian//reuben',
    'debian/Reuben',
    'debian/',
    'debian/../arch/x',
    `debian/${'x'.repeat(101)}`,
    'debian/\0' + '0',
  ]) {
    const named = bookOf({ principals: { [name]: ['mallory-1'] }, developers: [entry(name, [name])] })
    const policy = policyWith(HEAD + LIST + ITS, { debian: named })
    const verdict = judge(policy, FROM_GNU, evidenceOf([signed('mallory-1')]), NOW)
    assert.notEqual(verdict.outcome, 'trusted', name)
    const group = bookOf({
      principals: { [name]: ['mallory-1'] },
      groups: { 'debian/g': { members: [name], threshold: 1 } },
      developers: [entry('debian/x', ['debian/g'])],
    })
    const grouped = judge(
      policyWith(HEAD + LIST + ITS, { debian: group }),
      FROM_GNU,
      evidenceOf([signed('mallory-1')]),
      NOW,
    )
    for (const one of [verdict, grouped]) {
      const words = one.outcome === 'trusted' ? ['trusted'] : one.findings.map(findingWords)
      for (const line of words) assert.match(line, /^(?!trusted)[ -~]+$/, name)
    }
  }
})

test('attack: a list for some names that has entries for all names', () => {
  const all = bookOf({
    principals: { 'debian/x': ['x-1'] },
    developers: [entry('debian/all', ['debian/x'], { names: ['*'] })],
  })
  const toml = `${HEAD}${LIST}names = ["gnome-*"]\n${ITS}`
  const policy = policyWith(toml, { debian: all })
  const verdict = judge(policy, FROM_GNU, evidenceOf([signed('x-1')]), NOW)
  const said = verdict.outcome === 'untrusted' ? findingWords(verdict.findings[0]) : verdict.outcome
  assert.match(
    said,
    /nothing names a developer of hello-2\.12\.tar\.gz .*\[lists\.debian\] may not speak of this name/,
  )
  const gnome = { ...FROM_GNU, name: 'gnome-shell-1.tar.gz' }
  assert.equal(outcome(policy, [signed('x-1')], gnome), 'trusted')
  assert.equal(
    outcome(policy, [signed('x-1')], { ...FROM_GNU, name: 'not-gnome-1' }),
    'untrusted no-developer',
  )
})

test('attack: a list that names a key of the user for a package of its own choice, or revokes it', () => {
  const own = '[principals]\nalice.keys = ["KEY(alice-1)"]\n'
  const book = bookOf({
    principals: { 'debian/x': ['alice-1'] },
    developers: [entry('debian/e', ['debian/x'])],
    revocations: [
      { target: { key: identityOf('alice-1') }, from: 0 },
      { target: { principal: 'alice' }, from: 0 },
    ],
  })
  const needs = (who: string) => ITS.replace('its-developers', who)
  const mine = policyWith(HEAD + own + LIST + needs('alice'), { debian: book })
  assert.equal(outcome(mine, [signed('alice-1')]), 'trusted')
  const theirs = policyWith(HEAD + own + LIST + ITS, { debian: book })
  assert.equal(outcome(theirs, [signed('alice-1')]), 'untrusted revoked')
})

test("attack: a list that has this machine's key gets nothing by it", () => {
  const policy = {
    ...policyWith(HEAD + LIST + ITS, { debian: bookOf(HELLO) }),
    machineKeys: [identityOf('reuben-1')],
  }
  assert.equal(outcome(policy, [signed('reuben-1')]), 'untrusted unknown-signer')
})

test('attack: a list that has a key of the user lends it no form, and does not revoke it', () => {
  const ssh = { ...keyOf('alice-1'), form: 'ssh' } as ReturnType<typeof keyOf>
  const book = bookOf({
    principals: { 'debian/x': [ssh] },
    revocations: [
      { target: { key: identityOf('alice-1') }, from: 0 },
      { target: { principal: 'alice' }, from: 0 },
      { target: { principal: 'arch/x' }, from: 0 },
    ],
  })
  const arch = bookOf({ principals: { 'arch/x': ['x-1'] } })
  const policy = policyWith(TWO, { debian: book, arch })
  const forms = listedKeys(policyFor(policy, FROM_GNU)).map(key => 'form' in key && key.form)
  assert.deepEqual(new Set(forms), new Set(['nix']))
  assert.equal(outcome(policy, [signed('alice-1'), signed('x-1')]), 'trusted')
})

test('S21: what the user revokes is revoked in lists too', () => {
  const revoked = (what: string) => `${TWO}\n[[revocations]]\n${what}\ndate = 2020-01-01\n`
  const books = { debian: bookOf({ principals: { 'debian/x': ['alice-2', 'x-1'] } }), arch: bookOf({}) }
  const claims = [signed('bob-1'), signed('x-1')]
  assert.equal(outcome(policyWith(TWO, books), claims), 'trusted')
  for (const what of [
    'principal = "debian/x"',
    'principal = "alice"',
    'key = "KEY(x-1)"',
    'key = "KEY(alice-2)"',
  ])
    assert.notEqual(outcome(policyWith(revoked(what), books), claims), 'trusted', what)
})

// Random lists, hostile ones among them, over few names and keys, so that they meet often.
const KEYS = ['alice-1', 'alice-2', 'bob-1', 'x-1', 'y-1', 'z-1']
const key = fc.constantFrom(...KEYS)
const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 3 })
const from = fc.constantFrom(0, NOW - 1, NOW + 1)
const claims = fc.uniqueArray(key, { maxLength: 6 }).map(some => some.map(one => signed(one)))

function said(list: string) {
  const who = fc.constantFrom(
    ...['x', 'y', 'g', 'h'].map(name => `${list}/${name}`),
    'alice',
    'debian/x',
    'arch/x',
  )
  return fc.record({
    principals: fc.record({ [`${list}/x`]: keys, [`${list}/y`]: keys }),
    groups: fc.dictionary(
      fc.constantFrom(`${list}/g`, `${list}/h`),
      fc.record({ members: fc.array(who, { maxLength: 3 }), threshold: fc.integer({ min: 0, max: 3 }) }),
    ),
    developers: fc.array(
      fc
        .record({
          by: fc.array(who, { minLength: 1, maxLength: 2 }),
          threshold: fc.integer({ min: 0, max: 2 }),
        })
        .map(({ by, threshold }) => entry(`${list}/e`, by, { threshold })),
      { maxLength: 2 },
    ),
    revocations: fc.array(
      fc.record({
        target: fc.oneof(fc.record({ key: key.map(identityOf) }), fc.record({ principal: who })),
        from,
      }),
      { maxLength: 2 },
    ),
    ends: fc.constantFrom(NOW - 1, NOW + DAY),
  })
}

const rule = fc.constantFrom('"its-developers"', '"both"', '["alice", "its-developers"]')
function ruled(requirement: string): string {
  return TWO.replace('developer = "both"', `developer = ${requirement}`)
}

test('S20: no list makes two people of one, as long as one goes by the keys that signed', () => {
  fc.assert(
    fc.property(said('debian'), said('arch'), key, (debian, arch, one) => {
      const policy = policyWith(TWO, { debian: bookOf(debian), arch: bookOf(arch) })
      assert.notEqual(outcome(policy, [signed(one)]), 'trusted')
    }),
  )
})

test('S20: without a list nothing becomes trusted that was not', () => {
  fc.assert(
    fc.property(said('debian'), said('arch'), claims, rule, (debian, arch, some, requirement) => {
      const books = { debian: bookOf(debian), arch: bookOf(arch) }
      const whole = policyWith(ruled(requirement), books)
      const without = policyWith(ruled(requirement), { arch: books.arch })
      if (outcome(without, some) === 'trusted') assert.equal(outcome(whole, some), 'trusted')
    }),
  )
})

test('S20: a list that may not speak of a source changes nothing about it', () => {
  fc.assert(
    fc.property(said('debian'), said('arch'), claims, rule, (debian, arch, some, requirement) => {
      const toml = ruled(requirement).replace(
        'roles = ["developer"]\n',
        'roles = ["developer"]\nnames = ["other-*"]\n',
      )
      const silent = policyWith(toml, { debian: bookOf(debian), arch: bookOf(arch) })
      const empty = policyWith(toml, { debian: bookOf({}), arch: bookOf(arch) })
      assert.equal(outcome(silent, some), outcome(empty, some))
    }),
  )
})

test('S21: what the user revoked never counts, whatever lists say', () => {
  fc.assert(
    fc.property(said('debian'), said('arch'), claims, rule, key, (debian, arch, some, requirement, gone) => {
      const toml = `${ruled(requirement)}\n[[revocations]]\nkey = "KEY(${gone})"\ndate = 2020-01-01\n`
      const policy = policyWith(toml, { debian: bookOf(debian), arch: bookOf(arch) })
      const others = some.filter(claim => claim.key !== identityOf(gone))
      assert.equal(outcome(policy, some) === 'trusted', outcome(policy, others) === 'trusted')
    }),
  )
})

/** Names that the rule asks for, and with them so many people and keys. */
function crowd(people: number, keys: number): Said {
  const names = Array.from({ length: people }, (_, n) => `debian/p${n}`)
  const keysOf = (name: string) => Array.from({ length: keys }, (_, n) => certifiedKeyOf(`${name}-${n}`, []))
  return {
    principals: {
      ...Object.fromEntries(names.map(name => [name, keysOf(name)])),
      'debian/reuben': ['reuben-1'],
    },
    groups: { 'debian/all': { members: names.slice(0, 1000), threshold: 1 } },
    developers: [entry('debian/hello', ['debian/reuben', 'debian/all'])],
  }
}

test('attack: a book with more people and keys for one source than a judge can look at leaves it undecided', () => {
  const policy = (said: Said) => policyWith(HEAD + LIST + ITS, { debian: bookOf(said) })
  assert.equal(outcome(policy(crowd(900, 1)), [signed('reuben-1')]), 'trusted')
  const verdict = judge(policy(crowd(900, 64)), FROM_GNU, evidenceOf([signed('reuben-1')]), NOW)
  assert.ok(verdict.outcome === 'indeterminate')
  const [finding] = verdict.findings
  assert.ok(finding.code === 'missing-list')
  assert.match(
    finding.detail,
    /^list: more than 3000 people and keys of the list would count for this, so none of them does: demand fewer of it/,
  )
  // A source for which it names few is judged as ever.
  const [one] = crowd(900, 64).developers ?? []
  assert.ok(one)
  const split = [
    { ...one, names: ['other-*'] },
    entry('debian/hi', ['debian/reuben'], { names: ['hello-*'] }),
  ]
  assert.equal(outcome(policy({ ...crowd(900, 64), developers: split }), [signed('reuben-1')]), 'trusted')
})

test('attack: questions about many sources make one process keep no more than so much for all of them', () => {
  const policy = policyWith(HEAD + LIST + ITS, { debian: bookOf(crowd(900, 1)) })
  const about = (n: number) => policyFor(policy, { ...FROM_GNU, name: `hello-${n}` })
  const first = about(0)
  assert.equal(about(0), first)
  for (let n = 1; n < 32; n++) about(n)
  assert.notEqual(about(0), first)
  const long = Array.from({ length: 256 }, (_, n) => `https://example.org/${n}${'a'.repeat(1000)}`)
  const small = policyWith(HEAD + LIST + ITS, { debian: bookOf(HELLO) })
  const named = (n: number) => policyFor(small, { ...FROM_GNU, name: `x-${n}`, urls: long })
  const one = named(0)
  for (let n = 1; n < 128; n++) named(n)
  assert.notEqual(named(0), one)
})
