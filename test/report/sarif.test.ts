// SARIF of an audit: what is a result, where it is shown, and by what it is known again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Audit, AuditedPath } from '../../src/audit/audit.ts'
import { sarifOf } from '../../src/report/sarif.ts'
import { randomAudit } from '../support/audits/random.ts'

interface Result {
  readonly ruleId: string
  readonly level: string
  readonly message: { readonly text: string }
  readonly locations: readonly [{ readonly physicalLocation: Location }]
  readonly relatedLocations?: readonly object[]
  readonly partialFingerprints: { readonly primaryLocationLineHash: string }
  readonly properties: { readonly paths: readonly string[]; readonly pathCount: number }
}

interface Location {
  readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string }
  readonly region: { readonly startLine: number }
}

const PLACES = { policy: 'machines/policy.toml', rules: new Map([['ours', 12]]) }

function resultsOf(audit: Audit, places: Parameters<typeof sarifOf>[1] = PLACES): readonly Result[] {
  return JSON.parse(sarifOf(audit, places)).runs[0].results
}

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'

function refused(name: string, other: Partial<AuditedPath> = {}): AuditedPath {
  return {
    path: `/nix/store/${DIGEST}-${name}`,
    kind: 'output',
    part: 'closure',
    narHash: 'a'.repeat(64),
    narSize: 100,
    references: [],
    derivation: undefined,
    inputs: [],
    outcome: 'untrusted',
    status: 10,
    ground: 'rule',
    rule: 'ours',
    basis: undefined,
    exemption: undefined,
    group: 0,
    because: undefined,
    message: `${name} needs a signature`,
    claims: [],
    builtHere: false,
    until: undefined,
    letIn: false,
    registered: undefined,
    ...other,
  }
}

/** An audit that found these paths, all in one group, and nothing else. */
function auditOf(paths: readonly AuditedPath[], other: Partial<Audit> = {}): Audit {
  return {
    ...randomAudit(0, { paths: 0 }),
    paths,
    expressions: [],
    groups: [
      {
        code: 'unsigned-output',
        title: 'outputs',
        next: 'have them signed',
        paths: paths.map((_, index) => index),
      },
    ],
    exemptions: [],
    ends: [],
    weakest: undefined,
    disk: { unregistered: [], differing: [], missing: [], isCut: false },
    unjudged: 0,
    ...other,
  }
}

test('what is refused is one result for each package and rule, at the line of the rule', () => {
  const [first, second, ...others] = resultsOf(
    auditOf([
      refused('curl-8.1'),
      refused('curl-8.1-bin'),
      refused('zlib-1.3', { rule: 'unknown', letIn: true }),
    ]),
  )
  assert.deepEqual(others, [])
  assert.equal(first?.ruleId, 'unsigned-output')
  assert.equal(first?.level, 'error')
  assert.equal(
    first?.message.text,
    'curl: 2 paths; the first: curl-8.1 needs a signature. Next: have them signed.',
  )
  assert.deepEqual(first?.locations[0].physicalLocation, {
    artifactLocation: { uri: 'machines/policy.toml' },
    region: { startLine: 12 },
  })
  assert.equal(first?.properties.pathCount, 2)
  assert.equal(second?.level, 'warning', 'it was let in')
  assert.equal(second?.locations[0].physicalLocation.region.startLine, 1)
})

test('a path at fault gathers all that fall with it', () => {
  const because = `/nix/store/${DIGEST}-xz-5.6.tar.gz`
  const [only, ...others] = resultsOf(auditOf([refused('a-1', { because }), refused('b-1', { because })]))
  assert.deepEqual(others, [])
  assert.match(only?.message.text ?? '', /^xz: 2 paths;/)
})

test('a package that is built again, or anew in a later version, has the same fingerprint', () => {
  const fingerprints = (path: AuditedPath) =>
    resultsOf(auditOf([path])).map(({ partialFingerprints }) => partialFingerprints.primaryLocationLineHash)
  const [before] = fingerprints(refused('curl-8.1'))
  const again = refused('curl-8.2', { path: `/nix/store/${'z'.repeat(32)}-curl-8.2` })
  assert.deepEqual(fingerprints(again), [before])
  assert.notDeepEqual(fingerprints(refused('wget-8.1')), [before])
  assert.notDeepEqual(fingerprints(refused('curl-8.1', { rule: 'theirs' })), [before])
})

test('exemptions in one line of the policy have fingerprints of their own, whichever of them is left', () => {
  const exemption = (until: number) => ({ line: 7, reason: 'a test', author: undefined, until, paths: [0] })
  const exemptions = [exemption(1_800_000_000), exemption(1_900_000_000)]
  const ends = exemptions.map(({ until: at }) => {
    return { kind: 'exemption' as const, what: 'line 7', who: undefined, at, falls: [0] }
  })
  const hashes = (some: Partial<Audit>) =>
    resultsOf(auditOf([refused('curl-8.1')], { groups: [], ...some })).map(
      ({ ruleId, partialFingerprints }) =>
        `${ruleId} ${partialFingerprints.primaryLocationLineHash.replace(/:\d+$/, '')}`,
    )
  const all = hashes({ exemptions, ends })
  assert.equal(all.length, 4)
  assert.equal(new Set(all).size, 4)
  assert.deepEqual(
    hashes({ exemptions: exemptions.slice(1), ends: ends.slice(1) }),
    all.filter((_, at) => at % 2 === 1),
  )
})

test('no two results of one log have the same rule, file and fingerprint', () => {
  for (let seed = 0; seed < 30; seed++) {
    const results = resultsOf(randomAudit(seed, { hostile: 'paths' }))
    const known = results.map(
      ({ ruleId, partialFingerprints }) => `${ruleId} ${partialFingerprints.primaryLocationLineHash}`,
    )
    assert.equal(new Set(known).size, known.length)
  }
})

test('what a commit of the lock evaluates to is shown at its line, and the rule beside it', () => {
  const revision = 'c'.repeat(40)
  const drv = refused('curl-8.1.drv', { kind: 'derivation', part: 'making' })
  const audit = auditOf([refused('curl-8.1', { derivation: 1 }), drv], {
    expressions: [
      {
        url: 'https://example.org/pkgs',
        revision,
        signers: [],
        committers: [],
        reviewers: [],
        claims: [],
        covers: [1],
      },
    ],
  })
  const lock = { file: 'flake.lock', lines: new Map([[revision, 33]]) }
  const [result] = resultsOf(audit, { ...PLACES, lock })
  assert.deepEqual(result?.locations[0].physicalLocation, {
    artifactLocation: { uri: 'flake.lock' },
    region: { startLine: 33 },
  })
  assert.equal(result?.relatedLocations?.length, 1)
})

test('an absolute path is relative to the root, and every character is one of an address', () => {
  const policy = '/etc/nixsig/my policy%20#1?\ud800.toml'
  const [result] = resultsOf(auditOf([refused('a-1')]), { policy, rules: new Map() })
  assert.deepEqual(result?.locations[0].physicalLocation.artifactLocation, {
    uri: 'etc/nixsig/my%20policy%2520%231%3F%EF%BF%BD.toml',
    uriBaseId: 'ROOT',
  })
})

test('attack: a name puts a link, a placeholder and control characters into what GitHub shows', () => {
  const message = '[all good](https://example.net/x) {0}'
  const [result] = resultsOf(auditOf([refused('a-1', { message, rule: undefined })]))
  assert.doesNotMatch(result?.message.text ?? '', /\]\(/)
  assert.match(result?.message.text ?? '', /\{\{0\}\}/)
  for (let seed = 0; seed < 30; seed++) {
    const log = sarifOf(randomAudit(seed, { hostile: 'paths' }), PLACES)
    assert.match(log, /^[\x20-\x7e]*$/)
    assert.doesNotMatch(JSON.stringify(JSON.parse(log)), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
  }
})

test('as many results as GitHub takes, the gravest first, and how many have no room', () => {
  const many = Array.from({ length: 30_000 }, (_, index) => refused(`p${index.toString(36)}x-1`))
  const short = resultsOf(auditOf(many.map(path => ({ ...path, message: 'x' }))))
  assert.ok(short.length <= 25_000)
  const long = auditOf(many.map(path => ({ ...path, message: 'x'.repeat(5_000) })))
  const log = sarifOf(long, PLACES)
  assert.ok(log.length < 10_000_000, String(log.length))
  const results = resultsOf(long)
  assert.equal(results.at(-1)?.ruleId, 'not-listed')
  assert.equal(
    results.at(-1)?.message.text,
    `${30_000 - results.length + 1} more findings have no room here.`,
  )
})
