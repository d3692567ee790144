// Every refusal ends in a step that whoever reads it can take; what only root can do says so.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { COMMANDS } from '../../src/cli/commands.ts'
import { explainError } from '../../src/cli/explain-error.ts'
import { parseValues, splitCall } from '../../src/cli/parse.ts'
import { PassphraseError } from '../../src/crypto/passphrase.ts'
import { SignerError } from '../../src/crypto/signers/signer-error.ts'
import { ExpressionError } from '../../src/expressions/expression-error.ts'
import { LockError } from '../../src/expressions/lock/lock-error.ts'
import { ArgumentError, FileError } from '../../src/files/regular-file.ts'
import { download } from '../../src/http/download.ts'
import { parseAdmission } from '../../src/ledger/admission-text.ts'
import { PackagingError } from '../../src/packaging/packaging-error.ts'
import { adviceFor } from '../../src/policy/advice.ts'
import { ASPECT, type SubjectKind } from '../../src/policy/policy.ts'
import type { Finding, Refusal } from '../../src/policy/verdict.ts'
import { paragraph, sentence, sentences } from '../../src/policy/wording.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { BY_ROOT, TRY_AGAIN, withNextStep } from '../../src/primitives/next-step.ts'
import { StoreError } from '../../src/store/store-error.ts'
import { UnsupportedDerivationError } from '../../src/verifier/stored-derivation.ts'

const PATH = `/nix/store/${'0'.repeat(32)}-x`
const text = fc.string({ unit: 'binary', maxLength: 400 })
const instant = fc.integer({ min: 0, max: 4_000_000_000 })
const KINDS = Object.keys(ASPECT) as SubjectKind[]
const path = fc.constantFrom(PATH, `${PATH}-other`)
const hash = fc.constant('ab'.repeat(32))
const aspect = fc.constantFrom('source', 'derivation', 'output')
const needed = { aspect, threshold: fc.nat(9), of: fc.integer({ min: 1, max: 9 }) }
const role = fc.constantFrom('approver' as const, 'packager' as const)
const need = fc.record(
  { ...needed, who: fc.oneof(text, fc.constant('self')), role },
  { requiredKeys: ['aspect', 'threshold', 'of', 'who'] },
)
const stray = fc.record({
  problem: fc.constantFrom('unknown-signer', 'bad-signature', 'no-answer', 'unreadable'),
  origin: text,
  detail: text,
})
const strays = fc.array(stray, { maxLength: 12 })
const side = fc.record({ who: text, path, narHash: hash, narSize: fc.nat() })
const unlogged = { who: text, quorum: text, threshold: fc.nat(), of: fc.nat(), origin: text }
const wrongProof = fc.record({
  quorum: text,
  outcome: fc.constantFrom('wrong', 'too-few'),
  found: fc.constant([]),
  detail: text,
})
const attested = { who: text, attested: hash, origin: text }

/** One for each code: a new code has no step before it has one here. */
const FINDINGS: { readonly [Code in Finding['code']]: fc.Arbitrary<Extract<Finding, { code: Code }>> } = {
  unsigned: made('unsigned', { need }),
  'unknown-signer': made('unknown-signer', { need, strays }),
  threshold: made('threshold', { need, found: fc.array(text, { maxLength: 12 }) }),
  'bad-signature': made('bad-signature', { stray }),
  'not-a-signature': made('not-a-signature', { detail: text }),
  'wrong-digest': made('wrong-digest', attested),
  conflict: made('conflict', { ...attested, judged: hash }),
  altered: made('altered', { path, registered: hash, found: hash }),
  disagreement: made('disagreement', { sides: fc.array(side, { maxLength: 9 }) }),
  references: made('references', { upstream: text, added: fc.array(path), missing: fc.array(path) }),
  'unvouched-references': made('unvouched-references', { detail: text }),
  revoked: made('revoked', { who: text, since: instant, reason: text }),
  expired: fc.oneof(
    made('expired', { who: text }),
    made('expired', { who: text, at: instant, signedAt: instant }),
  ),
  'not-yet-valid': made('not-yet-valid', { who: text, at: instant }),
  'not-logged': fc.oneof(
    made('not-logged', { ...unlogged, found: fc.array(text, { maxLength: 12 }) }),
    made('not-logged', { ...unlogged, found: fc.constant([]), standing: wrongProof }),
  ),
  'no-developer': made('no-developer', {
    need,
    name: text,
    urls: fc.array(text, { maxLength: 5 }),
    lists: fc.array(text, { maxLength: 5 }),
    silent: fc.array(fc.record({ list: text, lacks: fc.constantFrom('role', 'name') }), { maxLength: 5 }),
  }),
  'ended-list': made('ended-list', {
    list: text,
    since: instant,
    until: instant,
    seen: instant,
    age: fc.nat(),
  }),
  'missing-list': made('missing-list', { list: text, detail: text }),
  'refused-by-rule': made('refused-by-rule', {}),
  'no-input-rule': made('no-input-rule', { url: text }),
  'unknown-derivation': made('unknown-derivation', { unvouched: fc.constant([]) }),
  'unsupported-derivation': made('unsupported-derivation', { what: text }),
  input: made('input', { path, verdict: fc.constant(refusal([{ code: 'refused-by-rule' }])) }),
  unreadable: made('unreadable', { trouble: fc.record({ origin: text, detail: text }) }),
}

function made<Code extends Finding['code'], Fields extends object>(
  code: Code,
  fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
) {
  return fc.record({ code: fc.constant(code), ...fields }) as unknown as fc.Arbitrary<
    Extract<Finding, { code: Code }>
  >
}

function refusal(findings: Refusal['findings'], kind: Refusal['kind'] = 'output'): Refusal {
  return { outcome: 'untrusted', path: PATH, kind, ground: { kind: 'caches' }, findings }
}

const circumstances = fc.record(
  {
    sources: fc.array(fc.record({ url: fc.webUrl(), answered: instant }, { requiredKeys: ['url'] }), {
      maxLength: 5,
    }),
    isHere: fc.boolean(),
    isSignedByGateAlone: fc.boolean(),
  },
  { requiredKeys: [] },
)

/** A step names no path that no command takes, and commands that are there with their options. */
function assertUsable(line: string, reader: 'root' | 'user'): void {
  assert.doesNotMatch(line, /\n|-\*/)
  const byAdministrator = /^(?:or )?ask an administrator to /.test(line)
  if (reader === 'root') assert.equal(byAdministrator, false, line)
  else assert.equal(byAdministrator, ROOTS.test(line), line)
  for (const [, call = ''] of line.matchAll(/(?::|\() ?nixsig ([a-z][^()]*?)(?=\)| \(|$)/g)) {
    const { name, rest } = splitCall(call.split(' '), isPrefix)
    const [, load] = COMMAND_DATA.find(([known]) => known === name) ?? assert.fail(line)
    parseValues(name, load, rest)
  }
}

const COMMAND_DATA = await Promise.all(COMMANDS.map(async entry => [entry.name, await entry.load()] as const))

function isPrefix(name: string): boolean {
  return COMMANDS.some(each => each.name === name || each.name.startsWith(`${name} `))
}

/**
 * What takes root's rights: the policy, what caches are asked, the store's contents, this machine.
 */
const ROOTS =
  /\bin the policy|the policy (?:looks|names)|(?:in|change) (?:the|that) rule\b|\[\[|gate\.upstreams|repair|correct the policy|nixsig (?:doctor|adopt|sync|trust|quarantine|conflicts|reload)|--here|df -h|ls\)|mv\)|mount|call again|choose a shorter|dmesg|symbolic links/

function nextOf({ code }: Finding, kind: Refusal['kind']): string {
  if (kind !== 'expression') return `nixsig explain ${PATH}`
  return code === 'no-input-rule'
    ? 'give the URL by which the policy knows the repository (--url), or add a rule to [[inputs]]'
    : `nixsig git status ${PATH}, with the same directory, --url and --require, tells what is missing`
}

for (const [code, finding] of Object.entries(FINDINGS)) {
  test(`attack and all else: a refusal for "${code}" ends in a next step, whatever text is in it`, () => {
    fc.assert(
      fc.property(
        finding,
        fc.array(fc.oneof(...Object.values(FINDINGS)), { maxLength: 5 }),
        fc.constantFrom(...KINDS),
        (first, others, kind) => {
          const refused = refusal([first, ...others], kind)
          const step = nextOf(first, kind)
          assert.ok(sentence(refused).endsWith(`; next: ${step}`))
          assert.ok(paragraph(refused).endsWith(`\n  next: ${step}`))
        },
      ),
    )
  })

  test(`whoever reads advice on "${code}" can take each step, and each command in it is valid`, () => {
    const grounds = fc.constantFrom('rule', 'caches', 'store', 'policy', 'evidence', 'fault')
    fc.assert(
      fc.property(
        finding,
        fc.constantFrom(...KINDS),
        fc.constantFrom(PATH, `${PATH}.drv`, `/nix/store/${'0'.repeat(32)}-*`),
        grounds,
        circumstances,
        (found, kind, path, ground, known) => {
          const refused = { ...refusal([found], kind), path, ground: { kind: ground } } as Refusal
          for (const reader of ['root', 'user'] as const) {
            const advice = adviceFor(refused, { ...known, reader })
            assert.ok(advice.length > 0)
            assert.equal(new Set(advice).size, advice.length)
            assert.doesNotMatch(advice[0] ?? '', /^or /)
            for (const line of advice) assertUsable(line, reader)
          }
        },
      ),
    )
  })
}

test('so does a line that tells of many refusals, and of some their number alone', () => {
  const codes = fc.oneof(...Object.values(FINDINGS))
  const refusals = fc.array(codes, { minLength: 1, maxLength: 9 })
  fc.assert(
    fc.property(refusals, findings => {
      const line = sentences(
        findings.map(finding => refusal([finding])),
        `${PATH}.drv`,
      )
      const about = findings.length > 3 ? `${PATH}.drv` : PATH
      assert.ok(line.endsWith(`; next: nixsig explain ${about}`))
      assert.doesNotMatch(line, /\n/)
    }),
  )
})

/** Statements of C in which a refusal is worded, each up to its end. */
function refusalsIn(source: string): readonly string[] {
  const statements = source.replaceAll(/\/\*.*?\*\//gs, '').split(/;\n/)
  return statements.filter(statement => /snprintf\(reason,|"(?:nixsig: )?refused[ :]/.test(statement))
}

test('each refusal that the plugin and the thin hooks word themselves names a next step', () => {
  const directory = join(PROJECT_ROOT, 'nix/plugin')
  const tests = ['check.c', 'ask.c']
  const files = readdirSync(directory).filter(name => name.endsWith('.c') && !tests.includes(name))
  const refusals = files.flatMap(name => refusalsIn(readFileSync(join(directory, name), 'utf8')))
  assert.ok(refusals.length > 12, String(refusals.length))
  // Passed on: what the gate said, which has a step of its own.
  const own = refusals.filter(
    statement => !/"%s", reply\.|judgement->text|static const char refused\[\]/.test(statement),
  )
  assert.ok(own.length > 10, String(own.length))
  for (const statement of own) assert.match(statement, /\bNEXT(?:_[A-Z]+)*\b|\b(?:BUSY|TOO_LONG)\b/)
})

test('the plugin and the hooks name the same steps', () => {
  const steps = readFileSync(join(PROJECT_ROOT, 'nix/plugin/next-step.h'), 'utf8')
  assert.ok(steps.includes(BY_ROOT))
  assert.ok(TRY_AGAIN.includes(BY_ROOT))
})

const ABOUT_ARGUMENTS = ['ArgumentError', 'ExpressionError', 'LockError']

/** One for each kind of error that the command line explains. */
const ERRORS: Readonly<Record<string, (text: string) => Error>> = {
  ArgumentError: text => new ArgumentError(text),
  ExpressionError: text => new ExpressionError('evaluation', text),
  FileError: text => new FileError(text),
  LockError: text => new LockError(text),
  FormatError: text => new FormatError(text, text, text),
  PackagingError: text => new PackagingError('not-valid', text),
  PassphraseError: text => new PassphraseError(text),
  SignerError: text => new SignerError(text),
  StoreError: text => new StoreError(text),
  UnsupportedDerivationError: text => new UnsupportedDerivationError(PATH, text),
  'an error of the system': text => Object.assign(new Error(text), { syscall: 'open' }),
}

const HELP = 'nixsig git verify --help'

test('an error about an argument ends in what corrects it, and never in nixsig doctor', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ABOUT_ARGUMENTS), text, (kind, words) => {
      const error = (ERRORS[kind] ?? assert.fail(kind))(words.replaceAll('next', ''))
      const said = explainError(error, HELP)?.text ?? ''
      assert.ok(said.endsWith(`next: ${HELP}`), said)
    }),
  )
})

test('whatever an error of the command line says, it says what to do next, once', () => {
  const step = fc.constantFrom('', '; next: see about it', '\nnext: see about it')
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(ERRORS)), text, step, (kind, words, own) => {
      const error = (ERRORS[kind] ?? assert.fail(kind))(`${words.replaceAll('next', '')}${own}`)
      const said = explainError(error, HELP)?.text ?? ''
      assert.equal(said.match(/\bnext: \S/g)?.length, kind === 'FormatError' && own !== '' ? 3 : 1, said)
    }),
  )
})

test('a wrong call ends in its own step, or in the help of its command', () => {
  fc.assert(
    fc.property(text, words => {
      const said = withNextStep(words, 'nixsig verify --help')
      assert.match(said, /\bnext: |nixsig verify --help/)
      assert.ok(said.startsWith(words))
    }),
  )
  assert.equal(
    withNextStep('no: see nixsig verify --help', 'nixsig verify --help').match(/--help/g)?.length,
    1,
  )
})

test('what is malformed in the ledger, and what cannot be fetched, says what to do', async () => {
  fc.assert(
    fc.property(text, words => {
      const said = () => parseAdmission(`x${words}`, PATH, '/var/lib/nixsig/ledger/00/x')
      assert.throws(said, /ledger entry .*; next: have the path judged again, .*: rm \/var\/lib/)
    }),
  )
  const limits = { bytes: 1, time: 1000, silence: 1000 }
  for (const url of ['ftp://127.0.0.1/x', 'data:,x', 'gopher://x/', 'http://a:b%zz@127.0.0.1/x'])
    await assert.rejects(download(url, limits), /^FileError: cannot fetch .*; next: /)
})
