// Proofs that an envelope was logged: which count, and each attack on them.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Logged, proofVerdict } from '../../src/crypto/logged.ts'
import { cosignCheckpoint } from '../../src/crypto/note-signature.ts'
import { printSignatureLine } from '../../src/formats/tlog/note.ts'
import { parseTlogPolicy } from '../../src/formats/tlog/tlog-policy.ts'
import { parseTlogProof } from '../../src/formats/tlog/tlog-proof.ts'
import { fromBase64, toBase64 } from '../../src/primitives/base64.ts'
import { SIGSUM } from '../support/tlog/known-notes.ts'
import {
  LOG,
  logKey,
  policyOfTwo,
  sigsumProof,
  somebody,
  tlogProof,
  WITNESSES,
  witnessKey,
} from '../support/tlog/log.ts'

const ENTRY = Buffer.from('the line of an envelope')
const ENTRIES = ['a', 'b', 'c', 'd'].map(text => Buffer.from(text)).toSpliced(2, 0, ENTRY)
const POLICY = parseTlogPolicy(policyOfTwo())
const ALICE = somebody('alice')
const LOGGED: Logged = { entry: ENTRY, signer: ALICE.publicKey, policy: POLICY }
const [W1, W2, W3] = WITNESSES as [typeof LOG, typeof LOG, typeof LOG]
const PROOF = tlogProof(ENTRIES, 2)

const verdict = (proof: string, logged: Partial<Logged> = {}) => proofVerdict(proof, { ...LOGGED, ...logged })
const isWrong = (proof: string, why: RegExp, logged: Partial<Logged> = {}) => {
  const { outcome, detail = '' } = verdict(proof, logged)
  assert.equal(outcome, 'wrong')
  assert.match(detail, why)
}

describe('a tlog-proof', () => {
  it('proves if enough witnesses cosigned', () => {
    assert.deepEqual(verdict(PROOF), { outcome: 'proven', found: ['w1', 'w2', 'w3'] })
    assert.deepEqual(verdict(tlogProof(ENTRIES, 2, { witnesses: [W1, W3] })), {
      outcome: 'proven',
      found: ['w1', 'w3'],
    })
    assert.deepEqual(verdict(tlogProof(ENTRIES, 2, { witnesses: [W2] })), {
      outcome: 'too-few',
      found: ['w2'],
    })
    assert.deepEqual(verdict(tlogProof(ENTRIES, 2, { witnesses: [] })), { outcome: 'too-few', found: [] })
    assert.equal(verdict(tlogProof([ENTRY], 0)).outcome, 'proven')
  })

  it('may have extra data, which says nothing', () => {
    assert.equal(verdict(PROOF.replace('\nindex', '\nextra AAAA\nindex')).outcome, 'proven')
    isWrong(PROOF.replace('\nindex', '\nextra AAA\nindex'), /base64/)
  })

  it('may have signatures by strangers', () => {
    const stranger = cosignCheckpoint(parseTlogProof(PROOF).note.text, somebody('stranger'), 5)
    assert.equal(verdict(PROOF + printSignatureLine(stranger)).outcome, 'proven')
    const named = { ...stranger, name: W1.name }
    assert.equal(verdict(PROOF + printSignatureLine(named)).outcome, 'proven')
  })

  it('attack: of another envelope', () => {
    isWrong(tlogProof(ENTRIES, 3), /something else was logged/)
    isWrong(PROOF, /something else was logged/, { entry: Buffer.from(`${ENTRY}\n`) })
  })

  it('attack: at another place of the same log', () => {
    isWrong(PROOF.replace('index 2', 'index 3'), /something else was logged/)
    isWrong(PROOF.replace('index 2', 'index 7'), /something else was logged/)
    isWrong(PROOF.replace('index 2', 'index 02'), /not a number/)
    isWrong(PROOF.replace('index 2', 'index -2'), /not a number/)
  })

  it('attack: by a log that nobody trusts', () => {
    isWrong(tlogProof(ENTRIES, 2, { log: somebody('evil.example') }), /by the log evil.example/)
    const impostor = { ...somebody('evil.example'), name: LOG.name }
    isWrong(tlogProof(ENTRIES, 2, { log: impostor }), /by the log log.example\/main/)
    const other = somebody('other.example')
    const policy = parseTlogPolicy(policyOfTwo().replace(logKey(LOG), logKey(other)))
    isWrong(PROOF, /by the log log.example\/main/, { policy })
  })

  it('attack: a log that speaks as another log of the policy', () => {
    const other = somebody('other.example')
    const policy = parseTlogPolicy(`log ${logKey(other)}\n${policyOfTwo()}`)
    const text = tlogProof(ENTRIES, 2, { log: other }).replace('\nother.example\n', `\n${LOG.name}\n`)
    isWrong(text, /by the log log.example\/main/, { policy })
  })

  it('attack: a signature of the log, or of a witness, over another tree', () => {
    const other = tlogProof([...ENTRIES, Buffer.from('more')], 2)
    const linesOf = (proof: string) => proof.split('\n').filter(line => line.startsWith('\u2014'))
    for (const [index, why] of [
      [0, /signature of the log that does not verify/],
      [1, /under the name of w1/],
    ] as const)
      isWrong(PROOF.replace(linesOf(PROOF)[index] ?? '', linesOf(other)[index] ?? ''), why)
  })

  it('attack: one witness that cosigns twice, or under two names', () => {
    const text = parseTlogProof(PROOF).note.text
    const one = tlogProof(ENTRIES, 2, { witnesses: [W1] })
    const again = one + printSignatureLine(cosignCheckpoint(text, W1, 9))
    assert.deepEqual(verdict(again), { outcome: 'too-few', found: ['w1'] })
    const asOther = one + printSignatureLine(cosignCheckpoint(text, { ...W1, name: W2.name }, 9))
    assert.deepEqual(verdict(asOther), { outcome: 'too-few', found: ['w1'] })
  })

  it('attack: a witness of a kind that nixsig cannot verify never counts', () => {
    const unknown = Buffer.concat([Buffer.of(6), Buffer.alloc(1312, 6)]).toString('base64')
    const witnesses = `witness w1 ${witnessKey(W1)}\nwitness q q.example+01020304+${unknown}\n`
    const policyText = (count: number) => `log ${logKey(LOG)}\n${witnesses}group g ${count} w1 q\nquorum g\n`
    const signature = { name: 'q.example', keyId: '01020304', signature: Buffer.alloc(2428, 1) }
    const proof = tlogProof(ENTRIES, 2, { witnesses: [] }) + printSignatureLine(signature)
    assert.deepEqual(verdict(proof, { policy: parseTlogPolicy(policyText(1)) }), {
      outcome: 'too-few',
      found: [],
    })
    assert.throws(() => parseTlogPolicy(policyText(2)), /no Ed25519 signatures can meet/)
  })

  it('attack: an entry that is an inner node of the tree', () => {
    const proof = tlogProof(ENTRIES, 2)
    const { hashes } = parseTlogProof(proof)
    const inner = Buffer.concat([Buffer.of(1), ...hashes.slice(0, 2)])
    isWrong(proof, /something else was logged/, { entry: inner })
  })

  it('breaks with any byte', () => {
    fc.assert(
      fc.property(
        fc.nat(PROOF.length - 1),
        fc.constantFrom('A', 'B', '0', '1', '\n', ' '),
        (at, character) => {
          const changed = PROOF.slice(0, at) + character + PROOF.slice(at + 1)
          if (changed === PROOF) return
          const { outcome, found } = verdict(changed)
          // A cosignature that became a stranger's is one fewer.
          assert.ok(outcome === 'wrong' || found.length === 2, `${at} ${character}`)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('is refused in any other form', () => {
    isWrong('', /does not begin/)
    isWrong('c2sp.org/tlog-proof@v2\nindex 0\n', /does not begin/)
    isWrong('c2sp.org/tlog-proof@v1\nindex 0\n', /no blank line/)
    isWrong(PROOF.replace('index 2', 'place 2'), /no index/)
    isWrong(
      PROOF.replace('\n\n', `\n${`${toBase64(Buffer.alloc(32))}\n`.repeat(55)}\n`),
      /more than 53 hashes/,
    )
    isWrong(PROOF.replace('index 2\n', 'index 2\nAAAA\n'), /not a SHA-256/)
    isWrong(PROOF + 'A'.repeat(64 * 1024), /longer than/)
  })
})

describe("a proof of Sigsum's", () => {
  const proof = sigsumProof(ENTRY, ALICE)

  it('that its own tools made', () => {
    const hex = (key: string) => Buffer.from(key, 'base64').toString('hex')
    const policy = parseTlogPolicy(
      `log ${hex(SIGSUM.logKey)}\nwitness w ${hex(SIGSUM.witnessKey)}\nquorum w\n`,
    )
    // The message of that proof stands for the SHA-256 of a file, which nobody has.
    const signer = fromBase64(SIGSUM.submitterKey)
    isWrong(SIGSUM.proof, /something else was logged/, { signer, policy })
  })

  it('proves if enough witnesses cosigned', () => {
    assert.deepEqual(verdict(proof), { outcome: 'proven', found: ['w1', 'w2', 'w3'] })
    assert.equal(verdict(sigsumProof(ENTRY, ALICE, { others: 0 })).outcome, 'proven')
    assert.deepEqual(verdict(sigsumProof(ENTRY, ALICE, { witnesses: [W2] })), {
      outcome: 'too-few',
      found: ['w2'],
    })
  })

  it('attack: submitted under a key whose owner does not look', () => {
    isWrong(sigsumProof(ENTRY, somebody('mallory')), /by another key than the one that signed/)
    isWrong(proof, /by another key/, { signer: somebody('bob').publicKey })
    isWrong(proof, /not Ed25519/, { signer: undefined })
  })

  it('attack: of another envelope, by another log, of another tree', () => {
    isWrong(proof, /something else was logged/, { entry: Buffer.from('other') })
    isWrong(sigsumProof(ENTRY, ALICE, { log: somebody('evil') }), /none of the quorum's/)
    isWrong(proof.replace('leaf_index=4', 'leaf_index=3'), /something else was logged/)
    isWrong(proof.replace('size=5', 'size=6'), /signature of the log that does not verify/)
  })

  it('a wrong cosignature is one fewer', () => {
    const changed = proof.replace(/(cosignature=\S+ )\d+/, '$15')
    assert.deepEqual(verdict(changed), { outcome: 'proven', found: ['w2', 'w3'] })
  })

  it('is refused in any other form', () => {
    isWrong(proof.replace('version=2', 'version=1'), /not of version 2/)
    isWrong(proof.slice(0, -1), /the last line breaks off/)
    isWrong(proof.replace('\n\n', '\n'), /not a blank line/)
    isWrong(`${proof}node_hash=\n`, /not 32 bytes in hex/)
    isWrong(`${sigsumProof(ENTRY, ALICE, { others: 0 })}\nleaf_index=0\n`, /more lines/)
    isWrong(proof.replace('size=5', 'size=0'), /without leaves/)
    isWrong(proof.replace(/(cosignature=.*\n)/, '$1$1'), /two cosignatures by one key/)
    isWrong(proof.replace('size=5', 'size=05'), /not a number/)
  })
})
