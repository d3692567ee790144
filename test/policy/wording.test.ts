import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { describePolicy } from '../../src/policy/describe.ts'
import { judge } from '../../src/policy/judge.ts'
import type { Finding, Refusal, Stray } from '../../src/policy/verdict.ts'
import { paragraph, sentence } from '../../src/policy/wording.ts'
import { claimBy, evidenceOf, NOW, PATH, policyOf, SOURCE, teamPolicy } from './policies.ts'

const NEED = { aspect: 'source', who: 'team', role: 'packager', threshold: 2, of: 3 } as const
const stray = (problem: Stray['problem']): Stray => ({ problem, origin: 'a.jsonl:9', detail: 'SHA256:x' })
const MAY = Date.UTC(2026, 4, 1) / 1000

function refusal(...[first, ...rest]: [Finding, ...Finding[]]): Refusal {
  return {
    outcome: 'untrusted',
    path: PATH,
    kind: 'fetched-source',
    ground: { kind: 'rule', title: 'default' },
    findings: [first, ...rest],
  }
}

// Each finding with its message.
const WORDS: readonly (readonly [Finding, string])[] = [
  [{ code: 'unsigned', need: NEED }, 'needs 2 of 3 team as packager for its source, found no signature'],
  [
    { code: 'unsigned', need: NEED, isDiscounted: true },
    'needs 2 of 3 team as packager for its source, found no signature that counts',
  ],
  [
    { code: 'unsigned', need: { aspect: 'output', who: 'self', threshold: 1, of: 1 } },
    'needs to be built by this machine',
  ],
  [
    { code: 'unknown-signer', need: NEED, strays: [stray('unknown-signer'), stray('unknown-signer')] },
    'needs 2 of 3 team as packager for its source, found only signers who are not in the trusted list (SHA256:x)',
  ],
  [
    { code: 'threshold', need: NEED, found: ['alice'] },
    'needs 2 of 3 team as packager for its source, found 1 (alice)',
  ],
  [
    { code: 'threshold', need: NEED, found: ['self', 'bob'] },
    'needs 2 of 3 team as packager for its source, found 2 (this machine, bob)',
  ],
  [
    { code: 'threshold', need: NEED, found: [] },
    'needs 2 of 3 team as packager for its source, found 0 (a group in it has too few of its own)',
  ],
  [
    { code: 'bad-signature', stray: stray('bad-signature') },
    'found a signature that does not verify (SHA256:x, in a.jsonl:9)',
  ],
  [
    { code: 'references', upstream: 'https://a.example', added: [PATH], missing: [] },
    `https://a.example says that it refers to other paths than its contents do: adds ${PATH}`,
  ],
  [
    {
      code: 'references',
      upstream: 'https://a.example',
      added: [PATH],
      missing: [`${PATH}x`, `${PATH}y`],
      by: { who: 'bob', origin: 'a.jsonl:1' },
    },
    `https://a.example says that it refers to other paths than bob signed (in a.jsonl:1): adds ${PATH} and leaves out ${PATH}x, ${PATH}y`,
  ],
  [
    { code: 'unvouched-references', detail: 'https://a.example: has no such NAR' },
    'nobody whose word counts has signed what it refers to, and its contents do not tell (https://a.example: has no such NAR)',
  ],
  [
    { code: 'wrong-digest', who: 'bob', attested: 'cdcd', origin: 'a.jsonl:1' },
    'bob signed other contents (sha256:cdcd, in a.jsonl:1)',
  ],
  [
    {
      code: 'disagreement',
      sides: [
        { who: 'https://a.example', path: PATH, narHash: 'abab', narSize: 8 },
        { who: 'file:///srv', path: PATH, narHash: 'cdcd', narSize: 9 },
      ],
    },
    'binary caches disagree: https://a.example says sha256:abab of 8 bytes, file:///srv says sha256:cdcd of 9 bytes',
  ],
  [
    {
      code: 'disagreement',
      sides: [
        { who: 'https://a.example', path: PATH, narHash: 'abab', narSize: 8 },
        { who: 'https://b.example', path: PATH, narHash: 'abab', narSize: 8 },
      ],
    },
    'binary caches disagree: https://a.example says sha256:abab of 8 bytes, https://b.example says sha256:abab of 8 bytes, and that it refers to other paths',
  ],
  [
    { code: 'conflict', who: 'bob', attested: 'cdcd', origin: 'a.jsonl:1', judged: 'abab' },
    'builders disagree: bob attested other contents (sha256:cdcd, in a.jsonl:1) than the ones judged here (sha256:abab)',
  ],
  [
    { code: 'revoked', who: 'bob', since: MAY, reason: 'laptop stolen' },
    'the key of bob is revoked since 2026-05-01 (laptop stolen)',
  ],
  [{ code: 'revoked', who: 'ABCD' }, 'the key of ABCD is revoked'],
  [{ code: 'expired', who: 'bob', at: MAY + 1 }, 'the key of bob is past its date, 2026-05-01T00:00:01Z'],
  [
    { code: 'expired', who: 'bob', at: MAY, signedAt: MAY - 86400 },
    "the key of bob ended 2026-05-01, after this was signed (2026-04-30, by the signer's own word), and the rule accepts no key that ended",
  ],
  [{ code: 'expired', who: 'ABCD' }, 'the key or signature of ABCD is past its date'],
  [{ code: 'not-yet-valid', who: 'bob', at: MAY }, 'the key of bob is not valid before 2026-05-01'],
  [
    { code: 'not-logged', who: 'bob', quorum: 'main', threshold: 2, of: 3, found: [], origin: 'a.jsonl:9' },
    'signed by bob, but not proven to be logged: needs the quorum main: 2 of 3 witnesses; found: no proof (in a.jsonl:9)',
  ],
  [
    {
      code: 'not-logged',
      who: 'bob',
      quorum: 'main',
      threshold: 2,
      of: 3,
      found: ['w1'],
      standing: { quorum: 'main', outcome: 'too-few', found: ['w1'] },
      origin: 'a.jsonl:9',
    },
    'signed by bob, but not proven to be logged: needs the quorum main: 2 of 3 witnesses; found: 1 of 3 (w1) (in a.jsonl:9)',
  ],
  [
    {
      code: 'not-logged',
      who: 'bob',
      quorum: 'none',
      threshold: 0,
      of: 0,
      found: [],
      standing: {
        quorum: 'none',
        outcome: 'wrong',
        found: [],
        detail: 'a proof that something else was logged',
      },
      origin: 'a.jsonl:9',
    },
    'signed by bob, but not proven to be logged: needs the quorum none: a log; found: no proof that holds (a proof that something else was logged) (in a.jsonl:9)',
  ],
  [
    { code: 'not-a-signature', detail: 'it was built' },
    'it is named as a signature but is not one (it was built)',
  ],
  [{ code: 'refused-by-rule' }, 'the rule refuses it, whoever signed'],
  [
    { code: 'unknown-derivation', unvouched: [] },
    'its derivation is not in this store, so what it was built from cannot be judged',
  ],
  [
    { code: 'unsupported-derivation', what: 'an impure derivation' },
    'it is an impure derivation, a kind that cannot be judged',
  ],
  [
    { code: 'unreadable', trouble: { origin: '/srv/a', detail: 'no such directory' } },
    '/srv/a: no such directory',
  ],
  [
    {
      code: 'input',
      path: `${PATH}x`,
      verdict: { ...refusal({ code: 'refused-by-rule' }), path: `${PATH}x` },
    },
    `its input ${PATH}x (fetched source) is refused: the rule refuses it, whoever signed`,
  ],
]
for (const [finding, words] of WORDS) {
  test(`${finding.code} reads "${words.slice(0, 60)}"`, () => {
    assert.equal(
      sentence(refusal(finding)),
      `refused ${PATH} (fetched source) under rule "default": ${words}; next: nixsig explain ${PATH}`,
    )
    assert.equal(
      paragraph(refusal(finding)),
      `refused ${PATH} (fetched source) under rule "default"\n  ${words}\n  next: nixsig explain ${PATH}`,
    )
  })
}

test('trusted verdicts say why and for how long', () => {
  const two = evidenceOf([claimBy('alice-1'), claimBy('bob-1')])
  assert.equal(
    sentence(judge(teamPolicy(), SOURCE, two, NOW)),
    `trusted ${PATH} (fetched source) under rule "default": vouched for by alice, bob`,
  )
  const exempt = teamPolicy(`[[exemptions]]\npath = "${PATH}"\nreason = "not signed"\nuntil = 2026-12-31`)
  assert.equal(
    sentence(judge(exempt, SOURCE, two, NOW)),
    `trusted ${PATH} (fetched source) under rule "default": exempt by line 10 of the policy (not signed), until 2026-12-31`,
  )
  const waived = teamPolicy('', { requirement: '"nothing"' })
  assert.match(sentence(judge(waived, SOURCE, two, NOW)), /: nothing is required$/)
})

test('an undecided verdict says that it is', () => {
  const verdict = {
    ...refusal({ code: 'unknown-derivation', unvouched: [] }),
    outcome: 'indeterminate',
  } as const
  assert.match(sentence(verdict), /^refused \S+ \(fetched source\), undecided under rule "default": /)
})

test('a paragraph lists once what else was found', () => {
  const told = stray('bad-signature')
  const other: Stray = { problem: 'unused', origin: 'b.jsonl:1', detail: 'carol: a build graph' }
  const verdict = { ...refusal({ code: 'bad-signature', stray: told }), strays: [told, other, { ...other }] }
  assert.equal(
    paragraph(verdict),
    [
      `refused ${PATH} (fetched source) under rule "default"`,
      '  found a signature that does not verify (SHA256:x, in a.jsonl:9)',
      '  also found: a signature that nothing asks for (carol: a build graph, in b.jsonl:1)',
      `  next: nixsig explain ${PATH}`,
    ].join('\n'),
  )
})

test('a sentence says who did not answer, and nothing else of what else was found', () => {
  const silent: Stray = { problem: 'no-answer', origin: 'https://cache.example.org', detail: 'answered 503' }
  const verdict = {
    ...refusal({ code: 'threshold', need: NEED, found: ['alice'] }),
    strays: [stray('bad-signature'), silent],
  }
  assert.match(
    sentence(verdict),
    /found 1 \(alice\); a binary cache that did not answer \(answered 503, in https:\/\/cache\.example\.org\); next: /,
  )
  assert.doesNotMatch(sentence(verdict), /does not verify/)
})

test('many findings are counted, not all listed', () => {
  const many = Array.from({ length: 100 }, (_, index) => ({
    code: 'expired' as const,
    who: `person-${index}`,
    at: MAY,
  }))
  const [first, ...rest] = many
  assert.ok(first !== undefined)
  assert.match(sentence(refusal(first, ...rest)), / and 97 more; next: /)
  assert.equal(paragraph(refusal(first, ...rest)).split('\n').length, 33)
})

test('an input of an input of an input is followed, but not endlessly', () => {
  let verdict = refusal({ code: 'refused-by-rule' })
  for (let i = 0; i < 50; i++) verdict = refusal({ code: 'input', path: PATH, verdict })
  assert.equal(sentence(verdict).match(/its input/g)?.length, 4)
})

const hostile = fc.string({
  unit: fc.constantFrom(
    '\u001b[2J',
    '\r',
    '\n',
    '\u0085',
    '\u2028',
    '\u202e',
    '\u200b',
    '\ud800',
    '\\',
    'a',
    '😀',
  ),
  maxLength: 400,
})
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

test('no text of an attacker reaches a terminal unescaped, starts a line or makes a sentence too long', () => {
  fc.assert(
    fc.property(hostile, text => {
      const own: Stray = { problem: 'bad-signature', origin: text, detail: text }
      const need = { ...NEED, who: text }
      const findings: readonly [Finding, ...Finding[]] = [
        { code: 'threshold', need, found: [text, text] },
        { code: 'unknown-signer', need, strays: [own] },
        { code: 'bad-signature', stray: own },
        { code: 'wrong-digest', who: text, attested: text, origin: text },
        { code: 'conflict', who: text, attested: text, origin: text, judged: text },
        { code: 'revoked', who: text, reason: text },
        { code: 'expired', who: text },
        { code: 'unsupported-derivation', what: text },
        { code: 'unreadable', trouble: { origin: text, detail: text } },
        { code: 'input', path: text, verdict: { ...refusal({ code: 'expired', who: text }), path: text } },
      ]
      for (const finding of findings) {
        const verdict = { ...refusal(finding), path: text, rule: text, strays: [own] }
        const line = sentence(verdict)
        assert.doesNotMatch(line, UNSAFE)
        assert.ok(line.length <= 900, `${line.length} characters`)
        const lines = paragraph(verdict).split('\n')
        assert.ok(lines.length <= 4)
        for (const each of lines) assert.doesNotMatch(each, UNSAFE)
      }
    }),
    { numRuns: 100 },
  )
})

test('a policy is described in plain words', () => {
  const text = readFileSync(join(PROJECT_ROOT, 'test/vectors/policy/everything.toml'), 'utf8')
  assert.equal(
    describePolicy(policyOf(text)),
    `mode warn: what is not trusted is reported but allowed
attestations are looked for in: /etc/nixsig/attestations, /srv/attestations
people:
  alice: Nix key alice-1, Nix key alice-2 from 2026-01-01 until 2026-12-31T22:00:00Z, OpenPGP key 6EBCE3332AB397F1C9DCB7EA6227C7EB1F14BF0E
  bob: Nix key bob-1, OpenPGP key 14FFF522EF5F1A52497800D39DF1C76C1231C63F
  carol's builder: Nix key carol-1
groups:
  humans: 1 of 2 (alice, bob)
  reproducible: 2 of 3 (humans, carol's builder, this machine)
rules, of which the first that matches decides:
  "upstream tarballs" (line 34): fetched sources named *.tar.*
    source: needs alice as developer and humans as packager and bob as packager
    a packager may vouch for a whole build graph at once
    keys that ended since count for sources that they say to have signed before
  "rule 2" (line 41): outputs
    output: needs this machine and reproducible
    outputs from elsewhere pass without their derivation
  "rule 3" (line 46): fetched sources, local sources, derivations named secret-*
    source: is always refused
    derivation: needs nothing
  "default" (line 51): everything else
    source: needs humans
    derivation: needs bob as reviewer
    output: needs this machine
revoked:
  Nix key alice-1 of alice from 2026-05-01 (laptop stolen)
  OpenPGP key 14FFF522EF5F1A52497800D39DF1C76C1231C63F of bob from 2026-05-02T12:00:00Z
  all keys of carol's builder from 2030-01-01
exempt:
  ${PATH} until 2026-12-31 (upstream does not sign)
  local sources named bootstrap-* until 2026-12-31 (until the seed is signed)`,
  )
})

test('attack: a rule that is named like another ground of a refusal is told apart from it', () => {
  const finding = { code: 'refused-by-rule' } as const
  const byRule = { ...refusal(finding), ground: { kind: 'rule', title: 'what it refers to' } } as const
  const byReferences = { ...refusal(finding), ground: { kind: 'references' } } as const
  assert.match(sentence(byRule), /\(fetched source\) under rule "what it refers to": /)
  assert.match(sentence(byReferences), /\(fetched source\) because of what it refers to: /)
})
