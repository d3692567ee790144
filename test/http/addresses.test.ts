/** Which addresses are near, in all spellings. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { isNearAddress, isNearHost, isThisMachine, lookupFor } from '../../src/http/addresses.ts'

const byte = fc.integer({ min: 0, max: 255 })
const ipv4 = fc.tuple(byte, byte, byte, byte)
const near4 = fc.oneof(
  fc.tuple(fc.constant(127), byte, byte, byte),
  fc.tuple(fc.constant(0), byte, byte, byte),
  fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
)
type Four = readonly [number, number, number, number]
const hex = (high: number, low: number) => ((high << 8) | low).toString(16)
const tail = ([a, b, c, d]: Four) => `${hex(a, b)}:${hex(c, d)}`

/** The ways in which an IPv6 address carries an IPv4 address. */
const WRAPPED: readonly ((address: Four) => string)[] = [
  four => `::ffff:${tail(four)}`,
  four => `::ffff:${four.join('.')}`,
  four => `0:0:0:0:0:ffff:${tail(four)}`,
  four => `::ffff:0:${tail(four)}`,
  four => `64:ff9b::${tail(four)}`,
  four => `64:ff9b::${four.join('.')}`,
  four => `64:ff9b:1::${tail(four)}`,
  ([a, b, c, d]) => `64:ff9b:1:${hex(a, b)}:${hex(0, c)}:${hex(d, 1)}::`,
  four => `2002:${tail(four)}::1`,
]

test('an IPv4 address is as near as all IPv6 addresses that carry it', () => {
  const isNear4 = ([a, b]: Four) => a === 127 || a === 0 || (a === 169 && b === 254)
  fc.assert(
    fc.property(fc.oneof(ipv4, near4), four => {
      assert.equal(isNearAddress(four.join('.')), isNear4(four))
      for (const wrap of WRAPPED) {
        const address = wrap(four)
        assert.equal(isNearAddress(address), isNear4(four), address)
        assert.equal(isNearAddress(`${address}%eth0`), isNear4(four), address)
        assert.equal(isNearHost(new URL(`http://[${address}]/`).hostname), isNear4(four), address)
      }
    }),
  )
})

test('what a URL writes in another way is the same address', () => {
  for (const host of [
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '127.1',
    '0',
    '[::]',
    '[0:0::1]',
    '[fe80::1]',
    '[febf::1]',
    'LOCALHOST',
    'a.localhost',
    'localhost.',
    'localhost.localdomain',
    '169.254.169.254',
    '１２７.0.0.1',
  ]) {
    assert.equal(isNearHost(new URL(`http://${host}/`).hostname), true, host)
  }
  for (const host of [
    '10.0.0.1',
    '192.0.2.1',
    '[2001:db8::1]',
    '[fec0::1]',
    'localhost.example.org',
    'x.org',
  ]) {
    assert.equal(isNearHost(new URL(`http://${host}/`).hostname), false, host)
  }
})

test('only loopback addresses and their names are certainly this machine', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '[::1]', 'localhost']) assert.equal(isThisMachine(host), true)
  for (const host of ['169.254.1.1', '0.0.0.0', '[::]', '10.0.0.1', 'example.org'])
    assert.equal(isThisMachine(host), false)
})

test('a socket that must go elsewhere gets no near address of a name, whatever it asks for', async () => {
  for (const all of [true, false]) {
    for (const family of [0, 4] as const) {
      const look = (reach: 'anywhere' | 'elsewhere') =>
        promisify((done: (error: Error | null, found?: unknown) => void) =>
          lookupFor(reach)('localhost', { all, family }, (error, found) => done(error, found)),
        )()
      await assert.rejects(look('elsewhere'), /"localhost" is an address of this machine, or link-local/)
      assert.match(JSON.stringify(await look('anywhere')), /127\.0\.0\.1|::1/)
    }
  }
})

test('localhost needs no resolver, as in curl', async () => {
  for (const hostname of ['localhost', 'cache.localhost', 'localhost.']) {
    const found = await new Promise(resolve => {
      lookupFor('anywhere')(hostname, { all: true, family: 4 }, (error, addresses) =>
        resolve(error ?? addresses),
      )
    })
    assert.deepEqual(found, [{ address: '127.0.0.1', family: 4 }])
  }
})
