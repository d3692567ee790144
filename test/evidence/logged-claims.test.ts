// Proofs of logs from a line of attestations to a verdict: found, carried elsewhere, and remembered.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { logStandings } from '../../src/crypto/logged.ts'
import { splitLogged } from '../../src/crypto/trace.ts'
import { attestationFile } from '../../src/evidence/attestation-file.ts'
import { appendAttestation, readAttestationLines } from '../../src/evidence/attestation-files.ts'
import { attestationEvidence } from '../../src/evidence/attestations.ts'
import { publish } from '../../src/evidence/publication/publish.ts'
import { recalledEvidence } from '../../src/evidence/remembered.ts'
import { loggedEntry, parseEnvelope, printEnvelope } from '../../src/formats/in-toto/dsse.ts'
import { keepLogProofs, writeLogEntries } from '../../src/packaging/attest/log-proofs.ts'
import { importDirectory } from '../../src/packaging/exchange/directory.ts'
import { openEnvelopeBatch } from '../../src/packaging/exchange/envelopes.ts'
import { judge } from '../../src/policy/judge.ts'
import type { Policy } from '../../src/policy/policy.ts'
import type { Claim } from '../../src/policy/verdict.ts'
import { policyOf } from '../policy/policies.ts'
import { policyOfTwo, sigsumProof, tlogProof, WITNESSES } from '../support/tlog/log.ts'
import { built, signer } from '../support/trust.ts'

const PATH = '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-2.12'
const DRV = '/nix/store/1123456789abcdfghijklmnpqrsvwxyz-hello-2.12.drv'
const HASH = 'ab'.repeat(32)
const NOW = 1_790_000_000
const SUBJECT = {
  path: PATH,
  name: 'hello-2.12',
  kind: 'output',
  narHash: HASH,
  builtHere: false,
  derivation: DRV,
} as const

const alice = signer('alice')
const LINE = built(alice, { path: PATH, narHash: HASH }, DRV)
const ENTRY = loggedEntry(parseEnvelope(LINE))
const OTHERS = ['a', 'b'].map(text => Buffer.from(text))
const PROOF = tlogProof([...OTHERS, ENTRY], 2)
const FEW = tlogProof([...OTHERS, ENTRY], 2, { witnesses: WITNESSES.slice(0, 1) })

let scratch: string
let dir: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'nixsig-logged-'))
  dir = join(scratch, 'attestations')
})
afterEach(() => rmSync(scratch, { recursive: true, force: true }))

function policyWith(tlogPolicy = policyOfTwo()): Policy {
  return policyOf(
    `version = 1
mode = "enforce"
[attestations]
directories = ["${dir}"]
[principals]
alice.keys = ["${alice.publicKey}"]
[quorums]
main.policy = "main.txt"
[default]
require.source = "nothing"
require.derivation = "nothing"
require.output = { builder = "alice", logged = "main" }
`,
    { certificate: () => Buffer.from(tlogPolicy) },
  )
}

const carrying = (...logged: readonly string[]) => printEnvelope({ ...parseEnvelope(LINE), logged })
const put = (...lines: readonly string[]) => lines.map(line => appendAttestation(dir, PATH, line))

async function outcome(policy = policyWith()): Promise<string> {
  return judge(policy, SUBJECT, await attestationEvidence(policy, PATH), NOW).outcome
}

describe('an attestation', () => {
  it('counts with a proof in its line, and not without', async () => {
    put(LINE)
    assert.equal(await outcome(), 'untrusted')
    put(carrying(FEW))
    assert.equal(await outcome(), 'untrusted')
    put(carrying('rubbish', FEW, PROOF))
    assert.equal(await outcome(), 'trusted')
  })

  it('counts with a proof of Sigsum by the key that signed it', async () => {
    const { publicKey, secretKey } = alice.key
    put(carrying(sigsumProof(ENTRY, { publicKey, secretKey })))
    assert.equal(await outcome(), 'trusted')
  })

  it('attack: the proof of another attestation', async () => {
    const other = built(alice, { path: PATH, narHash: 'cd'.repeat(32) }, DRV)
    put(carrying(tlogProof([loggedEntry(parseEnvelope(other))], 0)))
    assert.equal(await outcome(), 'untrusted')
  })

  it('attack: rubbish beside an attestation does not make it unreadable', async () => {
    put(carrying('rubbish', 'version=2\n', 'c2sp.org/tlog-proof@v1\n'), carrying(PROOF))
    assert.equal(await outcome(), 'trusted')
  })

  it('attack: a line with more than the proofs of an envelope is not read', async () => {
    put(carrying(...Array.from({ length: 9 }, () => PROOF)))
    const { troubles } = await attestationEvidence(policyWith(), PATH)
    assert.equal(troubles.length, 1)
  })
})

describe('the work of looking at proofs', () => {
  const workOf = async (...logged: readonly string[]) => {
    let spent = 0
    const work = {
      spend: async (units: number) => {
        spent += units
      },
    }
    const key = [...policyWith().principals.values()].flatMap(({ keys }) => keys)[0]
    assert.ok(key !== undefined && key.kind === 'ed25519')
    const quorums = [...policyWith().quorums.values()]
    await logStandings({ ...parseEnvelope(LINE), logged }, key, { quorums, work })
    return spent
  }

  it('attack: one cosignature ninety times over counts as ninety', async () => {
    const again = `${PROOF.trimEnd().split('\n').at(-1)}\n`
    assert.ok((await workOf(PROOF)) < 10)
    assert.ok((await workOf(PROOF + again.repeat(90))) >= 90)
    assert.ok((await workOf(...Array(8).fill(PROOF + again.repeat(90)))) >= 8 * 90)
  })
})

describe('proofs', () => {
  it('are kept with the attestation that they are about', async () => {
    put(LINE)
    const to = join(scratch, 'entries')
    mkdirSync(to)
    const [file = ''] = writeLogEntries(dir, PATH, to)
    assert.deepEqual(readFileSync(file), Buffer.from(ENTRY))
    assert.equal(keepLogProofs(dir, PATH, [{ text: PROOF, origin: 'proof' }]), 1)
    assert.equal(await outcome(), 'trusted')
    assert.equal(keepLogProofs(dir, PATH, [{ text: PROOF, origin: 'proof' }]), 0)
    assert.equal(readAttestationLines(attestationFile(dir, PATH))?.length, 2)
    assert.equal(writeLogEntries(dir, PATH, to).length, 1)
    const other = tlogProof(OTHERS, 1)
    assert.throws(() => keepLogProofs(dir, PATH, [{ text: other, origin: 'p' }]), /something else was logged/)
    assert.throws(() => keepLogProofs(dir, PATH, [{ text: 'x', origin: 'p' }]), /does not begin/)
    assert.throws(() => keepLogProofs(dir, DRV, []), /nothing is attested/)
  })

  it('attack: a mirror fills a line with rubbish, so that no proof could be kept with it', async () => {
    put(carrying(...Array.from({ length: 8 }, (_, index) => `rubbish ${index}`)))
    assert.equal(keepLogProofs(dir, PATH, [{ text: PROOF, origin: 'proof' }]), 1)
    assert.equal(await outcome(), 'trusted')
    const nine = Array.from({ length: 9 }, (_, index) => ({
      text: PROOF.replace('\nindex', `\nextra ${Buffer.alloc(3, index).toString('base64')}\nindex`),
      origin: `${index}`,
    }))
    assert.throws(() => keepLogProofs(dir, PATH, nine), /at most 8 proofs/)
  })

  it('go where the attestation goes: published, and imported', async () => {
    put(LINE, carrying(PROOF))
    const published = join(scratch, 'published')
    await publish({ from: dir, to: published, prune: false, now: NOW })
    dir = join(scratch, 'imported')
    const batch = openEnvelopeBatch(dir)
    await importDirectory(dir, published, batch)
    batch.finish()
    assert.equal(await outcome(), 'trusted')
  })
})

describe('what is remembered', () => {
  async function remembered(): Promise<Claim> {
    put(carrying(PROOF))
    const { claims } = await attestationEvidence(policyWith(), PATH)
    const [claim] = claims
    assert.ok(claim)
    return claim
  }

  async function recalled(policy: Policy, { trace = '' }: Claim): Promise<string> {
    const { key, role, path, narHash, origin } = await remembered()
    const claim = { key, role, path, narHash, origin, trace, seen: NOW }
    const evidence = await recalledEvidence(policy, [claim], { now: NOW, own: undefined })
    return judge(policy, SUBJECT, evidence, NOW).outcome
  }

  it('is which quorum it was proven for, by what that means', async () => {
    const claim = await remembered()
    const [digest] = splitLogged(claim.trace ?? '').quorums
    assert.equal(digest, policyWith().quorums.get('main')?.policy.digest)
    assert.equal(await recalled(policyWith(), claim), 'trusted')
    assert.equal(await recalled(policyWith(`# new words\n${policyOfTwo()}`), claim), 'trusted')
  })

  it('attack: a quorum that became stricter, or other witnesses, under the same name', async () => {
    const claim = await remembered()
    const stricter = policyOfTwo().replace('two 2', 'two 3')
    assert.equal(await recalled(policyWith(stricter), claim), 'untrusted')
  })

  it('attack: a claim that was never proven', async () => {
    put(LINE)
    const { claims } = await attestationEvidence(policyWith(), PATH)
    const [claim] = claims
    assert.ok(claim)
    assert.deepEqual(splitLogged(claim.trace ?? '').quorums, [])
    assert.equal(await recalled(policyWith(), claim), 'untrusted')
  })
})
