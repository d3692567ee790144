import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CAUSES, type Cause, causesOf, isForWantOfABuilder, merged } from '../../src/adopt/cause.ts'
import { CAUSE_WORDS } from '../../src/adopt/cause-words.ts'
import type { SubjectKind } from '../../src/policy/policy.ts'
import type { Finding, Refusal } from '../../src/policy/verdict.ts'

const need = { aspect: 'output', who: 'builders', threshold: 1, of: 2 } as const
const UNSIGNED: Finding = { code: 'unsigned', need }

function pathOf(name: string): string {
  return `/nix/store/${'0'.repeat(32)}-${name}`
}

function refused(name: string, findings: Refusal['findings'], kind: SubjectKind = 'output'): Refusal {
  return {
    outcome: 'untrusted',
    path: pathOf(name),
    kind,
    ground: { kind: 'rule', title: 'default' },
    findings,
  }
}

function input(verdict: Refusal): Finding {
  return { code: 'input', path: verdict.path, verdict }
}

const codes = (causes: readonly Cause[]) => causes.map(({ code, path }) => [code, path.slice(44)])

test('the cause of a refused input is that of what was refused in the end, once', () => {
  const source = refused('source', [UNSIGNED], 'fetched-source')
  const middle = refused('middle', [input(source), input(source)])
  assert.deepEqual(codes(causesOf(refused('top', [input(middle), input(source)]))), [
    ['no-signature', 'source'],
  ])
  const [own, first] = causesOf(refused('top', [input(middle), input(source), UNSIGNED]))
  assert.deepEqual(codes([own, first ?? assert.fail()]), [
    ['no-signature', 'top'],
    ['no-signature', 'source'],
  ])
  assert.equal(first?.kind, 'fetched-source')
  assert.equal(first?.status, 10)
  assert.match(first?.detail ?? '', /^needs 1 of 2 builders for its output, found no signature$/)
})

test('a derivation that nobody stands for is the cause, where one is here; else that there is none', () => {
  const derivation = refused('x.drv', [UNSIGNED], 'derivation')
  const known = refused('x', [{ code: 'unknown-derivation', unvouched: [derivation] }])
  assert.deepEqual(codes(causesOf(known)), [['no-signature', 'x.drv']])
  const unknown = refused('x', [{ code: 'unknown-derivation', unvouched: [] }])
  assert.deepEqual(codes(causesOf(unknown)), [['no-derivation', 'x']])
})

test('attack: very deep refusals are followed, and very many are cut', () => {
  let deep = refused('deep', [UNSIGNED])
  for (let depth = 0; depth < 99_000; depth++) deep = refused(`at-${depth}`, [input(deep)])
  assert.deepEqual(codes(causesOf(deep)), [['no-signature', 'deep']])
  const [first, ...rest] = Array.from({ length: 1000 }, (_, at) => input(refused(`of-${at}`, [UNSIGNED])))
  assert.equal(causesOf(refused('wide', [first ?? UNSIGNED, ...rest])).length, 16)
})

test('only an output that lacks somebody who stands for it is built again', () => {
  const yes: readonly Finding[] = [
    UNSIGNED,
    { code: 'threshold', need, found: [] },
    { code: 'unknown-signer', need, strays: [] },
    { code: 'unknown-derivation', unvouched: [] },
    { code: 'expired', who: 'alice' },
    { code: 'revoked', who: 'alice' },
    { code: 'not-yet-valid', who: 'alice', at: 1 },
  ]
  const no: readonly Finding[] = [
    { code: 'conflict', who: 'bob', attested: 'ab', origin: 'x', judged: 'cd' },
    { code: 'altered', path: pathOf('x'), registered: 'ab', found: 'cd' },
    { code: 'unreadable', trouble: { origin: 'x', detail: 'y' } },
    { code: 'refused-by-rule' },
    { code: 'unsupported-derivation', what: 'x' },
  ]
  for (const finding of yes) assert.equal(isForWantOfABuilder(refused('x', [finding])), true, finding.code)
  for (const finding of no) {
    assert.equal(isForWantOfABuilder(refused('x', [finding])), false, finding.code)
    assert.equal(isForWantOfABuilder(refused('x', [UNSIGNED, finding])), false, finding.code)
  }
  assert.equal(isForWantOfABuilder(refused('x', [UNSIGNED], 'local-source')), false)
})

test('S3: what an exemption does not outweigh is offered none; every cause has a next step', () => {
  for (const code of [
    'altered',
    'conflict',
    'undecided',
    'bad-signature',
    'refused-by-rule',
    'no-hook',
  ] as const)
    assert.equal(CAUSE_WORDS[code].exempt, undefined, code)
  for (const code of CAUSES) assert.ok(CAUSE_WORDS[code].next.length > 10, code)
})

test('causes of several paths are told once', () => {
  const [one] = causesOf(refused('one', [UNSIGNED]))
  const [two] = causesOf(refused('two', [UNSIGNED]))
  assert.deepEqual(merged([one, two], [two], [one]), [one, two])
})
