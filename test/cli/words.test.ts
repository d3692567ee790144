import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimWords, ledgerWords } from '../../src/explain/evidence-words.ts'
import { type Admission, NO_POLICY, RESPITED, WARNED } from '../../src/ledger/admissions.ts'
import { adviceFor } from '../../src/policy/advice.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import type { Claim, Finding, Refusal } from '../../src/policy/verdict.ts'

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const PATH = `/nix/store/${DIGEST}-x`
const HASH = 'ab'.repeat(32)
const NOW = 1_790_000_000
const POLICY = 'cd'.repeat(32)

function refused(finding: Finding): Refusal {
  return {
    outcome: 'untrusted',
    path: PATH,
    kind: 'output',
    ground: { kind: 'rule', title: 'default' },
    findings: [finding],
  }
}

const need = { aspect: 'output', who: 'builders', threshold: 1, of: 2 } as const
const stray = { problem: 'bad-signature', origin: 'a file', detail: 'a key' } as const
const attested = { who: 'bob', attested: HASH, origin: 'a file' }

const ADVICE: readonly (readonly [Finding, RegExp])[] = [
  [{ code: 'unsigned', need }, /nixsig attest output \/nix\/store\/.*-x --key FILE/],
  [{ code: 'unsigned', need: { ...need, who: 'self' } }, /have this machine build it/],
  [{ code: 'threshold', need, found: [] }, /nixsig attest output/],
  [{ code: 'unknown-signer', need, strays: [] }, /list the signer under \[principals\]/],
  [{ code: 'bad-signature', stray }, /do not use it: get it anew/],
  [{ code: 'wrong-digest', ...attested }, /do not use it: get it anew/],
  [{ code: 'conflict', ...attested, judged: 'ab' }, /does not build the same twice/],
  [{ code: 'revoked', who: 'bob' }, /signed again/],
  [{ code: 'expired', who: 'bob' }, /signed again/],
  [{ code: 'not-yet-valid', who: 'bob', at: NOW }, /wait/],
  [
    { code: 'not-logged', who: 'bob', quorum: 'main', threshold: 1, of: 1, found: [], origin: 'a' },
    /nixsig attest log-proof .* --proof FILE/,
  ],
  [{ code: 'not-a-signature', detail: 'it was built' }, /get it anew from its origin/],
  [{ code: 'refused-by-rule' }, /nixsig policy describe/],
  [{ code: 'unknown-derivation', unvouched: [] }, /accept-unknown-derivation/],
  [{ code: 'unsupported-derivation', what: 'odd' }, /cannot judge this kind/],
  [
    { code: 'input', path: `${PATH}-input`, verdict: refused({ code: 'refused-by-rule' }) },
    /nixsig explain \/nix\/store\/.*-x-input/,
  ],
  [{ code: 'unreadable', trouble: { origin: 'a', detail: 'b' } }, /repair what cannot be read/],
]

for (const [finding, words] of ADVICE) {
  test(`advice on ${finding.code}${finding.code === 'unsigned' ? ` by ${finding.need.who}` : ''}`, () => {
    assert.match(adviceFor(refused(finding)).join('\n'), words)
  })
}

test('advice on a key that ended since it signed names the field of the rule, for sources alone', () => {
  const finding = { code: 'expired', who: 'bob', at: NOW, signedAt: NOW - 1 } as const
  const [newer, ...others] = adviceFor(refused(finding))
  assert.match(newer ?? '', /newer copy of the certificate/)
  assert.deepEqual(others, ['or have it signed again with a key that is in force'])
  const [, accept] = adviceFor({ ...refused(finding), kind: 'fetched-source' })
  assert.match(accept ?? '', /accept-expired-key = "if-signed-before" in the rule/)
})

test('advice knows the cause: a source that was asked a while ago, a path that the gate alone signed', () => {
  const sources = [{ url: 'https://example.org/bob', answered: NOW - 3600 }]
  const known = { reader: 'user', sources, isSignedByGateAlone: true } as const
  const [adopt, sync] = adviceFor(refused({ code: 'unsigned', need }), known)
  assert.match(adopt ?? '', /^ask an administrator to fetch the signatures of the cache .*nixsig adopt \/nix/)
  assert.match(
    sync ?? '',
    /^ask an administrator to have .*nixsig sync \(https:\/\/example.org\/bob answered 20/,
  )
  const [first] = adviceFor(refused({ code: 'refused-by-rule' }), known)
  assert.match(first ?? '', /^see which rule forbids it/)
})

test('advice knows the cause: a cache that does not answer', () => {
  const finding = { code: 'unreadable', trouble: { origin: 'a cache', detail: 'timed out' } } as const
  const lines = adviceFor({ ...refused(finding), ground: { kind: 'caches' } }, { reader: 'user' })
  assert.match(lines[1] ?? '', /^or build it without binary caches: .*--option substitute false$/)
})

const ENTRY: Admission = {
  path: PATH,
  narHash: HASH,
  policy: POLICY,
  until: undefined,
  stamp: undefined,
  kind: 'output',
  builtHere: true,
  derivation: undefined,
  time: NOW,
  rule: 'a\u001b[2J',
  claims: [],
  build: undefined,
}
const PRESENT = { policy: POLICY, now: NOW + 1, narHash: HASH }

test('ledger: nothing, a current entry, and each way of being stale', () => {
  assert.equal(ledgerWords(undefined, PRESENT), 'never admitted')
  assert.match(ledgerWords(ENTRY, PRESENT), /^admitted 2026-.* under rule ".*", built here; current$/)
  assert.match(ledgerWords(ENTRY, { ...PRESENT, narHash: undefined }), /; current$/)
  assert.match(ledgerWords(ENTRY, { ...PRESENT, policy: HASH }), /stale: the policy has changed since$/)
  assert.match(ledgerWords(ENTRY, { ...PRESENT, narHash: POLICY }), /stale: it was about other contents/)
  assert.match(ledgerWords({ ...ENTRY, until: NOW }, PRESENT), /stale: it ended 2026-/)
  const warned = { ...ENTRY, policy: NO_POLICY, rule: WARNED }
  assert.match(
    ledgerWords(warned, PRESENT),
    /^not admitted; refused 2026-.*, while the policy only warned, built/,
  )
  assert.match(
    ledgerWords({ ...warned, rule: RESPITED }, PRESENT),
    /^not admitted; refused 2026-.*, during a respite, built/,
  )
})

test('attack: a rule that would steer the terminal is escaped', () => {
  assert.match(ledgerWords(ENTRY, PRESENT), /a\\u\{1b\}\[2J/)
})

const POLICY_TEXT = `version = 1
mode = "enforce"
[principals.bob]
keys = [{ key = "bob-1:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", valid-until = 2026-01-01 }]
[default]
require.source = "bob"
require.derivation = "bob"
require.output = "bob"
`
const policy = parsePolicy({
  toml: POLICY_TEXT,
  file: 'policy.toml',
  directory: '/',
  certificate: () => new Uint8Array(),
})
const BOB = 'ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
const claim: Claim = { key: BOB, role: 'packager', path: PATH, narHash: HASH, origin: 'there\u001b:1' }

test('a claim: who, in which role, by which key, and where it was read', () => {
  const early = claimWords(policy, claim, { narHash: HASH, now: 1_700_000_000, name: 'x' })
  assert.equal(early, 'bob as packager, key bob-1, in there\\u{1b}:1')
})

test('a claim: what is wrong with it', () => {
  const odd: Claim = { ...claim, coversGraph: true, graph: `${PATH}.drv` }
  const words = claimWords(policy, odd, { narHash: POLICY, now: NOW, name: 'x' })
  assert.match(words, /with its whole build graph/)
  assert.match(words, /by signing the build graph of .*-x\.drv/)
  assert.match(words, /about other contents \(abab/)
  assert.match(words, /expired 2026-01-01/)
  const expired = { signedAt: NOW - 86_400, at: NOW }
  const ended = claimWords(policy, { ...claim, expired }, { narHash: HASH, now: NOW, name: 'x' })
  assert.match(
    ended,
    /, signed 2026-09-20T14:13:20Z by its own word, before the key ended 2026-09-21T14:13:20Z,/,
  )
  const logging = [
    { quorum: 'a', outcome: 'proven', found: ['w1'] },
    { quorum: 'b', outcome: 'too-few', found: ['w1'] },
    { quorum: 'c', outcome: 'wrong', found: [], detail: 'x' },
  ] as const
  assert.match(
    claimWords(policy, { ...claim, logging }, { narHash: HASH, now: NOW, name: 'x' }),
    /proven to be logged for the quorum a, logged, and seen by too few for the quorum b \(w1\), with no proof that holds for the quorum c \(x\)/,
  )
  const stranger = claimWords(policy, { ...claim, key: 'ed25519:00' }, { narHash: HASH, now: NOW, name: 'x' })
  assert.match(stranger, /^somebody who is not in the trusted list as packager, key ed25519:00/)
})
