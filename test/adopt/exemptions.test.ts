import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CAUSES, type Cause } from '../../src/adopt/cause.ts'
import { CAUSE_WORDS } from '../../src/adopt/cause-words.ts'
import { exemptionsFor, exemptionsNix, exemptionsToml, usualEnd } from '../../src/adopt/exemptions.ts'
import { judge } from '../../src/policy/judge.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'

const NOW = Date.UTC(2026, 10, 29, 17, 30) / 1000
const UNTIL = Date.UTC(2027, 0, 31) / 1000
const POLICY = `version = 1
mode = "enforce"
[default]
require = { source = "refuse", derivation = "refuse", output = "self" }`

function cause(code: Cause['code'], name: string): Cause {
  const path = `/nix/store/${'0'.repeat(32)}-${name}`
  return { code, path, kind: 'output', detail: 'x', status: 10 }
}

test('each is one entry of the policy with its reason and end, and makes the path pass until then', () => {
  const helped = CAUSES.filter(code => CAUSE_WORDS[code].exempt !== undefined)
  const exemptions = exemptionsFor(
    helped.map(code => cause(code, code)),
    { now: NOW, until: UNTIL },
  )
  assert.equal(exemptions.length, helped.length)
  const toml = `${POLICY}\n${exemptionsToml(exemptions)}`
  const policy = parsePolicy({ toml, file: 'p', directory: '/', certificate: () => Buffer.alloc(0) })
  for (const { path, reason } of exemptions) {
    assert.match(reason, /^adopted 2026-11-29: [ -~]+$/)
    assert.doesNotMatch(reason, /["\\]/)
    const subject = { path, name: 'x', kind: 'output', narHash: 'ab', builtHere: false } as const
    const nothing = { claims: [], strays: [], troubles: [] }
    assert.equal(judge(policy, subject, nothing, UNTIL - 1).outcome, 'trusted')
    assert.equal(judge(policy, subject, nothing, UNTIL).outcome, 'untrusted')
  }
})

test('one for each path, however many causes, and none where it would not help', () => {
  const exemptions = exemptionsFor(
    [
      cause('no-derivation', 'b'),
      cause('not-built', 'b'),
      cause('not-reproducible', 'a'),
      cause('altered', 'c'),
      cause('not-built', 'c'),
      { ...cause('not-built', 'd'), path: 'not a "path"' },
    ],
    { now: NOW, until: UNTIL },
  )
  assert.deepEqual(
    exemptions.map(({ path }) => path.at(-1)),
    ['a', 'b'],
  )
})

test('as NixOS has them', () => {
  const text = exemptionsNix(exemptionsFor([cause('not-built', 'a')], { now: NOW, until: UNTIL }))
  assert.equal(
    text,
    `security.nixsig.exemptions = [
  {
    path = "/nix/store/00000000000000000000000000000000-a";
    reason = "adopted 2026-11-29: was here before, and building it again fails";
    until = "2027-01-31";
  }
];
`,
  )
})

test('by default they end at a midnight 90 days from now', () => {
  assert.equal(usualEnd(NOW), Date.UTC(2027, 1, 27) / 1000)
})
