import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { policyDigest } from '../../../src/policy/digest.ts'
import { parsePolicy } from '../../../src/policy/language/parse.ts'
import { PolicyError } from '../../../src/policy/language/policy-error.ts'
import { fromBase64 } from '../../../src/primitives/base64.ts'
import { packet } from '../../support/openpgp-maker.ts'
import { identityOf, nixKeyOf, policyOf, sourceOf, teamPolicy } from '../policies.ts'

const VECTORS = join(PROJECT_ROOT, 'test/vectors/policy')
const EVERYTHING = readFileSync(join(VECTORS, 'everything.toml'), 'utf8')

function problemsOf(toml: string): PolicyError['problems'] {
  try {
    parsePolicy(sourceOf(toml))
  } catch (error) {
    assert.ok(error instanceof PolicyError, String(error))
    return error.problems
  }
  assert.fail('the policy was accepted')
}

const minimal = (more = '') => `
version = 1
mode = "enforce"
principals.alice.keys = ["KEY(alice-1)"]
default.require = { source = "alice", derivation = "alice", output = "alice" }
${more}`

test('a date in quotes is the same date, for programs that write policies by way of JSON', () => {
  const endOf = (until: string) =>
    policyOf(minimal(`exemptions = [{ name = "a", reason = "x", until = ${until} }]`)).exemptions[0]?.until
  for (const date of ['2026-12-31', '2026-12-31T18:00:00+02:00', '2026-12-31 18:00:00Z']) {
    assert.equal(typeof endOf(date), 'number')
    assert.equal(endOf(`"${date}"`), endOf(date), date)
  }
})

test('every field of the language becomes a value', () => {
  const policy = policyOf(EVERYTHING)
  assert.equal(policy.mode, 'warn')
  assert.deepEqual(policy.nix, {
    acceptTrustedUsers: ['deploy', '@ops'],
    refusalLine: false,
    refusalLineVersions: ['2.36.0', '2.37.0pre20260101_abcdef'],
  })
  assert.deepEqual(
    [...policy.principals.values()].map(({ name, keys }) => [name, keys.length]),
    [
      ['alice', 3],
      ['bob', 2],
      ["carol's builder", 1],
    ],
  )
  const [first, second, third] = policy.principals.get('alice')?.keys ?? []
  assert.equal(first?.identity, identityOf('alice-1'))
  assert.equal(first?.label, 'alice-1')
  assert.equal(second?.validFrom, Date.UTC(2026, 0, 1) / 1000)
  assert.equal(second?.validUntil, Date.UTC(2026, 11, 31, 22) / 1000)
  assert.equal(third?.identity, 'openpgp:6EBCE3332AB397F1C9DCB7EA6227C7EB1F14BF0E')
  assert.equal(third?.kind === 'openpgp' && third.certificate, '/etc/nixsig/keys/alice.asc')
  assert.deepEqual(policy.groups.get('reproducible'), {
    name: 'reproducible',
    members: ['humans', "carol's builder", 'self'],
    threshold: 2,
  })
  assert.deepEqual(policy.certificates, ['/etc/nixsig/keys/alice.asc', '/srv/keys/bob.asc'])
  assert.deepEqual(policy.exemptions[1]?.match, { name: 'bootstrap-*', kinds: ['local-source'] })
})

test('rules keep their order, titles, kinds and demands', () => {
  const [tarballs, outputs, secrets] = policyOf(EVERYTHING).rules
  assert.equal(tarballs?.title, 'upstream tarballs')
  assert.deepEqual(tarballs?.require, {
    source: {
      kind: 'all',
      demands: [
        { who: 'alice', role: 'developer' },
        { who: 'humans', role: 'packager' },
        { who: 'bob', role: 'packager' },
      ],
    },
  })
  assert.equal(tarballs?.acceptGraph, true)
  assert.equal(tarballs?.acceptExpiredKey, 'if-signed-before')
  assert.equal(outputs?.title, 'rule 2')
  assert.equal(outputs?.name, '*')
  assert.equal(outputs?.acceptUnknownDerivation, true)
  assert.equal(outputs?.acceptExpiredKey, 'refuse')
  assert.equal(policyOf(EVERYTHING).fallback.acceptExpiredKey, 'refuse')
  assert.deepEqual(secrets?.kinds, ['fetched-source', 'local-source', 'derivation'])
  assert.deepEqual(secrets?.require, { source: { kind: 'refuse' }, derivation: { kind: 'nothing' } })
  assert.deepEqual(
    [tarballs, outputs, secrets].map(rule => EVERYTHING.split('\n')[(rule?.line ?? 0) - 1]),
    ['[[rules]]', '[[rules]]', '[[rules]]'],
  )
})

// In these files, each wrong line ends in `#! ` and a part of the expected message.
for (const file of readdirSync(join(VECTORS, 'wrong'))) {
  test(`every problem in ${file} is reported with its line, and nothing else`, () => {
    const toml = readFileSync(join(VECTORS, 'wrong', file), 'utf8')
    const expected = toml.split('\n').flatMap((text, index) => {
      const message = text.split('#! ')[1]
      return message === undefined ? [] : [{ line: index + 1, message }]
    })
    const problems = problemsOf(toml)
    assert.deepEqual(
      problems.map(({ line }) => line),
      expected.map(({ line }) => line),
      problems.map(({ line, message }) => `${line}: ${message}`).join('\n'),
    )
    for (const [index, { message }] of expected.entries()) {
      assert.ok(
        problems[index]?.message.includes(message),
        `"${problems[index]?.message}" lacks "${message}"`,
      )
    }
  })
}

const SYNTAX: readonly (readonly [string, string, number])[] = [
  ['a repeated key', 'version = 1\nmode = "enforce"\nmode = "warn"\n', 3],
  ['a repeated table', `${minimal('[groups.a]\nmembers = ["alice"]\nthreshold = 1\n[groups.a]\n')}`, 9],
  ['a repeated key of an inline table', minimal('nix = { refusal-line = true, refusal-line = false }'), 6],
  ['an unclosed string', 'version = 1\nmode = "enforce\n', 2],
  ['a control character', 'version = 1\n# \u0007\n', 2],
  ['nesting without end', `version = 1\nmode = ${'['.repeat(100)}`, 2],
]
for (const [what, toml, line] of SYNTAX) {
  test(`${what} is refused with its line`, () => {
    const [problem] = problemsOf(toml)
    assert.match(problem.message, /^not TOML: /)
    assert.equal(problem.line, line)
    assert.doesNotMatch(problem.message, /\n/)
  })
}

test('of another version of the language nothing else is said', () => {
  assert.deepEqual(problemsOf('version = 2\nunknown = 1'), [{ line: 1, message: 'version must be 1' }])
})

test('no version, and one that is no integer, are told beside the rest', () => {
  for (const version of ['version = "1"', 'version = 1.0', '# none']) {
    const problems = problemsOf(minimal('unknown = 1').replace('version = 1', version))
    assert.deepEqual(
      problems.map(({ line, message }) => [line, message.slice(0, 17)]),
      [
        [version === '# none' ? 1 : 2, 'version must be 1'],
        [6, 'unknown: unknown '],
      ],
    )
  }
})

test('a byte order mark, a lone surrogate and a policy past its size are refused', () => {
  assert.match(problemsOf(`\ufeff${minimal()}`)[0].message, /byte order mark/)
  assert.match(problemsOf(minimal('# \ud800'))[0].message, /Unicode/)
  assert.match(problemsOf(minimal(`# ${'x'.repeat(1024 * 1024)}`))[0].message, /longer than/)
})

test('a policy must say its mode and all three defaults', () => {
  const problems = problemsOf('version = 1\n[default]\nrequire.source = "nothing"')
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      'field "mode" is missing',
      'default.require: field "derivation" is missing',
      'default.require: field "output" is missing',
    ],
  )
})

test('the same key in another form is the same key', () => {
  const raw = fromBase64(nixKeyOf('alice-1').split(':')[1] ?? '')
  const wire = Buffer.concat([
    Buffer.from([0, 0, 0, 11]),
    Buffer.from('ssh-ed25519'),
    Buffer.from([0, 0, 0, 32]),
    raw,
  ])
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
  const minisign = Buffer.concat([Buffer.from('Ed'), Buffer.alloc(8, 7), raw])
  const forms = [
    `"ssh-ed25519 ${wire.toString('base64')} alice@host"`,
    `"""-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n"""`,
    `"minisign:${minisign.toString('base64')}"`,
  ]
  for (const form of forms) {
    const policy = policyOf(
      minimal(`principals.bob.keys = [${form}]`).replace('["KEY(alice-1)"]', '["KEY(x)"]'),
    )
    assert.equal(policy.principals.get('bob')?.keys[0]?.identity, identityOf('alice-1'))
    const [problem] = problemsOf(minimal(`principals.bob.keys = [${form}]`))
    assert.match(problem.message, /the same key as one of alice/)
  }
})

test('a minisign key keeps its key number', () => {
  const key = Buffer.concat([Buffer.from('Ed'), Buffer.from('0102030405060708', 'hex'), Buffer.alloc(32, 9)])
  const policy = policyOf(minimal(`principals.bob.keys = ["minisign:${key.toString('base64')}"]`))
  const [found] = policy.principals.get('bob')?.keys ?? []
  assert.ok(found?.kind === 'ed25519' && found.form === 'minisign')
  assert.equal(Buffer.from(found.keyNumber ?? []).toString('hex'), '0102030405060708')
})

test('a certificate that cannot be read is reported with its line, escaped', () => {
  const source = sourceOf(
    minimal(`[principals.bob]
keys = [{ openpgp = "0123456789ABCDEF0123456789ABCDEF01234567", certificate = "bob.asc" }]`),
  )
  const unreadable = () => {
    throw new Error('not there\u001b[2J')
  }
  assert.throws(
    () => parsePolicy({ ...source, certificate: unreadable }),
    (error: PolicyError) => {
      assert.equal(error.line, 7)
      assert.equal(
        error.message,
        'policy.toml:7: principals.bob.keys[1].certificate: cannot read the certificate: not there\\u{1b}[2J',
      )
      return true
    },
  )
})

test('the digest covers the text and every certificate, and can be recomputed without parsing', () => {
  const source = sourceOf(EVERYTHING)
  const policy = parsePolicy(source)
  const files = policy.certificates.map(path => ({ path, bytes: source.certificate(path) }))
  assert.equal(policy.digest, policyDigest(Buffer.from(source.toml), files, []))
  const changed = parsePolicy({
    ...source,
    certificate: path => Buffer.concat([source.certificate(path), packet(10, Buffer.from('PGP'))]),
  })
  assert.notEqual(changed.digest, policy.digest)
  assert.notEqual(parsePolicy({ ...source, toml: `${source.toml}#` }).digest, policy.digest)
})

test('no two policies have one digest by shifting bytes between their parts', () => {
  const a = policyDigest(Buffer.from('x'), [{ path: '/a', bytes: Buffer.from('bc') }], [])
  const b = policyDigest(Buffer.from('x'), [{ path: '/ab', bytes: Buffer.from('c') }], [])
  const c = policyDigest(Buffer.from('x/a'), [{ path: '', bytes: Buffer.from('bc') }], [])
  const d = policyDigest(
    Buffer.from('x'),
    [
      { path: '/a', bytes: Buffer.from('b') },
      { path: '', bytes: Buffer.from('c') },
    ],
    [],
  )
  assert.equal(new Set([a, b, c, d]).size, 4)
})

test('names that JavaScript objects treat specially are ordinary names', () => {
  const policy = policyOf(
    minimal('[principals.__proto__]\nkeys = ["KEY(p)"]\n[principals.constructor]\nkeys = ["KEY(c)"]'),
  )
  assert.deepEqual([...policy.principals.keys()], ['alice', '__proto__', 'constructor'])
  assert.match(problemsOf(minimal('__proto__ = 1'))[0].message, /unknown field/)
  assert.match(problemsOf(minimal('nix = { constructor = true }'))[0].message, /unknown field/)
})

test('a group is not a principal: a revocation that names one is refused', () => {
  assert.throws(
    () => teamPolicy('[[revocations]]\nprincipal = "team"\ndate = 2026-01-01'),
    /"team" is not a principal/,
  )
})

test('a message with very many problems is cut', () => {
  const wrong = Array.from({ length: 50 }, (_, index) => `unknown-${index} = 1`).join('\n')
  assert.throws(() => policyOf(minimal(wrong).replace('default.', `${wrong}\ndefault.`)), PolicyError)
  const lines = (() => {
    try {
      policyOf(`version = 1\n${wrong}\n${minimal().replace('version = 1', '')}`)
    } catch (error) {
      return (error as PolicyError).message.split('\n')
    }
    return []
  })()
  assert.equal(lines.length, 21)
  assert.equal(lines.at(-1), 'and 30 more')
})
