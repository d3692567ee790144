import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMet, parseTlogPolicy, witnessesOf } from '../../../src/formats/tlog/tlog-policy.ts'
import { LOG, logKey, policyOfTwo, somebody, WITNESSES, witnessKey } from '../../support/tlog/log.ts'

const TWO = policyOfTwo()
const hexOf = (key: Uint8Array) => Buffer.from(key).toString('hex')

describe('a policy of logs and witnesses', () => {
  it('is read with comments, addresses and white space', () => {
    const { quorum, logs } = parseTlogPolicy(
      `# which\n\n \tlog\t${logKey(LOG)} https://log.example/ \n${TWO.split('\n').slice(1).join('\n')}`,
    )
    assert.equal(logs.length, 1)
    assert.deepEqual(
      witnessesOf(quorum).map(({ name }) => name),
      ['w1', 'w2', 'w3'],
    )
  })

  it("takes keys in hex, as Sigsum's own tools do", () => {
    const [one] = WITNESSES
    const policy = parseTlogPolicy(
      `log ${hexOf(LOG.publicKey)}\nwitness W ${hexOf(one?.publicKey ?? LOG.publicKey)}\nquorum W\n`,
    )
    assert.deepEqual(policy.logs[0], { noteKey: undefined, ed25519: new Uint8Array(LOG.publicKey) })
  })

  it('groups need what they say', () => {
    const keys = ['a', 'b', 'c', 'd', 'e']
      .map(name => `witness ${name} ${witnessKey(somebody(name))}\n`)
      .join('')
    const { quorum } = parseTlogPolicy(
      `log ${logKey(LOG)}\n${keys}group x 2 a b c\ngroup y any d e\ngroup z all x y\nquorum z\n`,
    )
    const met = (...names: string[]) => isMet(quorum, ({ name }) => names.includes(name))
    assert.deepEqual(
      [met('a', 'b'), met('a', 'd'), met('a', 'b', 'd'), met('c', 'b', 'e')],
      [false, false, true, true],
    )
    assert.ok(isMet(parseTlogPolicy(`log ${logKey(LOG)}\nquorum none\n`).quorum, () => false))
  })

  it('has one digest for one meaning', () => {
    const { digest } = parseTlogPolicy(TWO)
    const same = TWO.replace(/\bw1\b(?!\.)/g, 'first')
      .replace('group two 2 first w2 w3', 'group 2w 2 w3 first w2')
      .replace('quorum two', 'quorum 2w')
    assert.equal(parseTlogPolicy(`# a comment\n${same}`).digest, digest)
    const others = [
      TWO.replace('two 2', 'two 1'),
      TWO.replace('w1 w2 w3', 'w1 w2'),
      TWO.replace(logKey(LOG), logKey(somebody('other'))),
      `${TWO}log ${logKey(somebody('other'))}\n`,
    ].map(text => parseTlogPolicy(text).digest)
    assert.equal(new Set([digest, ...others]).size, 5)
  })

  it('attack: two witnesses, or two logs, with the same raw key', () => {
    const [w1] = WITNESSES
    assert.ok(w1)
    const again = (key: string) => TWO.replace('group', `witness again ${key}\ngroup`)
    assert.throws(
      () => parseTlogPolicy(again(witnessKey({ ...w1, name: 'other.example' }))),
      /a second witness with the same key \(line 5\)/,
    )
    assert.throws(() => parseTlogPolicy(again(hexOf(w1.publicKey))), /a second witness with the same key/)
    assert.throws(
      () => parseTlogPolicy(`${TWO}log ${logKey({ ...LOG, name: 'x' })}\n`),
      /a second log with the same key/,
    )
  })

  it('attack: a log that is its own witness, under another name or in hex', () => {
    const asWitness = (key: string) => TWO.replace(/witness w1 \S+/, `witness w1 ${key}`)
    const why = /a log that is its own witness: the key of both is the same \(line 2\)/
    assert.throws(() => parseTlogPolicy(asWitness(witnessKey({ ...LOG, name: 'w1.example' }))), why)
    assert.throws(() => parseTlogPolicy(asWitness(hexOf(LOG.publicKey))), why)
    const [first = '', ...rest] = asWitness(hexOf(LOG.publicKey)).split('\n')
    assert.throws(() => parseTlogPolicy([...rest, first].join('\n')), /its own witness/)
  })

  it('attack: numbers of groups that are names of what every object has', () => {
    for (const name of ['constructor', 'toString', 'valueOf', '__proto__', 'hasOwnProperty'])
      assert.throws(() => parseTlogPolicy(TWO.replace('two 2', `two ${name}`)), /no members can meet/)
  })

  it('is refused in any other form', () => {
    const refused = (text: string, reason: RegExp) =>
      assert.throws(() => parseTlogPolicy(text), { name: 'FormatError', message: reason })
    refused('', /no quorum/)
    refused(`log ${logKey(LOG)}\n`, /no quorum/)
    refused('quorum none\n', /no log/)
    refused(TWO.replace('\n', '\r\n'), /control character \(line 1\)/)
    refused(TWO.replace('quorum two', 'quorum three'), /three is not defined/)
    refused(`${TWO}quorum two\n`, /a second quorum/)
    refused(TWO.replace('two 2', 'two 4'), /no members can meet/)
    refused(TWO.replace('two 2', 'two 0'), /no members can meet/)
    refused(TWO.replace('two 2', 'two 02'), /no members can meet/)
    refused(TWO.replace('w1 w2 w3', 'w1 w2 w2'), /w2 is a member twice/)
    refused(TWO.replace('quorum', 'group again any w1\nquorum'), /w1 is a member twice/)
    refused(TWO.replace('w1 w2 w3', 'w1 w2 none'), /none is not defined/)
    refused(TWO.replace('w1 w2 w3', 'w1 w2 two'), /two is not defined/)
    refused(TWO.replace('group two', 'group w1'), /w1 is defined already/)
    refused(TWO.replace('group two', 'group none'), /none is defined already/)
    refused(TWO.replace('witness', 'witnes'), /"witnes" begins no line/)
    refused(TWO.replace(/witness w1 \S+/, `witness w1 ${logKey(somebody('w1'))}`), /not the key of a witness/)
    refused(TWO.replace(/log \S+/, 'log'), /not "log KEY/)
    refused(TWO.replace(/log \S+/, 'log x'), /note key: not NAME/)
    refused('#'.repeat(256 * 1024 + 1), /longer than/)
  })
})
