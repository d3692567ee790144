// What `nixsig policy check` remarks on a valid policy: outputs that only this machine vouches for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { commonGlob } from '../../src/policy/glob-intersection.ts'
import { judge } from '../../src/policy/judge.ts'
import { matchesGlob } from '../../src/policy/match.ts'
import { remarkWords } from '../../src/policy/passage-words.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { remarksOn } from '../../src/policy/unsigned-passages.ts'
import { NOW, policyOf } from './policies.ts'

const PEOPLE = `
principals.alice.keys = ["KEY(alice-1)"]
principals.bob.keys = ["KEY(bob-1)"]
groups.either = { members = ["self", "alice"], threshold = 1 }
groups.both = { members = ["self", "alice"], threshold = 2 }
groups.nested = { members = ["either", "bob"], threshold = 1 }
groups.deep = { members = ["nested", "both"], threshold = 2 }
groups.seats = { members = ["self", "either"], threshold = 2 }
`

function withDefault(derivation: string, output: string, more = ''): Policy {
  return policyOf(`version = 1
mode = "enforce"
${PEOPLE}
[default]
require = { source = "alice", derivation = ${derivation}, output = ${output} }
${more}`)
}

function codes(policy: Policy, now = NOW): readonly string[] {
  return remarksOn(policy, now).map(({ code }) => code)
}

function words(policy: Policy): string {
  return remarksOn(policy, NOW).map(remarkWords).join('\n')
}

test('outputs that only this machine built, from unsigned derivations, are reported', () => {
  for (const output of ['"self"', '"either"', '"nested"', '["self", "either"]', '{ builder = "nested" }']) {
    assert.deepEqual(codes(withDefault('"nothing"', output)), ['output-by-self-alone'], output)
  }
})

test('a signature on the output or the derivation is enough', () => {
  for (const output of ['"both"', '"alice"', '["self", "alice"]', '"deep"', '"seats"', '"refuse"']) {
    assert.deepEqual(codes(withDefault('"nothing"', output)), [], output)
  }
  for (const derivation of ['"alice"', '"refuse"', '{ reviewer = "alice" }']) {
    assert.deepEqual(codes(withDefault(derivation, '"self"')), [], derivation)
  }
})

test('unsigned outputs that pass wherever they come from are reported as such', () => {
  for (const derivation of ['"nothing"', '"alice"']) {
    assert.deepEqual(codes(withDefault(derivation, '"nothing"')), ['output-by-anybody'])
  }
  const rule = '[[rules]]\nmatch.name = "cached-*"\nrequire.output = "nothing"\n'
  assert.deepEqual(codes(withDefault('"alice"', '"self"', rule)), ['output-by-anybody'])
})

test('the message says which rules, who chooses the name, and what would help', () => {
  assert.equal(
    words(withDefault('"nothing"', '"self"')),
    'rule "default" (line 12) accepts outputs that only this machine built, and requires no signature on their ' +
      'derivations, so whoever writes a derivation chooses the program; name somebody in require.derivation, or ' +
      'another builder in require.output',
  )
  const rule =
    '[[rules]]\nname = "sets"\nmatch = { name = "env-*", kind = "derivation" }\nrequire.derivation = "nothing"\n'
  assert.equal(
    words(withDefault('"alice"', '"self"', rule)),
    'rule "default" (line 12) accepts outputs that only this machine built, and rule "sets" (line 14, for names ' +
      'like env-*) requires no signature on their derivations, so whoever writes a derivation chooses the program ' +
      'and its name; name somebody in require.derivation, or another builder in require.output',
  )
  assert.match(
    words(withDefault('"alice"', '"nothing"')),
    /^rule "default" \(line 12\) requires no signature on outputs, so whoever runs a binary cache/,
  )
})

test('an exemption is reported while it is in force, unless it is for a single path', () => {
  const exemption = (match: string) => `[[exemptions]]\n${match}\nreason = "seed"\nuntil = 2026-12-31\n`
  const named = withDefault('"alice"', '"self"', exemption('name = "seed*"\nkind = "derivation"'))
  assert.deepEqual(codes(named), ['output-by-self-alone'])
  assert.match(words(named), /the exemption at line 14 \(until 2026-12-31, for names like seed\*\)/)
  assert.deepEqual(codes(named, Date.UTC(2026, 11, 31) / 1000), [])
  const path = `path = "/nix/store/${'a'.repeat(32)}-seed.drv"`
  assert.deepEqual(codes(withDefault('"alice"', '"self"', exemption(path))), [])
})

test('rules that never apply to one build together are not reported together', () => {
  const rules = (derivation: string, output: string) => `[[rules]]
match = { name = "${derivation}", kind = "derivation" }
require.derivation = "nothing"
[[rules]]
match = { name = "${output}", kind = "output" }
require.output = "self"
`
  assert.deepEqual(codes(withDefault('"alice"', '"alice"', rules('a*', 'b*'))), [])
  assert.deepEqual(codes(withDefault('"alice"', '"alice"', rules('tool', 'tool-dev'))), [
    'output-by-self-alone',
  ])
  assert.deepEqual(codes(withDefault('"alice"', '"alice"', rules('tool-dev', 'tool'))), [])
})

const glob = fc.string({ unit: fc.constantFrom('a', '-', '*', '?'), minLength: 1, maxLength: 4 })
const NAMES = allNames('ab-', 5)

function allNames(letters: string, longest: number): readonly string[] {
  const names = ['']
  for (let length = 0, from = 0; length < longest; length++) {
    const end = names.length
    for (; from < end; from++) for (const letter of letters) names.push((names[from] ?? '') + letter)
  }
  return names.slice(1)
}

test('property: the common glob of two globs exists exactly if they have a common name, and matches only common names', () => {
  fc.assert(
    fc.property(glob, glob, (a, b) => {
      const both = commonGlob(a, b)
      const common = NAMES.filter(name => matchesGlob(a, name) && matchesGlob(b, name))
      if (both === undefined) assert.deepEqual(common, [])
      else
        for (const name of NAMES)
          if (matchesGlob(both, name)) assert.ok(common.includes(name), `${both}: ${name}`)
    }),
    { numRuns: 1000 },
  )
})

test('property: there is a remark exactly if an unsigned derivation has an output that passes', () => {
  const rule = fc.record({
    glob,
    kind: fc.constantFrom('derivation', 'output'),
    isWeak: fc.boolean(),
  })
  const trusted = (policy: Policy, name: string, kind: 'derivation' | 'output') =>
    judge(
      policy,
      { path: name, name, kind, narHash: '', builtHere: kind === 'output' },
      { claims: [], strays: [], troubles: [] },
      NOW,
    ).outcome === 'trusted'
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), fc.boolean(), (rules, isWeak) => {
      const text = rules.map(({ glob, kind, isWeak }) => {
        const weak = kind === 'output' ? '"self"' : '"nothing"'
        return `[[rules]]\nmatch = { name = "${glob}", kind = "${kind}" }\nrequire.${kind} = ${isWeak ? weak : '"alice"'}\n`
      })
      let policy: Policy
      try {
        policy = withDefault(isWeak ? '"nothing"' : '"alice"', '"alice"', text.join(''))
      } catch {
        return // A rule that can never decide is an error.
      }
      const found = NAMES.find(
        name =>
          trusted(policy, name, 'derivation') &&
          NAMES.some(
            output =>
              (output === name || output.startsWith(`${name}-`)) &&
              output !== `${name}-` &&
              trusted(policy, output, 'output'),
          ),
      )
      const remarks = codes(policy)
      if (found !== undefined) assert.notDeepEqual(remarks, [], `${text.join('')} ${found}`)
    }),
    { numRuns: 400 },
  )
})
