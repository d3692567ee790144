// A line of `nixsig log` names a path once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { withoutPath } from '../../src/cli/decision-words.ts'
import type { Finding, Refusal } from '../../src/policy/verdict.ts'
import { sentence } from '../../src/policy/wording.ts'

const PATH = '/nix/store/00000000000000000000000000000000-x.drv'
const INPUT = '/nix/store/11111111111111111111111111111111-y'

test('what is refused, and the step that names it once more, are not said again', () => {
  for (const [message, expected] of [
    [
      `refused ${PATH} (derivation) under rule "default": needs bob for its derivation; next: nixsig explain ${PATH}`,
      'derivation under rule "default": needs bob for its derivation',
    ],
    [
      `would be refused ${PATH} (fetched source), undecided because of the store: gone; next: nixsig explain ${PATH}`,
      'fetched source, undecided because of the store: gone',
    ],
    // Of what it is made of: the other path is named once.
    [
      `refused ${INPUT} (output) under rule "default": unsigned; next: nixsig explain ${INPUT}`,
      `refused ${INPUT} (output) under rule "default": unsigned`,
    ],
    // The store plugin's own.
    [`it was built here, and found: x; next: nixsig explain ${PATH}`, 'it was built here, and found: x'],
    [`${PATH} is not there; next: try again`, 'this path is not there; next: try again'],
    ['nothing of it; next: nixsig doctor', 'nothing of it; next: nixsig doctor'],
    [`${PATH}-more is there`, `${PATH}-more is there`],
    [`other; next: nixsig explain ${INPUT}`, `other; next: nixsig explain ${INPUT}`],
  ] as const)
    assert.equal(withoutPath(message, PATH), expected)
  assert.equal(withoutPath('a message', ''), 'a message')
})

test('a message that was cut within its step loses what is left of the step', () => {
  const whole = `refused ${PATH} (output) under rule "default": ${'needs bob '.repeat(60)}`
  for (const end of [
    '; n',
    '; next: nixsig',
    '; next: nixsig explain ',
    `; next: nixsig explain ${PATH.slice(0, 30)}`,
  ]) {
    const message = whole.slice(0, 512 - end.length) + end
    const said = withoutPath(message, PATH)
    assert.doesNotMatch(said, /nix\/store|; n/)
    assert.match(said, /needs bob/)
  }
})

const need = { aspect: 'output', who: 'builders', threshold: 1, of: 2 } as const
const FINDINGS: readonly Finding[] = [
  { code: 'unsigned', need },
  { code: 'conflict', who: 'bob', attested: '0', origin: INPUT, judged: '1' },
  { code: 'altered', path: PATH, registered: '0', found: '1' },
  { code: 'unreadable', trouble: { origin: 'the store', detail: `${PATH} is damaged` } },
  { code: 'unknown-derivation', unvouched: [] },
]
const GROUNDS: readonly Refusal['ground'][] = [
  { kind: 'rule', title: 'default' },
  { kind: 'inputs' },
  { kind: 'log' },
]
const refusal = fc.record({
  outcome: fc.constantFrom('untrusted', 'indeterminate'),
  path: fc.constantFrom(PATH, INPUT),
  kind: fc.constantFrom('fetched-source', 'derivation', 'output'),
  ground: fc.constantFrom(...GROUNDS),
  findings: fc.tuple(fc.constantFrom(...FINDINGS)),
}) as fc.Arbitrary<Refusal>

test('no refusal as it is written names its own path in its line again', () => {
  fc.assert(
    fc.property(refusal, fc.constantFrom('enforce', 'warn'), (one, mode) => {
      const message = sentence(one, mode).slice(0, 512)
      assert.ok(!withoutPath(message, one.path).includes(one.path))
    }),
  )
})
