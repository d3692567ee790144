// docs/semantics.md, Q1 to Q5: rules that take only what is proven to be logged.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describePolicy } from '../../src/policy/describe.ts'
import { judge } from '../../src/policy/judge.ts'
import { PolicyError } from '../../src/policy/language/policy-error.ts'
import type { LogStanding } from '../../src/policy/log-quorums.ts'
import type { Claim } from '../../src/policy/verdict.ts'
import { paragraph } from '../../src/policy/wording.ts'
import { policyDifference } from '../../src/reach/policy-difference.ts'
import { policyOfTwo } from '../support/tlog/log.ts'
import { builtBy, claimBy, evidenceOf, HASH, NOW, OTHER_HASH, OUTPUT, policyOf, SOURCE } from './policies.ts'

const FILE = '/etc/nixsig/tlog-policy.txt'
const FILES = { certificate: (path: string) => Buffer.from(path === FILE ? policyOfTwo() : 'quorum none\n') }

const textWith = (output: string, more = '') => `version = 1
mode = "enforce"
[principals]
alice.keys = ["KEY(alice)"]
bob.keys = ["KEY(bob)"]
[groups.builders]
members = ["alice", "bob"]
threshold = 2
[quorums]
main.policy = "${FILE}"
second.policy = "${FILE}"
${more}
[default]
require.source = "nothing"
require.derivation = "nothing"
require.output = ${output}
accept-unknown-derivation = true
`

const policyWith = (output: string, more = '') => policyOf(textWith(output, more), FILES)

const TEXT = textWith('{ builder = "alice", logged = "main" }')
const POLICY = policyOf(TEXT, FILES)

const logged = (claim: Claim, ...logging: readonly LogStanding[]): Claim => ({ ...claim, logging })
const PROVEN: LogStanding = { quorum: 'main', outcome: 'proven', found: ['w1', 'w2'] }

const verdict = (policy: typeof POLICY, ...claims: readonly Claim[]) =>
  judge(policy, OUTPUT, evidenceOf(claims), NOW)

function refused(policy: typeof POLICY, words: RegExp, ...claims: readonly Claim[]): void {
  const found = verdict(policy, ...claims)
  assert.equal(found.outcome, 'untrusted')
  assert.match(paragraph(found as never), words)
}

describe('a rule that takes only what is logged', () => {
  it('takes a claim that is proven to be', () => {
    assert.equal(verdict(POLICY, logged(builtBy('alice'), PROVEN)).outcome, 'trusted')
  })

  it('says what is missing', () => {
    refused(
      POLICY,
      /signed by alice, but not proven to be logged: needs the quorum main: 2 of 3 witnesses; found: no proof \(in /,
      builtBy('alice'),
    )
    refused(
      POLICY,
      /needs the quorum main: 2 of 3 witnesses; found: 1 of 3 \(w2\) \(in /,
      logged(builtBy('alice'), { quorum: 'main', outcome: 'too-few', found: ['w2'] }),
    )
    refused(
      POLICY,
      /found: no proof that holds \(a proof that something else was logged\)/,
      logged(builtBy('alice'), {
        quorum: 'main',
        outcome: 'wrong',
        found: [],
        detail: 'a proof that something else was logged',
      }),
    )
  })

  it('attack: proven for another quorum', () => {
    refused(POLICY, /found: no proof/, logged(builtBy('alice'), { ...PROVEN, quorum: 'second' }))
  })

  it('attack: one of two builders was not logged', () => {
    const both = policyWith('{ builder = "builders", logged = "main" }')
    refused(both, /signed by bob, but not proven/, logged(builtBy('alice'), PROVEN), builtBy('bob'))
    const proven = verdict(both, logged(builtBy('alice'), PROVEN), logged(builtBy('bob'), PROVEN))
    assert.equal(proven.outcome, 'trusted')
  })

  it('a claim that is not logged still contradicts', () => {
    const other = { ...builtBy('bob'), narHash: OTHER_HASH }
    refused(POLICY, /builders disagree/, logged(builtBy('alice'), PROVEN), other)
    assert.notEqual(HASH, OTHER_HASH)
  })

  it('attack: a packager whose signature over a build graph was not logged', () => {
    const policy = policyOf(
      TEXT.replace('require.source = "nothing"', 'require.source = { packager = "alice", logged = "main" }') +
        'accept-graph = true\n',
      FILES,
    )
    const graph = '/nix/store/1123456789abcdfghijklmnpqrsvwxyz-hello-2.12.drv'
    const over = claimBy('alice', { graph })
    const found = (claim: Claim) => judge(policy, SOURCE, evidenceOf([claim]), NOW)
    assert.equal(found(logged(over, PROVEN)).outcome, 'trusted')
    assert.match(paragraph(found(over) as never), /signed by alice, but not proven to be logged/)
  })

  it('attack: a developer’s signature, of whomever entries name, has no proof', () => {
    const policy = policyOf(
      TEXT.replace(
        'require.source = "nothing"',
        'require.source = { developer = "its-developers", logged = "main" }',
      ).replace('[default]', '[developers]\nhello = { names = ["hello*"], by = "alice" }\n[default]'),
      FILES,
    )
    const found = judge(policy, SOURCE, evidenceOf([claimBy('alice', { role: 'developer' })]), NOW)
    assert.match(paragraph(found as never), /signed by alice, but not proven to be logged/)
  })

  it('attack: a group whose threshold one logged and one unlogged signature would meet', () => {
    const both = policyWith('{ builder = "builders", logged = "main" }')
    const twice = [logged(builtBy('alice'), PROVEN), builtBy('alice'), builtBy('bob')]
    refused(both, /needs|not proven/, ...twice)
  })

  it('does not ask this machine for a proof of what it built', () => {
    const own = policyWith('{ builder = "self", logged = "main" }')
    const built = judge(own, { ...OUTPUT, builtHere: true }, evidenceOf([]), NOW)
    assert.equal(built.outcome, 'trusted')
  })

  it('is described', () => {
    const words = describePolicy(POLICY)
    assert.match(words, /output: needs alice as builder, proven to be logged for the quorum main/)
    assert.match(
      words,
      /quorums of logs:\n {2}main: a log and 2 of 3 \(w1, w2, w3\), by \/etc\/nixsig\/tlog-policy.txt/,
    )
  })
})

describe('two policies', () => {
  it('differ by what a quorum means, and not by its file or line', () => {
    const stricter = { certificate: () => Buffer.from(policyOfTwo().replace('two 2', 'two 3')) }
    const other = policyOf(TEXT, stricter)
    assert.deepEqual(policyDifference(POLICY, POLICY), [])
    const found = policyDifference(POLICY, other).map(({ part, before, after }) => [part, before ?? after])
    assert.equal(found.length, 4)
    assert.match(String(found[0]), /^quorums,main: a log and 2 of 3 \(w1, w2, w3\), by .* \([0-9a-f]{12}\)$/)
    assert.match(String(found[2]), /^quorums,main: a log and 3 of 3/)
  })
})

describe('the language', () => {
  const problem = (output: string, words: RegExp, more = '') =>
    assert.throws(
      () => policyWith(output, more),
      (error: unknown) => error instanceof PolicyError && words.test(error.message),
    )

  it('refuses a quorum that is not there, and what no log can prove', () => {
    problem(
      '{ builder = "alice", logged = "mian" }',
      /"mian" is none of \[quorums\]: known are "main", "second"/,
    )
    problem('{ logged = "main" }', /must name who/)
    problem('{ builder = "alice", logged = 1 }', /logged: must be a string/)
    problem(
      '"alice"\n[[rules]]\nmatch.name = "x"\nrequire.source = { approver = "self", logged = "main" }',
      /approvals have no proofs of a log/,
    )
    problem(
      '"alice"\n[[inputs]]\nurl = "https://a.example/*"\nrequire = { committer = "alice", logged = "main" }',
      /expressions have signed commits/,
    )
  })

  it('refuses a file that cannot be read', () => {
    problem(
      '"alice"',
      /quorums.third.policy: cannot use "other.txt": tlog policy: no log/,
      'third.policy = "other.txt"',
    )
    problem('"alice"', /quorums.third: field "policy" is missing/, 'third = {}')
    problem('"alice"', /unknown field/, 'third = { policy = "other.txt", key = 1 }')
  })

  it('has the file in its digest', () => {
    assert.deepEqual(POLICY.certificates, [FILE])
  })
})
