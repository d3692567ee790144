import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Admission, NO_POLICY, writeAdmission } from '../../src/ledger/admissions.ts'
import { allAdmissions } from '../../src/ledger/all-admissions.ts'
import { judge } from '../../src/policy/judge.ts'
import type { DevelopersEntry } from '../../src/policy/lists/book.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Verdict } from '../../src/policy/verdict.ts'
import { isJudged, passesByRecord } from '../../src/reach/by-record.ts'
import { type Compared, compare } from '../../src/reach/compare.ts'
import { subjectOfEntry } from '../../src/verifier/subject.ts'
import { bookOf, entry as developersEntry, policyWith as policyOfLists } from '../policy/lists/books.ts'
import { identityOf, nixKeyOf, policyOf } from '../policy/policies.ts'

const NOW = 1_800_000_000
const PEOPLE = ['ann', 'ben', 'cid'] as const
const NOTHING = { claims: [], strays: [], troubles: [] }

/** Numbers from a seed, so that a failure can be repeated. */
function dice(seed: number) {
  let state = seed
  return (sides: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >> 8) % sides
  }
}

const ALPHABET = '0123456789abcdfghijklmnpqrsvwxyz'

function pathOf(number: number, name: string): string {
  const digest = [...number.toString().padStart(32, '0')].map(digit => ALPHABET[Number(digit)]).join('')
  return `/nix/store/${digest}-${name}`
}

function policyWith(roll: (sides: number) => number): Policy {
  const who = () => ['team', 'pair', ...PEOPLE, 'nothing', 'refuse'][roll(7)]
  const people = PEOPLE.filter(() => roll(5) > 0)
  const members = people.length > 0 ? people : ['ann']
  const listed = new Set([...members])
  const need = () => {
    const name = who() ?? 'team'
    return name === 'team' ||
      name === 'pair' ||
      name === 'nothing' ||
      name === 'refuse' ||
      listed.has(name as 'ann')
      ? name
      : 'team'
  }
  const revoked = roll(3) === 0 ? `[[revocations]]\nprincipal = "${members[0]}"\ndate = 2020-01-01\n` : ''
  return policyOf(`version = 1
mode = "enforce"
${[...listed].map(name => `[principals.${name}]\nkeys = ["KEY(${name})"]\n`).join('')}
[groups.team]
members = [${[...listed].map(name => `"${name}"`).join(', ')}]
threshold = 1
[groups.pair]
members = [${[...listed].map(name => `"${name}"`).join(', ')}]
threshold = ${Math.min(2, listed.size)}
${revoked}[default]
require = { source = "${need()}", derivation = "${need()}", output = "self" }
accept-graph = true
`)
}

/** A ledger of sources, derivations that use some of them, and their outputs, built here. */
function ledgerWith(roll: (sides: number) => number): readonly Admission[] {
  const entries: Admission[] = []
  const claims = (role: 'packager') =>
    PEOPLE.filter(() => roll(2) === 0).map(name => ({
      key: identityOf(name),
      role,
      graph: undefined,
      seen: NOW - 100,
      trace: 'nix',
      origin: 'a file:1',
    }))
  const base = { policy: NO_POLICY, until: undefined, stamp: '1:1:1:1:1', time: NOW, rule: 'default' }
  const add = (entry: Partial<Admission> & Pick<Admission, 'path' | 'kind'>) =>
    entries.push({
      ...base,
      narHash: 'ab'.repeat(32),
      builtHere: false,
      derivation: undefined,
      claims: [],
      build: undefined,
      ...entry,
    } as Admission)
  const available: string[] = []
  for (let number = 0; number < 4; number++) {
    const source = pathOf(number, 'source.tar')
    add({ path: source, kind: 'fetched-source', claims: claims('packager') })
    available.push(source)
  }
  for (let number = 0; number < 6; number++) {
    const inputs = available.filter(() => roll(3) === 0)
    const drv = pathOf(100 + number, 'made.drv')
    const out = pathOf(200 + number, 'made')
    const build = {
      inputs: inputs.map(path => ({ stamp: '1:1:1:1:1', path })),
      outputs: [{ name: 'out', path: out, takesAny: true }],
    }
    add({ path: drv, kind: 'derivation', derivation: drv, claims: claims('packager'), build })
    add({ path: out, kind: 'output', builtHere: true, derivation: drv, from: 'cd'.repeat(32) })
    available.push(out)
  }
  return entries
}

const REFUSED: Verdict = {
  outcome: 'untrusted',
  path: 'x',
  kind: 'output',
  ground: { kind: 'inputs' },
  findings: [{ code: 'refused-by-rule' }],
}

/** The verdict by the rules of what is built here: by itself, its derivation and its inputs. */
function oracle(policy: Policy, entries: readonly Admission[]) {
  const byPath = new Map(entries.map(entry => [entry.path, entry]))
  const verdict = async (path: string): Promise<Verdict> => {
    const entry = byPath.get(path)
    if (entry === undefined || !isJudged(entry)) return REFUSED
    if (!(await passesByRecord(policy, entry, { now: NOW, own: undefined }))) return REFUSED
    const needed =
      entry.kind === 'output' && entry.derivation !== undefined
        ? [entry.derivation, ...(byPath.get(entry.derivation)?.build?.inputs.map(input => input.path) ?? [])]
        : []
    for (const one of needed) if ((await verdict(one)).outcome !== 'trusted') return REFUSED
    return {
      outcome: 'trusted',
      subject: subjectOfEntry(entry),
      rule: 'x',
      basis: { kind: 'no-requirement' },
      strays: [],
    }
  }
  return verdict
}

function asking(before: Policy, after: Policy, entries: readonly Admission[]): Compared {
  const verdicts = { before: oracle(before, entries), after: oracle(after, entries) }
  return {
    before,
    after,
    entries,
    judges: 'all',
    end: performance.now() + 60_000,
    now: NOW,
    own: undefined,
    verdict: (under, path) => verdicts[under](path),
    inputsOf: () => undefined,
  }
}

test('policy diff is the same as judging each path under both, on 300 random ledgers', async () => {
  let changes = 0
  for (let seed = 1; seed <= 300; seed++) {
    const roll = dice(seed * 7919)
    const [before, after] = [policyWith(roll), policyWith(roll)]
    const entries = ledgerWith(roll)
    const falls: string[] = []
    const rises: string[] = []
    const [was, is] = [oracle(before, entries), oracle(after, entries)]
    for (const { path } of entries) {
      const [passed, passes] = [
        (await was(path)).outcome === 'trusted',
        (await is(path)).outcome === 'trusted',
      ]
      if (passed && !passes) falls.push(path)
      if (!passed && passes) rises.push(path)
    }
    const all = await compare(asking(before, after, entries))
    assert.deepEqual(
      all.falls.map(({ path }) => path),
      falls.sort(),
      `seed ${seed}`,
    )
    assert.deepEqual(
      all.rises.map(({ path }) => path),
      rises.sort(),
      `seed ${seed}`,
    )
    assert.equal(all.byRecord, 0)
    changes += all.falls.filter(one => one.kind === 'output').length + all.rises.length
    // Judging only what may be affected misses nothing that falls.
    const affected = await compare({ ...asking(before, after, entries), judges: 'affected' })
    assert.deepEqual(
      affected.falls.map(({ path }) => path),
      falls.sort(),
      `seed ${seed}`,
    )
    // Without any time, by the record: what it says to fall includes what does.
    const late = await compare({ ...asking(before, after, entries), end: 0 })
    assert.ok(
      falls.every(path => late.falls.some(one => one.path === path)),
      `seed ${seed}`,
    )
    assert.equal(late.byRecord, entries.length)
  }
  assert.ok(changes > 500, `${changes} changes`)
})

test('what falls by another signer’s absence says so, and what two signed stands', async () => {
  const before = policyOf(policyText(''))
  const after = policyOf(policyText('[[revocations]]\nprincipal = "ann"\ndate = 2020-01-01\n'))
  const entries = ledgerWith(dice(3)).map(entry =>
    entry.kind === 'fetched-source' ? { ...entry, claims: [claimBy('ann'), claimBy('ben')] } : entry,
  )
  const support = { kind: 'keys', keys: new Set([identityOf('ann')]) } as const
  const found = await compare({ ...asking(before, after, entries), support, judges: 'affected' })
  const isSource = ({ kind }: Admission) => kind === 'fetched-source'
  assert.equal(entries.filter(isSource).length, 4)
  assert.ok(found.rested >= 4)
  assert.deepEqual(found.falls, [])
})

function claimBy(name: string) {
  const key = identityOf(name)
  return { key, role: 'packager', graph: undefined, seen: NOW, trace: 'nix', origin: 'x' } as const
}

function policyText(more: string): string {
  return `version = 1
mode = "enforce"
[principals.ann]
keys = ["${nixKeyOf('ann')}"]
[principals.ben]
keys = ["${nixKeyOf('ben')}"]
[groups.team]
members = ["ann", "ben"]
threshold = 1
${more}[default]
require = { source = "team", derivation = "nothing", output = "self" }
`
}

test('entries of refused paths, of others and of no form are told apart, and links are not followed', () => {
  const state = mkdtempSync(join(tmpdir(), 'nixsig-'))
  try {
    const [entry] = ledgerWith(dice(1))
    if (entry === undefined) throw new Error('there is one')
    writeAdmission(state, entry.path.slice(11, 43), entry)
    const shard = join(state, 'ledger', 'zz')
    mkdirSync(shard, { recursive: true })
    writeFileSync(join(shard, 'z'.repeat(32)), 'nixsig4 /nix/store/\u001b[31m nothing\n')
    symlinkSync('/etc/passwd', join(shard, 'y'.repeat(32)))
    writeFileSync(join(shard, 'x'.repeat(32)), Buffer.alloc(300 * 1024, 'a'))
    // An entry of another path, moved here.
    const moved = join(state, 'ledger', '11')
    mkdirSync(moved)
    writeAdmission(state, '1'.repeat(32), entry)
    const read = [...allAdmissions(state)]
    assert.deepEqual(
      read.filter(one => !('problem' in one)).map(one => ('path' in one ? one.path : '')),
      [entry.path],
    )
    const problems = read.flatMap(one => ('problem' in one ? [one.problem] : []))
    assert.equal(problems.length, 4)
    for (const problem of problems) assert.match(problem, /^[ -~]+$/)
  } finally {
    rmSync(state, { recursive: true })
  }
})

test('a judgement by the record is the policy’s own', async () => {
  const policy = policyOf(policyText(''))
  for (const entry of ledgerWith(dice(5))) {
    if (!isJudged(entry) || entry.claims.length > 0) continue
    const verdict = judge(policy, subjectOfEntry(entry), NOTHING, NOW)
    assert.equal(
      await passesByRecord(policy, entry, { now: NOW, own: undefined }),
      verdict.outcome === 'trusted',
    )
  }
})

test('claims of people of lists are weighed by the record too, and fall with the list that named them', async () => {
  const text = `version = 1
mode = "enforce"
[lists.debian]
url = "/srv/debian"
roles = ["developer"]
[default]
require = { source = { developer = "its-developers" }, derivation = "nothing", output = "self" }
`
  const under = (developers: readonly DevelopersEntry[]) =>
    policyOfLists(text, {
      debian: bookOf({ principals: { 'debian/x': ['ann'] }, developers, ends: NOW + 100 }),
    })
  const [first] = ledgerWith(dice(3))
  if (first === undefined || !isJudged(first)) throw new Error('there is one')
  const entry = { ...first, claims: [{ ...claimBy('ann'), role: 'developer' as const }] }
  const passes = (policy: Policy) => passesByRecord(policy, entry, { now: NOW, own: undefined })
  assert.equal(await passes(under([developersEntry('debian/source', ['debian/x'])])), true)
  assert.equal(await passes(under([])), false)
})
