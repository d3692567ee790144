// Proofs of logs against Sigsum's own tools of Debian sid: a log and three witnesses run here, the
// log proves attestations that nixsig wrote, and sigsum-verify, sigsum-c-verify and nixsig judge the
// same proofs, and broken ones, alike.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { proofVerdict } from '../../src/crypto/logged.ts'
import { parseTlogPolicy } from '../../src/formats/tlog/tlog-policy.ts'
import { sidProgram } from '../support/sid-tools.ts'
import { sigsumProof, somebody, WITNESSES } from '../support/tlog/log.ts'

const run = promisify(execFile)

let dir: string
const running: ReturnType<typeof spawn>[] = []
const program = (name: string) => sidProgram(name, dir)
const file = (name: string) => join(dir, name)

async function generate(name: string): Promise<string> {
  await run(program('sigsum-key'), ['generate', '-o', file(`${name}.key`)])
  const { stdout } = await run(program('sigsum-key'), ['to-hex', '-k', file(`${name}.key.pub`)])
  return stdout.trim()
}

// Debian builds the servers for a Go whose router does not know their patterns.
const MUX = { GODEBUG: 'httpmuxgo121=0' }

function start(name: string, args: readonly string[]): void {
  running.push(spawn(program(name), args, { stdio: 'ignore', env: { ...process.env, ...MUX } }))
}

/** The raw key of the submitter, in hex. */
let submitter: string
let policyText: string

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nixsig-sigsum-'))
  const log = await generate('log')
  submitter = await generate('submit')
  const witnesses: string[] = []
  for (const index of [1, 2, 3]) {
    const key = await generate(`w${index}`)
    witnesses.push(`witness w${index} ${key} http://127.0.0.1:777${index}\n`)
    const state = ['--log-key', file('log.key.pub'), '--state-file', file(`w${index}.state`)]
    // The third is never there.
    if (index < 3) start('sigsum-witness', ['-k', file(`w${index}.key`), ...state, `127.0.0.1:777${index}`])
  }
  policyText = `log ${log} http://127.0.0.1:6965\n${witnesses.join('')}group two 2 w1 w2 w3\nquorum two\n`
  writeFileSync(file('policy'), policyText)
  writeFileSync(file('sth.startup'), 'startup=empty\n')
  start('sigsum-log-primary', [
    ...['--key-file', file('log.key'), '--policy-file', file('policy'), '--backend', 'ephemeral'],
    ...['--external-endpoint', '127.0.0.1:6965', '--internal-endpoint', '127.0.0.1:6967'],
    ...['--interval', '1s', '--sth-file', file('sth'), '--log-level', 'error'],
  ])
  await wait(2000)
})

after(() => {
  for (const each of running) each.kill()
  rmSync(dir, { recursive: true, force: true })
})

/** Has the log prove a file, as `sigsum-submit` does. */
async function submit(name: string, contents: Uint8Array): Promise<string> {
  writeFileSync(file(name), contents)
  await run(program('sigsum-submit'), [
    ...['-k', file('submit.key'), '-p', file('policy'), '--timeout', '30s', file(name)],
  ])
  return readFileSync(file(`${name}.proof`), 'utf8')
}

interface Judged {
  readonly proof: string
  readonly contents: Uint8Array
  readonly policy?: string
  /** The submitter's key: a file in OpenSSH's form, and raw. */
  readonly key?: { readonly file: string; readonly raw: Uint8Array }
}

/** Whether sigsum-verify, sigsum-c-verify and nixsig accept a proof. */
async function verdicts({ proof, contents, policy = policyText, key }: Judged): Promise<readonly boolean[]> {
  const { file: keyFile, raw } = key ?? { file: file('submit.key.pub'), raw: Buffer.from(submitter, 'hex') }
  writeFileSync(file('judged.proof'), proof)
  writeFileSync(file('judged.policy'), policy)
  const by = async (name: string) => {
    const judged = run(program(name), ['-k', keyFile, '-p', file('judged.policy'), file('judged.proof')])
    judged.child.stdin?.on('error', () => {}).end(contents)
    return judged.then(
      () => true,
      () => false,
    )
  }
  const others = [await by('sigsum-verify'), await by('sigsum-c-verify')]
  const { outcome } = proofVerdict(proof, { entry: contents, signer: raw, policy: parseTlogPolicy(policy) })
  return [...others, outcome === 'proven']
}

const ALL = [true, true, true]
const NONE = [false, false, false]

test('what a real log proved, and what 30 hostile hands make of it', async () => {
  for (const name of ['a', 'b']) await submit(name, Buffer.from(name))
  const contents = Buffer.from('{"payload":"…"}')
  const proof = await submit('envelope', contents)
  assert.deepEqual(await verdicts({ proof, contents }), ALL)

  const other = await submit('other', Buffer.from('other'))
  const line = (text: string, name: string) => new RegExp(`^${name}=.*\n`, 'm').exec(text)?.[0] ?? ''
  const swapped = (name: string) => proof.replace(line(proof, name), line(other, name))
  const flipped = (name: string) =>
    proof.replace(line(proof, name), text => text.replace(/.\n$/, last => (last === '0\n' ? '1\n' : '0\n')))
  const without = (name: string) => proof.replace(line(proof, name), '')
  const twice = (name: string) => proof.replace(line(proof, name), text => text + text)
  const names = [
    'version',
    'log',
    'leaf',
    'size',
    'root_hash',
    'signature',
    'cosignature',
    'leaf_index',
    'node_hash',
  ]
  const broken = [
    ...['leaf', 'size', 'root_hash', 'signature', 'cosignature', 'leaf_index', 'node_hash'].map(swapped),
    ...names.map(flipped),
    ...names.map(without),
    ...names.map(twice),
    proof.replace('version=2', 'version=3'),
    proof.replace(/leaf_index=/, 'leaf_index=0'),
    proof.replace(/size=/, 'size=+'),
    proof.replaceAll('\n\n', '\n'),
    proof.slice(0, -40),
    '',
  ].filter(text => text !== proof)
  assert.ok(broken.length >= 30, String(broken.length))
  for (const text of broken) assert.deepEqual(await verdicts({ proof: text, contents }), NONE, text)

  const wrongFile = { proof, contents: Buffer.from('other') }
  assert.deepEqual(await verdicts(wrongFile), NONE)
  for (const policy of [
    policyText.replace('group two 2', 'group two 3'),
    policyText.replace(/log \S+/, `log ${'ab'.repeat(32)}`),
    policyText.replace(
      /witness w1 \S+/,
      `witness w1 ${Buffer.from(somebody('x').publicKey).toString('hex')}`,
    ),
  ])
    assert.deepEqual(await verdicts({ proof, contents, policy }), NONE, policy)
  assert.deepEqual(await verdicts({ proof, contents, policy: policyText.replace('two 2', 'two 1') }), ALL)
})

test('what nixsig holds to be a proof, others do as well', async () => {
  const log = somebody('log.example')
  const hex = (key: Uint8Array) => Buffer.from(key).toString('hex')
  const witnesses = WITNESSES.map((one, index) => `witness w${index} ${hex(one.publicKey)}\n`).join('')
  const alice = somebody('alice')
  writeFileSync(file('alice.hex'), hex(alice.publicKey))
  const { stdout } = await run('sh', ['-c', `${program('sigsum-key')} from-hex -k ${file('alice.hex')}`])
  writeFileSync(file('alice.pub'), stdout)
  const key = { file: file('alice.pub'), raw: alice.publicKey }
  const property = fc.asyncProperty(
    fc.record({
      others: fc.nat(12),
      present: fc.subarray([...WITNESSES]),
      threshold: fc.integer({ min: 1, max: 3 }),
      contents: fc.uint8Array(),
    }),
    async ({ others, present, threshold, contents }) => {
      const policy = `log ${hex(log.publicKey)}\n${witnesses}group g ${threshold} w0 w1 w2\nquorum g\n`
      const proof = sigsumProof(contents, alice, { log, others, witnesses: present })
      const expected = present.length >= threshold ? ALL : NONE
      assert.deepEqual(await verdicts({ proof, contents, policy, key }), expected, proof)
    },
  )
  await fc.assert(property, { numRuns: 40 })
})
