// needs: dist
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pae } from '../../src/formats/in-toto/dsse.ts'
import { buildCli } from './built-cli.ts'

const cli = buildCli()
after(() => cli.remove())

const CONTENTS = 'what the developer released\n'
const NAME = 'hello-2.12.tar.gz'

function tool(program: string, ...args: readonly string[]): string {
  const done = spawnSync(program, args, { cwd: cli.dir, encoding: 'utf8' })
  assert.equal(done.status, 0, `${program}: ${done.stderr}`)
  return done.stdout.trim()
}

before(() => {
  cli.write('x.tar', CONTENTS)
  cli.run('keygen', 'bob-1')
  for (const name of ['dev', 'mallory'])
    tool('minisign', '-G', '-W', '-p', `${name}.pub`, '-s', `${name}.key`)
  tool('minisign', '-S', '-s', 'dev.key', '-m', 'x.tar')
})

/** The store path that Nix itself gives the file, and the hash of the NAR that Nix makes of it. */
function asNixSees(file: string, name: string) {
  const flat = createHash('sha256').update(cli.read(file)).digest('hex')
  const path = tool('nix-store', '--store', 'dummy://', '--print-fixed-path', 'sha256', flat, name)
  const dump = spawnSync('nix-store', ['--dump', join(cli.dir, file)])
  return { path, narHash: createHash('sha256').update(dump.stdout).digest('hex') }
}

function attest(out: string, ...args: readonly string[]) {
  return cli.run('attest', 'source', 'x.tar', '--name', NAME, '--key', 'bob-1.secret', '--out', out, ...args)
}

function fileOf(out: string, path: string, extension: string): string {
  const digest = path.slice(11, 43)
  return join(cli.dir, out, digest.slice(0, 2), `${digest}${extension}`)
}

interface Statement {
  _type: string
  subject: { name: string; digest: Record<string, string>; annotations?: { remark: string } }[]
  predicateType: string
  predicate: Record<string, unknown>
}

interface Line {
  payload: string
  payloadType: string
  signatures: { keyid: string; sig: string }[]
}

function readLine(out: string, path: string): { line: Line; text: string; statement: Statement } {
  const text = readFileSync(fileOf(out, path, '.intoto.jsonl'), 'utf8')
  const line = JSON.parse(text)
  return { line, text, statement: JSON.parse(Buffer.from(line.payload, 'base64').toString()) }
}

test('attest: the store path is the one that Nix gives the file, the digest that of its NAR', () => {
  const expected = asNixSees('x.tar', NAME)
  const { status, stdout, stderr } = attest('reasoned', '--unsigned-upstream', 'upstream signs nothing')
  assert.equal(status, 0, stderr)
  assert.ok(stdout.startsWith(`attested ${expected.path} (as packager, NIXSIG_PACKAGED)`), stdout)
  const { statement } = readLine('reasoned', expected.path)
  assert.equal(statement._type, 'https://in-toto.io/Statement/v1')
  assert.deepEqual(statement.subject, [
    {
      name: expected.path,
      digest: { sha256: expected.narHash, nixNarSha256: expected.narHash },
      annotations: { remark: 'upstream signs nothing' },
    },
  ])
  assert.equal(statement.predicateType, 'https://slsa.dev/verification_summary/v1')
  assert.deepEqual(statement.predicate['verifiedLevels'], ['NIXSIG_PACKAGED'])
})

test('attest: the line has the shape that cosign takes, and its signature verifies', () => {
  const { path } = asNixSees('x.tar', NAME)
  attest('shape', '--as', 'reviewer')
  const { line, text, statement } = readLine('shape', path)
  assert.match(text, /^[^\n]+\n$/)
  assert.deepEqual(Object.keys(line), ['payload', 'payloadType', 'signatures'])
  assert.equal(line.payloadType, 'application/vnd.in-toto+json')
  const [signature, ...others] = line.signatures
  assert.deepEqual(others, [])
  const raw = Buffer.from(cli.read('bob-1.pub').trim().split(':')[1] ?? '', 'base64')
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  const message = pae(line.payloadType, Buffer.from(line.payload, 'base64'))
  assert.ok(verify(null, message, key, Buffer.from(signature?.sig ?? '', 'base64')))
  assert.match(signature?.keyid ?? '', /^SHA256:[A-Za-z0-9+/]{43}$/)
  assert.deepEqual(statement.predicate['verifier'], { id: `nixsig:verifier:${signature?.keyid}` })
  assert.deepEqual(statement.predicate['verifiedLevels'], ['NIXSIG_REVIEWED'])
})

test('attest: an executable or empty file has the contents that fetchurl gives it', () => {
  cli.write('empty', '')
  cli.write('run.sh', 'x'.repeat(100_001))
  for (const file of ['empty', 'run.sh']) {
    const { path, narHash } = asNixSees(file, 'n')
    chmodSync(join(cli.dir, file), 0o755)
    const args = ['--name', 'n', '--key', 'bob-1.secret', '--out', 'modes', '--as', 'reviewer']
    assert.equal(cli.run('attest', 'source', file, ...args).status, 0)
    assert.equal(readLine('modes', path).statement.subject[0]?.digest['sha256'], narHash)
  }
})

test("attest: a packager's word after the developer's signature was checked; both are kept", () => {
  const { path } = asNixSees('x.tar', NAME)
  const key = `minisign:${cli.read('dev.pub').trim().split('\n')[1]}`
  const { status, stdout, stderr } = attest('signed', '--signature', 'x.tar.minisig', '--developer-key', key)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^developer's signature: signed by minisign:/)
  const { statement } = readLine('signed', path)
  assert.deepEqual(statement.predicate['verifiedLevels'], ['NIXSIG_DEVELOPER_SIGNATURE_CHECKED'])
  const signature = cli.read('x.tar.minisig')
  const sha256 = createHash('sha256').update(signature).digest('hex')
  assert.deepEqual(statement.predicate['inputAttestations'], [{ uri: key, digest: { sha256 } }])
  assert.equal(readFileSync(fileOf('signed', path, '.minisig'), 'utf8'), signature)
})

function policyWith(rest: string): string {
  return `version = 1
mode = "enforce"
[principals.dev]
keys = ["minisign:${cli.read('dev.pub').trim().split('\n')[1]}"]
${rest}
[default]
require.source = "dev"
require.derivation = "nothing"
require.output = "self"
`
}

test("attest: without --developer-key the policy's keys are tried, the revoked ones not", () => {
  cli.write('policy.toml', policyWith(''))
  const good = attest('by-policy', '--signature', 'x.tar.minisig', '--policy', 'policy.toml')
  assert.equal(good.status, 0, good.stderr)
  cli.write('revoked.toml', policyWith('[[revocations]]\nprincipal = "dev"\ndate = 2020-01-01'))
  const bad = attest('by-revoked', '--signature', 'x.tar.minisig', '--policy', 'revoked.toml')
  assert.equal(bad.status, 11)
  assert.match(bad.stderr, /nothing attested/)
  assert.equal(existsSync(join(cli.dir, 'by-revoked')), false)
})

test('attack: nothing is attested on a signature by somebody else, or over another file', () => {
  tool('minisign', '-S', '-s', 'mallory.key', '-m', 'x.tar', '-x', 'mallory.minisig')
  cli.write('y.tar', 'another release\n')
  tool('minisign', '-S', '-s', 'dev.key', '-m', 'y.tar')
  for (const [signature, status] of [
    ['mallory.minisig', 11],
    ['y.tar.minisig', 13],
  ] as const) {
    const done = attest('refused', '--signature', signature, '--developer-key', 'dev.pub')
    assert.equal(done.status, status, done.stderr)
    assert.match(done.stderr, /^nixsig: nothing attested: .*\n$/)
    assert.equal(existsSync(join(cli.dir, 'refused')), false)
  }
})

test("attest: a developer's release names it", () => {
  const { path } = asNixSees('x.tar', NAME)
  assert.equal(attest('release', '--as', 'developer', '--purl', 'pkg:generic/hello@2.12').status, 0)
  const { statement } = readLine('release', path)
  assert.equal(statement.predicateType, 'https://in-toto.io/attestation/release/v0.1')
  assert.deepEqual(statement.predicate, { purl: 'pkg:generic/hello@2.12' })
})

for (const [what, args, reason] of [
  ['a packager without a reason or a signature', [], /checks the developer's --signature first/],
  [
    'a reason beside a signature',
    ['--signature', 'x.tar.minisig', '--unsigned-upstream', 'why'],
    /--signature/,
  ],
  ['a reviewer with a signature', ['--as', 'reviewer', '--signature', 'x.tar.minisig'], /are for packagers/],
  ['a developer without a release', ['--as', 'developer'], /which release\?/],
  ['a release without a version', ['--as', 'developer', '--purl', 'pkg:generic/hello'], /package URL/],
  [
    'a developer key without a signature',
    ['--as', 'reviewer', '--developer-key', 'dev.pub'],
    /--developer-key is for checking a --signature or --git/,
  ],
  ['a role that is none', ['--as', 'king'], /king/],
  ['an empty reason', ['--unsigned-upstream', ''], /why/],
] as const) {
  test(`attest: ${what} is a wrong call and writes nothing`, () => {
    const { status, stderr } = attest('wrong', ...args)
    assert.equal(status, 2, stderr)
    assert.match(stderr, reason)
    assert.equal(existsSync(join(cli.dir, 'wrong')), false)
  })
}

test('attest: a file outside the store needs a name, and several cannot share one', () => {
  const key = ['--key', 'bob-1.secret', '--as', 'reviewer', '--out', 'wrong']
  const nameless = cli.run('attest', 'source', 'x.tar', ...key)
  assert.equal(nameless.status, 2)
  assert.match(nameless.stderr, /--name .*nix-store --add-fixed sha256 x\.tar/)
  assert.match(cli.run('attest', 'source', 'x.tar', 'dev.pub', '--name', 'x', ...key).stderr, /one at a time/)
  assert.match(
    cli.run('attest', 'source', 'x.tar', '--name', 'a/b', ...key).stderr,
    /not the name of a store path/,
  )
  assert.match(cli.run('attest', 'source', 'gone.tar', '--name', 'x', ...key).stderr, /gone\.tar/)
})

test('attack: a secret key that others can read signs nothing', () => {
  cli.run('keygen', 'open-1')
  chmodSync(join(cli.dir, 'open-1.secret'), 0o644)
  const args = ['--name', NAME, '--key', 'open-1.secret', '--out', 'wrong', '--as', 'reviewer']
  const { status, stderr } = cli.run('attest', 'source', 'x.tar', ...args)
  assert.equal(status, 2)
  assert.match(stderr, /is open to others/)
})

test('attest: the very same word is written once', () => {
  const args = ['--as', 'developer', '--purl', 'pkg:generic/hello@2.12'] as const
  attest('twice', ...args)
  assert.match(attest('twice', ...args).stdout, /^attested before /)
})
