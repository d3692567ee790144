import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recalledEvidence } from '../../src/evidence/remembered.ts'
import { type Admission, NO_POLICY } from '../../src/ledger/admissions.ts'
import { judge } from '../../src/policy/judge.ts'
import { policyFor } from '../../src/policy/lists/policy-for.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Verdict } from '../../src/policy/verdict.ts'
import { isJudged } from '../../src/reach/by-record.ts'
import { compare } from '../../src/reach/compare.ts'
import { rememberedClaims } from '../../src/verifier/evidence.ts'
import { subjectOfEntry } from '../../src/verifier/subject.ts'
import { bookOf, entry, keyOf, policyWith, type Said } from '../policy/lists/books.ts'
import { identityOf, NOW } from '../policy/policies.ts'

const PLACES = ['https://a.example/x', 'https://b.example/x']
const KEYS = ['k0', 'k1', 'k2', 'k3']

/** Numbers from a seed, so that a failure can be repeated. */
function dice(seed: number) {
  let state = seed
  return (sides: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % sides
  }
}

type Roll = ReturnType<typeof dice>

function pick<T>(roll: Roll, of: readonly T[]): T {
  return of[roll(of.length)] as T
}

function text(own: string, who = '{ developer = "its-developers" }', more = ''): string {
  return `version = 1
mode = "enforce"
${KEYS.slice(2)
  .map((key, at) => `[principals.own${at}]\nkeys = ["KEY(${key})"]\n`)
  .join('')}
[lists.debian]
url = "https://lists.example.org/debian"
roles = ["developer"]
${more}[lists.gentoo]
url = "https://lists.example.org/gentoo"
roles = ["developer"]
names = ["a*"]
${own}[default]
require = { source = ${who}, derivation = "nothing", output = "refuse" }
`
}

const GLOBS = ['*', 'a*', 'b.tar', 'a.tar']
const URL_GLOBS = [[], [], ['https://a.example/*'], ['https://b.example/*'], ['https://*']]

function saidBy(roll: Roll, list: string): Said {
  const people = ['x', 'y'].map(name => `${list}/${name}`)
  const principals = Object.fromEntries(people.map(name => [name, [pick(roll, KEYS)]]))
  const developers = Array.from({ length: roll(4) }, (_, at) =>
    entry(`${list}/e${at}`, [pick(roll, people)], {
      names: [pick(roll, GLOBS)],
      urls: pick(roll, URL_GLOBS),
    }),
  )
  const revocations = roll(4) === 0 ? [{ target: { principal: pick(roll, people) }, from: 0 }] : []
  const ends = roll(5) === 0 ? NOW - 1 : NOW + 1000
  return { principals, developers, revocations, ends }
}

function policyBy(roll: Roll, digest: string): Policy {
  const own = [
    '',
    '',
    `[developers.e]\nnames = ["${pick(roll, GLOBS)}"]\nby = "own0"\nurls = ["https://a.example/*"]\n`,
  ]
  const revoked = [
    '',
    '',
    '[[revocations]]\nprincipal = "debian/x"\ndate = 2020-01-01\n',
    '[[revocations]]\nprincipal = "own1"\ndate = 2020-01-01\n',
  ]
  const who = ['{ developer = "its-developers" }', '{ developer = "its-developers" }', '"debian/y"']
  const books = {
    debian: bookOf({ ...saidBy(roll, 'debian'), digest }),
    gentoo: bookOf({ ...saidBy(roll, 'gentoo'), digest }),
  }
  return policyWith(text(pick(roll, own) + pick(roll, revoked), pick(roll, who)), books)
}

interface Source {
  readonly entry: Admission
  readonly urls: readonly string[]
}

function sourceOf(number: number, name: string, keys: readonly string[], urls: readonly string[]): Source {
  const digest = number.toString().padStart(32, '0')
  const claims = keys.map(key => ({
    key: identityOf(key),
    role: 'developer' as const,
    graph: undefined,
    seen: NOW - 100,
    trace: 'nix',
    origin: 'a file:1',
  }))
  const entry: Admission = {
    path: `/nix/store/${digest}-${name}`,
    kind: 'fetched-source',
    narHash: 'ab'.repeat(32),
    policy: NO_POLICY,
    until: undefined,
    stamp: undefined,
    time: NOW,
    rule: 'default',
    builtHere: false,
    derivation: undefined,
    claims,
    build: undefined,
  }
  return { entry, urls }
}

/** The verdict with the addresses, which the ledger does not have. */
async function verdictOn(policy: Policy, { entry: one, urls }: Source): Promise<Verdict> {
  if (!isJudged(one)) throw new Error('it is a source')
  const subject = { ...subjectOfEntry(one), urls }
  const moment = { now: NOW, own: undefined }
  const evidence = await recalledEvidence(policyFor(policy, subject), rememberedClaims(one), moment)
  return judge(policy, subject, evidence, NOW)
}

async function compared(before: Policy, after: Policy, sources: readonly Source[], end = 60_000) {
  let judged = 0
  const found = await compare({
    before,
    after,
    entries: sources.map(one => one.entry),
    judges: 'affected',
    end: performance.now() + end,
    now: NOW,
    own: undefined,
    verdict: (under, path) => {
      judged++
      const source = sources.find(one => one.entry.path === path)
      if (source === undefined) throw new Error(path)
      return verdictOn(under === 'before' ? before : after, source)
    },
    inputsOf: () => undefined,
  })
  return { ...found, judged, fell: found.falls.map(({ path }) => path.slice(44)) }
}

/** What the ledger admits under a policy is current. */
async function admitted(policy: Policy, source: Source): Promise<Source> {
  const verdict = await verdictOn(policy, source)
  if (verdict.outcome !== 'trusted') return source
  const { until } = verdict
  return { ...source, entry: { ...source.entry, policy: policy.digest, until } }
}

test('S23: what falls by lists, developers and addresses is what judging with the addresses says, in 600 worlds', async () => {
  let falls = 0
  for (let seed = 1; seed <= 600; seed++) {
    const roll = dice(seed * 7919)
    // Most changes are small.
    const again = dice(seed)
    const nearly = (sides: number) => {
      const same = again(sides)
      return roll(6) === 0 ? roll(sides) : same
    }
    const [before, after] = [policyBy(dice(seed), 'aa'.repeat(32)), policyBy(nearly, 'bb'.repeat(32))]
    const sources: Source[] = []
    for (let number = 0; number < 8; number++) {
      const keys = KEYS.filter(() => roll(2) === 0)
      const urls = PLACES.filter(() => roll(2) === 0)
      const source = sourceOf(number, pick(roll, ['a.tar', 'b.tar', 'c.tar']), keys, urls)
      sources.push(roll(2) === 0 ? await admitted(before, source) : source)
    }
    const expected: string[] = []
    for (const one of sources) {
      const [was, is] = [await verdictOn(before, one), await verdictOn(after, one)]
      if (was.outcome === 'trusted' && is.outcome !== 'trusted') expected.push(one.entry.path)
    }
    const found = await compared(before, after, sources)
    assert.deepEqual(
      found.falls.map(({ path }) => path),
      expected.sort(),
      `seed ${seed}`,
    )
    // Without time, what the record says to fall includes what does.
    const late = await compared(before, after, sources, -1)
    for (const path of expected)
      assert.ok(
        late.falls.some(one => one.path === path),
        `seed ${seed}`,
      )
    falls += expected.length
  }
  assert.ok(falls > 300, `${falls} fall`)
})

const HELLO: Said = {
  principals: { 'debian/x': ['k0'], 'debian/y': ['k1'] },
  developers: [
    entry('debian/hello', ['debian/x'], { names: ['hello*'], urls: ['https://a.example/*'] }),
    entry('debian/other', ['debian/y'], { names: ['other*'] }),
  ],
}

/** Two sources, each signed by its developer and admitted, and the policy of the user. */
async function world(said: Said = HELLO, toml = text('')) {
  const before = policyWith(toml, { debian: bookOf({ ...said, digest: 'aa'.repeat(32) }) })
  const sources = [sourceOf(1, 'hello.tar', ['k0'], [PLACES[0] ?? '']), sourceOf(2, 'other.tar', ['k1'], [])]
  const current = []
  for (const source of sources) current.push(await admitted(before, source))
  assert.ok(current.every(({ entry: one }) => one.policy === before.digest))
  const after = (now: Said, own = '') =>
    policyWith(text(own), { debian: bookOf({ ...now, digest: 'bb'.repeat(32) }) })
  return { before, after, sources: current }
}

const CHANGES: readonly (readonly [string, Said, readonly string[], RegExp])[] = [
  ['nothing', HELLO, [], /^$/],
  [
    'a person revoked by the list',
    { ...HELLO, revocations: [{ target: { principal: 'debian/x' }, from: 0, reason: 'stolen' }] },
    ['hello.tar'],
    /revoked/,
  ],
  [
    'a key revoked by the list',
    { ...HELLO, revocations: [{ target: { key: identityOf('k0') }, from: 0 }] },
    ['hello.tar'],
    /revoked/,
  ],
  [
    'a key moved to another person',
    { ...HELLO, principals: { 'debian/x': ['k2'], 'debian/y': ['k1', 'k0'] } },
    ['hello.tar'],
    /unknown-signer/,
  ],
  [
    'a new key beside the old one',
    { ...HELLO, principals: { ...HELLO.principals, 'debian/x': ['k0', 'k2'] } },
    [],
    /^$/,
  ],
  [
    'a key that has ended by now',
    { ...HELLO, principals: { ...HELLO.principals, 'debian/x': [{ ...keyOf('k0'), validUntil: NOW - 1 }] } },
    ['hello.tar'],
    /expired/,
  ],
  [
    'another developer',
    {
      ...HELLO,
      developers: [
        entry('debian/hello', ['debian/y'], { names: ['hello*'] }),
        entry('debian/other', ['debian/y'], { names: ['other*'] }),
      ],
    },
    ['hello.tar'],
    /unknown-signer/,
  ],
  [
    'narrower names',
    { ...HELLO, developers: [entry('debian/hello', ['debian/x'], { names: ['hello.zip'] })] },
    ['hello.tar', 'other.tar'],
    /no-developer/,
  ],
  [
    'another address',
    {
      ...HELLO,
      developers: [
        entry('debian/hello', ['debian/x'], { names: ['hello*'], urls: ['https://b.example/*'] }),
        entry('debian/other', ['debian/y'], { names: ['other*'] }),
      ],
    },
    ['hello.tar'],
    /no-developer/,
  ],
  [
    'everybody removed, as with a team',
    { principals: {}, developers: [] },
    ['hello.tar', 'other.tar'],
    /no-developer/,
  ],
  ['a list that has ended', { ...HELLO, ends: NOW - 1 }, ['hello.tar', 'other.tar'], /ended-list/],
]

for (const [what, said, falls, why] of CHANGES) {
  test(`a new state of a list with ${what} makes ${falls.join(' and ') || 'nothing'} fall`, async () => {
    const { before, after, sources } = await world()
    const found = await compared(before, after(said), sources)
    assert.deepEqual(found.fell.sort(), falls)
    for (const { refusal } of found.falls) {
      assert.match(refusal?.findings.map(({ code }) => code).join() ?? '', why)
      assert.equal(refusal?.outcome, what.endsWith('has ended') ? 'indeterminate' : 'untrusted')
    }
    assert.deepEqual(found.rises, [])
    if (what === 'nothing') assert.equal(found.judged, 0)
  })
}

test('S23: a list that has ended under both policies makes nothing fall: what rested on it is told apart', async () => {
  const { after, sources } = await world()
  const ended = after({ ...HELLO, ends: NOW - 1 })
  const [before, now] = [ended, { ...ended, digest: 'cc'.repeat(32) }]
  const found = await compared(before, now, sources)
  assert.deepEqual([found.falls, found.rises, found.admitted], [[], [], 0])
})

test('the user’s own entry takes a source from a list, and the user’s revocation a person', async () => {
  const { before, after, sources } = await world()
  const own = '[developers.hello]\nnames = ["hello*"]\nurls = ["https://a.example/*"]\nby = "own0"\n'
  assert.deepEqual((await compared(before, after(HELLO, own), sources)).fell, ['hello.tar'])
  // Of another address, it takes nothing.
  const elsewhere = await compared(before, after(HELLO, own.replace('a.example', 'c.example')), sources)
  assert.deepEqual(elsewhere.fell, [])
  const revoked = '[[revocations]]\nprincipal = "debian/y"\ndate = 2020-01-01\n'
  const found = await compared(before, after(HELLO, revoked), sources)
  assert.deepEqual(found.fell, ['other.tar'])
  // Only what may be affected is judged.
  assert.equal(found.judged, 1)
})
