import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exitCode } from '../../src/policy/exit-code.ts'
import { findingWords } from '../../src/policy/finding-words.ts'
import { judge } from '../../src/policy/judge.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Claim, Evidence, Finding, Stray, Subject, Trust, Verdict } from '../../src/policy/verdict.ts'
import {
  builtBy,
  claimBy,
  evidenceOf,
  NOW,
  OF_UNKNOWN_MAKING,
  OTHER_HASH,
  OUTPUT,
  PATH,
  policyOf,
  SOURCE,
  teamPolicy,
} from './policies.ts'

function trusted(verdict: Verdict): Trust {
  assert.equal(verdict.outcome, 'trusted', JSON.stringify(verdict))
  return verdict as Trust
}

/** Checks the outcome, the codes in order and the exit status of a refusal. */
function refused(verdict: Verdict, codes: readonly Finding['code'][], exit: number): readonly Finding[] {
  assert.ok(verdict.outcome !== 'trusted', 'it was trusted')
  assert.deepEqual(
    verdict.findings.map(({ code }) => code),
    codes,
  )
  assert.equal(exitCode(verdict), exit)
  assert.equal(verdict.outcome, exit === 20 ? 'indeterminate' : 'untrusted')
  return verdict.findings
}

function ask(policy: Policy, evidence: Evidence, subject: Subject = SOURCE, now = NOW): Verdict {
  return judge(policy, subject, evidence, now)
}

const TWO = evidenceOf([claimBy('alice-1'), claimBy('bob-1')])
const stray = (problem: Stray['problem'], detail = 'SHA256:x'): Stray => ({
  problem,
  origin: 'a.jsonl:9',
  detail,
})

test('two of three packagers make a source trusted', () => {
  const { basis, until, rule } = trusted(ask(teamPolicy(), TWO))
  assert.deepEqual(basis, { kind: 'claims', claims: TWO.claims, principals: ['alice', 'bob'] })
  assert.equal(until, undefined)
  assert.equal(rule, 'default')
})

// One test for each code of a finding.

test('unsigned: no evidence at all', () => {
  const [finding] = refused(ask(teamPolicy(), evidenceOf([])), ['unsigned'], 10)
  const need = { aspect: 'source', who: 'team', threshold: 2, of: 3 }
  assert.deepEqual(finding, { code: 'unsigned', need })
})

test('unknown-signer: signed by strangers alone', () => {
  const strays = [stray('unknown-signer')]
  const [finding] = refused(ask(teamPolicy(), evidenceOf([], { strays })), ['unknown-signer'], 11)
  assert.ok(finding?.code === 'unknown-signer')
  assert.deepEqual(finding.strays, strays)
})

test('threshold: one of two, and who it was', () => {
  const [finding] = refused(ask(teamPolicy(), evidenceOf([claimBy('alice-1')])), ['threshold'], 12)
  assert.ok(finding?.code === 'threshold')
  assert.deepEqual(finding.found, ['alice'])
})

test('bad-signature: a forgery next to too few signatures is reported first', () => {
  const evidence = evidenceOf([claimBy('alice-1')], { strays: [stray('bad-signature')] })
  refused(ask(teamPolicy(), evidence), ['bad-signature', 'threshold'], 13)
})

test('wrong-digest: a packager signed other contents for the same path', () => {
  const evidence = evidenceOf([claimBy('alice-1'), claimBy('bob-1', { narHash: OTHER_HASH })])
  const [finding] = refused(ask(teamPolicy(), evidence), ['wrong-digest', 'threshold'], 13)
  assert.ok(finding?.code === 'wrong-digest')
  assert.deepEqual([finding.who, finding.attested], ['bob', OTHER_HASH])
})

test('conflict: a builder of the trusted list attested another result', () => {
  const claims = [builtBy('alice-1'), builtBy('bob-1'), builtBy('carol-1', { narHash: OTHER_HASH })]
  const [finding] = refused(ask(teamPolicy(), evidenceOf(claims), OUTPUT), ['conflict'], 13)
  assert.ok(finding?.code === 'conflict')
  assert.deepEqual([finding.who, finding.attested, finding.judged], ['carol', OTHER_HASH, OUTPUT.narHash])
})

test('revoked: a key that does not count from a day on, whatever it signed before', () => {
  const policy = teamPolicy('[[revocations]]\nkey = "KEY(bob-1)"\ndate = 2026-06-01\nreason = "stolen"')
  const [finding] = refused(ask(policy, TWO), ['revoked', 'threshold'], 14)
  assert.deepEqual(finding, {
    code: 'revoked',
    who: 'bob',
    since: Date.UTC(2026, 5, 1) / 1000,
    reason: 'stolen',
  })
})

const DATED = `
version = 1
mode = "enforce"
[principals.alice]
keys = [{ key = "KEY(alice-1)", valid-from = 2026-06-01, valid-until = 2026-07-01 }, "KEY(alice-2)"]
[principals.bob]
keys = ["KEY(bob-1)"]
[default]
require = { source = "alice", derivation = "alice", output = ["alice", "bob"] }
`
const [BEFORE, FIRST, LAST, END] = [
  Date.UTC(2026, 5, 1) / 1000 - 1,
  Date.UTC(2026, 5, 1) / 1000,
  Date.UTC(2026, 6, 1) / 1000 - 1,
  Date.UTC(2026, 6, 1) / 1000,
]

test('expired: from the second at which its validity ends', () => {
  const evidence = evidenceOf([claimBy('alice-1')])
  assert.equal(trusted(ask(policyOf(DATED), evidence, SOURCE, LAST)).until, END)
  const [finding] = refused(ask(policyOf(DATED), evidence, SOURCE, END), ['expired', 'unsigned'], 14)
  assert.deepEqual(finding, { code: 'expired', who: 'alice', at: END })
})

test('not-yet-valid: up to the second at which its validity begins', () => {
  const evidence = evidenceOf([claimBy('alice-1')])
  trusted(ask(policyOf(DATED), evidence, SOURCE, FIRST))
  const [finding] = refused(ask(policyOf(DATED), evidence, SOURCE, BEFORE), ['not-yet-valid', 'unsigned'], 14)
  assert.deepEqual(finding, { code: 'not-yet-valid', who: 'alice', at: FIRST })
})

test('refused-by-rule: no signature helps', () => {
  const policy = teamPolicy('[[rules]]\nmatch.name = "hello-*"\nrequire.source = "refuse"')
  refused(ask(policy, TWO), ['refused-by-rule'], 12)
})

test('unknown-derivation: an output from elsewhere whose derivation is not here', () => {
  const evidence = evidenceOf([builtBy('alice-1'), builtBy('bob-1')])
  const subject = OF_UNKNOWN_MAKING
  refused(ask(teamPolicy(), evidence, subject), ['unknown-derivation'], 20)
})

test('unreadable: hidden evidence may hide a conflict', () => {
  const troubles = [{ origin: '/srv/attestations', detail: 'no such directory' }]
  refused(ask(teamPolicy(), { ...TWO, troubles }), ['unreadable'], 20)
})

test('S15: a refused input has the exit status of its own verdict, an unsupported derivation that of undecided', () => {
  const inner = ask(teamPolicy(), evidenceOf([claimBy('alice-1')]))
  assert.ok(inner.outcome !== 'trusted')
  const outer: Verdict = { ...inner, findings: [{ code: 'input', path: PATH, verdict: inner }] }
  assert.equal(exitCode(outer), 12)
  assert.equal(exitCode({ ...inner, findings: [{ code: 'unsupported-derivation', what: 'impure' }] }), 20)
  assert.equal(exitCode(ask(teamPolicy(), TWO)), 0)
})

// S1: trouble
test('S1: trouble outweighs exemptions and waived requirements', () => {
  const troubles = [{ origin: 'a.jsonl:1', detail: 'not JSON' }]
  const exempt = teamPolicy(`[[exemptions]]\npath = "${PATH}"\nreason = "x"\nuntil = 2030-01-01`)
  refused(ask(exempt, evidenceOf([], { troubles })), ['unreadable'], 20)
  const waived = teamPolicy('', { requirement: '"nothing"' })
  refused(ask(waived, evidenceOf([], { troubles })), ['unreadable'], 20)
})

// S2: rules
test('S2: the first rule that matches name and kind and states the aspect decides', () => {
  const policy = teamPolicy(`
[[rules]]
name = "outputs only"
match.name = "hello-*"
require.output = "nothing"
[[rules]]
name = "other kind"
match = { name = "hello-*", kind = "local-source" }
require.source = "nothing"
[[rules]]
name = "this one"
match.name = "hello-*.tar.?z"
require.source = "alice"
[[rules]]
name = "too late"
match.name = "hello-*"
require.source = "nothing"`)
  const verdict = ask(policy, evidenceOf([]))
  refused(verdict, ['unsigned'], 10)
  assert.deepEqual(decidedBy(verdict), 'this one')
  assert.equal(decidedBy(ask(policy, evidenceOf([]), { ...SOURCE, name: 'hello-2.12.tar.zst' })), 'too late')
  assert.equal(decidedBy(ask(policy, evidenceOf([]), { ...SOURCE, name: 'x-hello-2' })), 'default')
})

/** The title of the rule that decided. */
function decidedBy(verdict: Verdict): string {
  if (verdict.outcome === 'trusted') return verdict.rule
  assert.ok(verdict.ground.kind === 'rule')
  return verdict.ground.title
}

test('S2: a rule that states nothing for a kind does not decide it; a default without a requirement refuses', () => {
  const policy = teamPolicy('[[rules]]\nmatch.kind = "fetched-source"\nrequire.source = "nothing"')
  trusted(ask(policy, evidenceOf([])))
  const mute = { ...policy, rules: policy.rules.map(rule => ({ ...rule, require: {} })) }
  refused(ask(mute, evidenceOf([])), ['unsigned'], 10)
  const empty = { ...mute, fallback: { ...policy.fallback, require: {} } }
  refused(ask(empty, TWO), ['refused-by-rule'], 12)
})

// S3: exemptions
test('S3: an exemption holds until its end, and not one second longer', () => {
  const policy = teamPolicy(`[[exemptions]]\npath = "${PATH}"\nreason = "not signed"\nuntil = 2026-07-01`)
  const { basis, until } = trusted(ask(policy, evidenceOf([]), SOURCE, LAST))
  assert.deepEqual(basis, { kind: 'exemption', reason: 'not signed', line: 10 })
  assert.equal(until, END)
  refused(ask(policy, evidenceOf([]), SOURCE, END), ['unsigned'], 10)
})

test('S3: an exemption by name holds only for its kinds and names', () => {
  const policy = teamPolicy(
    '[[exemptions]]\nname = "hello-?.12*"\nkind = "fetched-source"\nreason = "x"\nuntil = 2026-07-01',
  )
  trusted(ask(policy, evidenceOf([])))
  refused(ask(policy, evidenceOf([]), { ...SOURCE, kind: 'local-source' }), ['unsigned'], 10)
  refused(ask(policy, evidenceOf([]), { ...SOURCE, name: 'hello-22.12' }), ['unsigned'], 10)
})

test('S3: an exemption outweighs "refuse" and an unknown derivation, but no conflict', () => {
  const exemption = `[[exemptions]]\npath = "${PATH}"\nreason = "x"\nuntil = 2026-07-01`
  const policy = teamPolicy(exemption, { requirement: '"refuse"' })
  const subject = OF_UNKNOWN_MAKING
  trusted(ask(policy, evidenceOf([]), subject))
  const conflict = evidenceOf([builtBy('alice-1', { narHash: OTHER_HASH })])
  refused(ask(policy, conflict, subject), ['conflict'], 13)
})

// S4: whose claim, about what
test('S4: two keys of one principal are one signer', () => {
  const policy = policyOf(`
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)", "KEY(alice-2)"]
principals.bob.keys = ["KEY(bob-1)"]
groups.team = { members = ["alice", "bob"], threshold = 2 }
default.require = { source = "team", derivation = "team", output = "team" }`)
  const evidence = evidenceOf([claimBy('alice-1'), claimBy('alice-2')])
  const [finding] = refused(ask(policy, evidence), ['threshold'], 12)
  assert.ok(finding?.code === 'threshold')
  assert.deepEqual(finding.found, ['alice'])
})

test('S4: one claim repeated in many roles and places is one signer', () => {
  const claims = [
    claimBy('alice-1'),
    claimBy('alice-1', { origin: 'b.jsonl:1' }),
    claimBy('alice-1', { role: 'reviewer' }),
    claimBy('alice-1', { role: 'developer' }),
  ]
  refused(ask(teamPolicy(), evidenceOf(claims)), ['threshold'], 12)
})

test("S4: a claim by a key that is no longer listed is a stranger's", () => {
  const evidence = evidenceOf([claimBy('alice-1'), claimBy('mallory-1')])
  refused(ask(teamPolicy(), evidence), ['threshold'], 12)
  refused(ask(teamPolicy(), evidenceOf([claimBy('mallory-1')])), ['unknown-signer'], 11)
})

test('S4: a claim about another path with the same contents does not count', () => {
  const other = claimBy('bob-1', { path: PATH.replace('hello', 'jello') })
  const verdict = ask(teamPolicy(), evidenceOf([claimBy('alice-1'), other]))
  refused(verdict, ['threshold'], 12)
  assert.deepEqual(
    verdict.strays?.map(({ problem }) => problem),
    ['other-subject'],
  )
})

// S5: standing
test('S5: a revocation in the future ends the verdict, and applies from its day on', () => {
  const policy = teamPolicy('[[revocations]]\nprincipal = "bob"\ndate = 2026-07-01')
  assert.equal(trusted(ask(policy, TWO, SOURCE, LAST)).until, END)
  refused(ask(policy, TWO, SOURCE, END), ['revoked', 'threshold'], 14)
})

test('S5: revoking one key leaves the other keys of its owner', () => {
  const policy = policyOf(`${DATED}\n[[revocations]]\nkey = "KEY(alice-1)"\ndate = 2026-01-01`)
  const findings = refused(ask(policy, evidenceOf([claimBy('alice-1')])), ['revoked', 'unsigned'], 14)
  assert.match(findings.map(findingWords).join('\n'), /for its source, found no signature that counts$/)
  trusted(ask(policy, evidenceOf([claimBy('alice-2')])))
})

test('S5: revoking a principal revokes all its keys', () => {
  const policy = policyOf(`${DATED}\n[[revocations]]\nprincipal = "alice"\ndate = 2026-01-01`)
  const evidence = evidenceOf([claimBy('alice-1'), claimBy('alice-2')])
  refused(ask(policy, evidence), ['revoked', 'revoked', 'unsigned'], 14)
})

// S6: roles and graphs
test('S6: a role that does not belong to the aspect does not count', () => {
  const policy = teamPolicy()
  refused(ask(policy, evidenceOf([builtBy('alice-1'), builtBy('bob-1')])), ['unsigned'], 10)
  refused(ask(policy, TWO, OUTPUT), ['unsigned'], 10)
  const developers = evidenceOf([
    claimBy('alice-1', { role: 'developer' }),
    claimBy('bob-1', { role: 'developer' }),
  ])
  trusted(ask(policy, developers))
  refused(ask(policy, developers, { ...SOURCE, kind: 'derivation' }), ['unsigned'], 10)
})

test('S6: a demand for a role is only met in that role', () => {
  const strict = policyOf(`
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
[default]
require.source = { developer = "alice" }
require.derivation = { reviewer = "alice" }
require.output = { builder = "alice" }`)
  refused(ask(strict, evidenceOf([claimBy('alice-1')])), ['unsigned'], 10)
  trusted(ask(strict, evidenceOf([claimBy('alice-1', { role: 'developer' })])))
  trusted(ask(strict, evidenceOf([builtBy('alice-1')]), OUTPUT))
})

test('S6: a signed build graph counts only where the rule accepts it', () => {
  const graph = { graph: '/nix/store/0c0r6k3yj5y0qg4zq3fqzsl5zwb6l8rr-system.drv' }
  const evidence = evidenceOf([claimBy('alice-1', graph), claimBy('bob-1', graph)])
  refused(ask(teamPolicy(), evidence), ['unsigned'], 10)
  const accepting = teamPolicy('[[rules]]\nmatch.name = "*"\nrequire.source = "team"\naccept-graph = true')
  trusted(ask(accepting, evidence))
  const reviewed = evidence.claims.map(claim => ({ ...claim, role: 'reviewer' as const }))
  refused(ask(accepting, evidenceOf(reviewed)), ['unsigned'], 10)
})

// S7: conflicts
test('S7: outsiders can cause no conflict', () => {
  const claims = [builtBy('alice-1'), builtBy('bob-1'), builtBy('mallory-1', { narHash: OTHER_HASH })]
  trusted(ask(teamPolicy(), evidenceOf(claims), OUTPUT))
})

test('S7: a builder whom no requirement names can cause one', () => {
  const policy = policyOf(`
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
principals.watcher.keys = ["KEY(watcher-1)"]
default.require = { source = "alice", derivation = "alice", output = "nothing" }`)
  trusted(ask(policy, evidenceOf([]), OUTPUT))
  const conflict = evidenceOf([builtBy('watcher-1', { narHash: OTHER_HASH })])
  refused(ask(policy, conflict, OUTPUT), ['conflict'], 13)
  refused(ask(policy, conflict, { ...OUTPUT, builtHere: true }), ['conflict'], 13)
})

test('S7: a key that is expired or revoked causes none', () => {
  const policy = policyOf(`${DATED}\n[[revocations]]\nkey = "KEY(alice-2)"\ndate = 2026-01-01`)
  const waived = {
    ...policy,
    fallback: { ...policy.fallback, require: { output: { kind: 'nothing' } } },
  } as Policy
  const disagreeing = (key: string) => evidenceOf([builtBy(key, { narHash: OTHER_HASH })])
  refused(ask(waived, disagreeing('alice-1'), OUTPUT, LAST), ['conflict'], 13)
  trusted(ask(waived, disagreeing('alice-1'), OUTPUT, END))
  trusted(ask(waived, disagreeing('alice-2'), OUTPUT))
})

test('S7: a key that is not valid yet causes none, but the verdict ends when it becomes valid', () => {
  const policy = policyOf(DATED.replace('output = ["alice", "bob"]', 'output = "bob"'))
  const evidence = evidenceOf([builtBy('bob-1'), builtBy('alice-1', { narHash: OTHER_HASH })])
  assert.equal(trusted(ask(policy, evidence, OUTPUT, BEFORE)).until, FIRST)
  refused(ask(policy, evidence, OUTPUT, FIRST), ['conflict'], 13)
})

test('S7: a packager who signed other contents causes no conflict where others are enough', () => {
  const evidence = evidenceOf([...TWO.claims, claimBy('carol-1', { narHash: OTHER_HASH })])
  trusted(ask(teamPolicy(), evidence))
})

// S8: demands
test('S8: every demand must be met, and each unmet one is reported', () => {
  const policy = teamPolicy('', { requirement: '["alice", "bob", "team"]' })
  trusted(ask(policy, TWO))
  const findings = refused(
    ask(policy, evidenceOf([claimBy('carol-1')])),
    ['unsigned', 'unsigned', 'threshold'],
    10,
  )
  assert.deepEqual(
    findings.map(finding => 'need' in finding && finding.need.who),
    ['alice', 'bob', 'team'],
  )
})

test('S8: reasons that concern no unmet demand are not reported', () => {
  const policy = teamPolicy('[[revocations]]\nprincipal = "carol"\ndate = 2026-01-01', {
    requirement: '["alice", "bob"]',
  })
  refused(ask(policy, evidenceOf([claimBy('alice-1'), claimBy('carol-1')])), ['unsigned'], 10)
})

// S9: seats
const NESTED = (threshold: number) => `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
principals.bob.keys = ["KEY(bob-1)"]
principals.carol.keys = ["KEY(carol-1)"]
groups.left = { members = ["alice", "bob"], threshold = 1 }
groups.right = { members = ["bob", "carol"], threshold = 1 }
groups.pair = { members = ["alice", "bob"], threshold = 2 }
groups.both = { members = ["left", "right"], threshold = ${threshold} }
groups.deep = { members = ["pair", "carol"], threshold = 2 }
[default]
require = { source = "both", derivation = "both", output = "both" }
[[rules]]
match.name = "deep"
require.source = "deep"`

test('S9: bob, who is in two member groups, fills one seat', () => {
  const policy = policyOf(NESTED(2))
  const [finding] = refused(ask(policy, evidenceOf([claimBy('bob-1')])), ['threshold'], 12)
  assert.ok(finding?.code === 'threshold')
  assert.deepEqual(finding.found, ['bob'])
  trusted(ask(policyOf(NESTED(1)), evidenceOf([claimBy('bob-1')])))
})

test('S9: seats are given so that as many as possible are filled', () => {
  // Bob could take the seat of either group: alice can only sit left, carol only right.
  for (const [one, two] of [
    ['alice-1', 'bob-1'],
    ['bob-1', 'carol-1'],
    ['alice-1', 'carol-1'],
    ['carol-1', 'bob-1'],
  ] as const) {
    trusted(ask(policyOf(NESTED(2)), evidenceOf([claimBy(one), claimBy(two)])))
  }
})

test('S9: a member group that lacks its own threshold fills no seat', () => {
  const deep = { ...SOURCE, name: 'deep' }
  const policy = policyOf(NESTED(2))
  const [finding] = refused(
    ask(policy, evidenceOf([claimBy('alice-1'), claimBy('carol-1')]), deep),
    ['threshold'],
    12,
  )
  assert.ok(finding?.code === 'threshold')
  assert.deepEqual(finding.found, ['carol'])
  trusted(ask(policy, evidenceOf([claimBy('alice-1'), claimBy('bob-1'), claimBy('carol-1')]), deep))
})

// S10: this machine
const WITH_SELF = `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
groups.builders = { members = ["self", "alice"], threshold = 2 }
groups.anyone = { members = ["self", "alice"], threshold = 1 }
default.require = { source = "anyone", derivation = "anyone", output = "self" }
[[rules]]
match = { name = "hello-*", kind = "output" }
require.output = "builders"`

test('S10: self counts for an output that was built here, and for nothing else', () => {
  const policy = policyOf(WITH_SELF)
  const here = { ...OUTPUT, name: 'other', builtHere: true }
  assert.deepEqual(trusted(ask(policy, evidenceOf([]), here)).basis, {
    kind: 'claims',
    claims: [],
    principals: ['self'],
  })
  refused(ask(policy, evidenceOf([]), { ...here, builtHere: false }), ['unsigned'], 10)
  for (const kind of ['fetched-source', 'local-source', 'derivation'] as const) {
    refused(ask(policy, evidenceOf([]), { ...here, kind }), ['unsigned'], 10)
  }
})

test('S10: self fills a seat beside others', () => {
  const here = { ...OUTPUT, builtHere: true }
  const policy = policyOf(WITH_SELF)
  const [finding] = refused(ask(policy, evidenceOf([]), here), ['threshold'], 12)
  assert.ok(finding?.code === 'threshold')
  assert.deepEqual(finding.found, ['self'])
  trusted(ask(policy, evidenceOf([builtBy('alice-1')]), here))
  refused(ask(policy, evidenceOf([builtBy('alice-1')]), OUTPUT), ['threshold'], 12)
})

test('S10: self does not count where it is not required', () => {
  const policy = teamPolicy('', { requirement: '"alice"' })
  const here = { ...OUTPUT, builtHere: true }
  refused(ask(policy, evidenceOf([]), here), ['unsigned'], 10)
  const { basis } = trusted(ask(policy, evidenceOf([builtBy('alice-1')]), here))
  assert.deepEqual(basis.kind === 'claims' && basis.principals, ['alice'])
})

// S11, S12
test('S11: a waived requirement makes trusted without evidence', () => {
  const policy = teamPolicy('', { requirement: '"nothing"' })
  assert.deepEqual(trusted(ask(policy, evidenceOf([]))).basis, { kind: 'no-requirement' })
})

test('S12: an unknown derivation refuses a waived output, is reported after an unmet one, and may be accepted', () => {
  const subject = OF_UNKNOWN_MAKING
  const waived = teamPolicy('', { requirement: '"nothing"' })
  refused(ask(waived, evidenceOf([]), subject), ['unknown-derivation'], 20)
  refused(ask(teamPolicy(), evidenceOf([]), subject), ['unsigned'], 10)
  const accepting = teamPolicy(
    '[[rules]]\nmatch.kind = "output"\nrequire.output = "team"\naccept-unknown-derivation = true',
  )
  trusted(ask(accepting, evidenceOf([builtBy('alice-1'), builtBy('bob-1')]), subject))
  trusted(ask(teamPolicy('', { requirement: '"nothing"' }), evidenceOf([]), { ...subject, builtHere: true }))
})

// S13
test('S13: the verdict ends with the first key that counted, not with one that was not needed', () => {
  const policy = policyOf(`
version = 1
mode = "enforce"
[principals]
alice.keys = [{ key = "KEY(alice-1)", valid-until = 2026-09-01 }]
bob.keys = [{ key = "KEY(bob-1)", valid-until = 2026-08-01 }]
carol.keys = [{ key = "KEY(carol-1)", valid-until = 2026-07-01 }]
[groups]
team = { members = ["alice", "bob"], threshold = 1 }
[default]
require = { source = "team", derivation = "team", output = "team" }`)
  const evidence = evidenceOf([...TWO.claims, claimBy('carol-1')])
  assert.equal(trusted(ask(policy, evidence)).until, Date.UTC(2026, 7, 1) / 1000)
})

test('S8: the same person may meet two demands, each in its own role', () => {
  const policy = policyOf(`
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
[default]
require.source = { developer = "alice", packager = "alice" }
require.derivation = "alice"
require.output = "alice"`)
  const packed = claimBy('alice-1')
  refused(ask(policy, evidenceOf([packed])), ['unsigned'], 10)
  trusted(ask(policy, evidenceOf([packed, claimBy('alice-1', { role: 'developer' })])))
})

test('S13: at the end of a verdict the same evidence is judged again, and not one second earlier', () => {
  const policy = policyOf(DATED)
  const evidence = evidenceOf([claimBy('alice-1'), claimBy('alice-2')])
  const { until } = trusted(ask(policy, evidence))
  assert.equal(until, END)
  assert.equal(trusted(ask(policy, evidence, SOURCE, END)).until, undefined)
})

test('S13: attack: the verdict ends with the certificate of a key that counted, though the policy gives the key no end', () => {
  const policy = teamPolicy()
  const ends = (alice: number, bob: number) =>
    trusted(ask(policy, evidenceOf([claimBy('alice-1', { until: alice }), claimBy('bob-1', { until: bob })])))
      .until
  assert.equal(ends(NOW + 1, NOW + 9), NOW + 1)
  assert.equal(ends(NOW + 9, NOW + 2), NOW + 2)
})

test('E6: attack: a claim counts up to the second before the end that its certificate states', () => {
  const evidence = evidenceOf([claimBy('alice-1', { until: NOW + 1 }), claimBy('bob-1')])
  assert.equal(ask(teamPolicy(), evidence, SOURCE, NOW).outcome, 'trusted')
  refused(ask(teamPolicy(), evidence, SOURCE, NOW + 1), ['expired', 'threshold'], 14)
})

test('S7: a builder causes a conflict until their certificate expires, and none after that', () => {
  const other = builtBy('carol-1', { narHash: OTHER_HASH, until: NOW + 1 })
  const evidence = evidenceOf([builtBy('alice-1'), builtBy('bob-1'), other])
  refused(ask(teamPolicy(), evidence, OUTPUT, NOW), ['conflict'], 13)
  assert.equal(ask(teamPolicy(), evidence, OUTPUT, NOW + 1).outcome, 'trusted')
})

// S14
test('a key that a signing tool found ended or revoked is named, and what is wrong with it is said once', () => {
  const said = (problem: Stray['problem'], detail: string) => {
    const verdict = ask(teamPolicy(), evidenceOf([], { strays: [stray(problem, detail)] }))
    assert.ok(verdict.outcome !== 'trusted')
    return findingWords(verdict.findings[0])
  }
  assert.equal(said('revoked-key', 'ABCD: key ABCD is revoked'), 'the key of ABCD is revoked')
  assert.equal(said('revoked-key', 'ABCD'), 'the key of ABCD is revoked')
  assert.equal(
    said('expired-signature', 'ABCD: the signature ended'),
    'the key or signature of ABCD is past its date',
  )
})

test('S14: strays are reported and decide nothing', () => {
  const strays = (
    [
      'unknown-signer',
      'bad-signature',
      'expired-signature',
      'revoked-key',
      'other-subject',
      'unused',
    ] as const
  ).map(problem => stray(problem))
  assert.deepEqual(trusted(ask(teamPolicy(), { ...TWO, strays })).strays, strays)
  refused(
    ask(teamPolicy(), evidenceOf([], { strays })),
    ['bad-signature', 'revoked', 'expired', 'unknown-signer'],
    13,
  )
})

// S16
test('S16: warn mode does not change a verdict', () => {
  const warn = { ...teamPolicy(), mode: 'warn' } as const
  for (const evidence of [TWO, evidenceOf([])]) {
    assert.deepEqual(ask(warn, evidence), ask(teamPolicy(), evidence))
  }
})

// S17
const BEFORE_END = { signedAt: Date.UTC(2020, 5) / 1000, at: Date.UTC(2021, 0) / 1000 }
const ended = (name: string, more: Partial<Claim> = {}) =>
  claimBy(name, { role: 'developer', expired: BEFORE_END, ...more })

function withEndedKeys(rule: string, more = ''): Policy {
  return policyOf(`
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
principals.bob.keys = [{ key = "KEY(bob-1)", valid-until = 2026-01-01 }]
[default]
require = { source = "alice", derivation = "alice", output = "alice" }
${rule}
${more}`)
}
const ACCEPTING = 'accept-expired-key = "if-signed-before"'

test('S17: a key that expired since counts for a source if the rule says so, and not otherwise', () => {
  const { until } = trusted(ask(withEndedKeys(ACCEPTING), evidenceOf([ended('alice-1')])))
  assert.equal(until, undefined)
  for (const rule of ['', 'accept-expired-key = "refuse"']) {
    const [finding] = refused(
      ask(withEndedKeys(rule), evidenceOf([ended('alice-1')])),
      ['expired', 'unsigned'],
      14,
    )
    assert.deepEqual(finding, { code: 'expired', who: 'alice', ...BEFORE_END })
  }
  const local: Subject = { ...SOURCE, kind: 'local-source' }
  trusted(ask(withEndedKeys(ACCEPTING), evidenceOf([ended('alice-1')]), local))
})

test('S17: an expired key counts neither for derivations nor for outputs, whatever the rule says', () => {
  const derivation: Subject = { ...SOURCE, kind: 'derivation' }
  const packed = ended('alice-1', { role: 'packager' })
  refused(ask(withEndedKeys(ACCEPTING), evidenceOf([packed]), derivation), ['expired', 'unsigned'], 14)
  const built = ended('alice-1', { role: 'builder' })
  refused(ask(withEndedKeys(ACCEPTING), evidenceOf([built]), OUTPUT), ['expired', 'unsigned'], 14)
})

test('S17: the rule that decides counts, not another one that accepts more', () => {
  const strict = '[[rules]]\nmatch.name = "hello-*"\nrequire.source = "alice"'
  const policy = withEndedKeys(ACCEPTING, strict)
  refused(ask(policy, evidenceOf([ended('alice-1')])), ['expired', 'unsigned'], 14)
  trusted(ask(policy, evidenceOf([ended('alice-1')]), { ...SOURCE, name: 'other-1.tar.gz' }))
})

test('S17: the dates and revocations of the policy apply as well', () => {
  const bob = 'require.source = "bob"'
  const dated = withEndedKeys(`[[rules]]\nmatch.kind = "fetched-source"\n${bob}\n${ACCEPTING}`)
  refused(ask(dated, evidenceOf([ended('bob-1')])), ['expired', 'unsigned'], 14)
  const revoked = withEndedKeys(ACCEPTING, '[[revocations]]\nkey = "KEY(alice-1)"\ndate = 2026-06-01')
  refused(ask(revoked, evidenceOf([ended('alice-1')])), ['revoked', 'unsigned'], 14)
})

test('S17: an expired key that signed other contents does not count', () => {
  const claims = [ended('alice-1', { narHash: OTHER_HASH })]
  refused(ask(withEndedKeys(ACCEPTING), evidenceOf(claims)), ['wrong-digest', 'unsigned'], 13)
})

test('S17: a builder whose key expired causes no conflict', () => {
  const claims = [builtBy('alice-1'), ended('alice-1', { role: 'builder', narHash: OTHER_HASH })]
  trusted(ask(withEndedKeys(ACCEPTING), evidenceOf(claims), OUTPUT))
})

test('S17: next to a valid signature by the same person, it changes nothing', () => {
  trusted(ask(withEndedKeys(''), evidenceOf([ended('alice-1'), claimBy('alice-1', { role: 'developer' })])))
})
