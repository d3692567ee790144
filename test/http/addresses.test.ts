/** Which addresses are near, in all spellings. */
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import {
  isNearAddress,
  isThisMachine,
  lookupFor,
  mayReach,
  type Place,
  placeOf,
  placeOfHost,
  type Reach,
  reachFrom,
} from '../../src/http/addresses.ts'

const byte = fc.integer({ min: 0, max: 255 })
const ipv4 = fc.tuple(byte, byte, byte, byte)
const near4 = fc.oneof(
  fc.tuple(fc.constant(127), byte, byte, byte),
  fc.tuple(fc.constant(0), byte, byte, byte),
  fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
  fc.tuple(fc.constant(192), fc.constant(0), fc.constant(0), byte),
  fc.tuple(fc.integer({ min: 224, max: 239 }), byte, byte, byte),
  fc.constantFrom<Four>([100, 100, 100, 200], [168, 63, 129, 16], [255, 255, 255, 255]),
)
type Four = [number, number, number, number]
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
  // Teredo, by its server and by its client.
  four => `2001:0:${tail(four)}:0:0:34ff:8efe`,
  ([a, b, c, d]) => `2001:0:cb00:7101:8000:63bf:${tail([255 - a, 255 - b, 255 - c, 255 - d])}`,
  four => `2001:db8::5efe:${tail(four)}`,
  four => `2001:db8::200:5efe:${tail(four)}`,
]

test('an IPv4 address is as near as all IPv6 addresses that carry it', () => {
  const single = ['100.100.100.200', '168.63.129.16', '255.255.255.255', '192.0.2.1']
  const isNear4 = ([a, b, c, d]: Four) =>
    a === 127 ||
    a === 0 ||
    (a === 169 && b === 254) ||
    (a === 192 && b === 0 && c === 0) ||
    (a >= 224 && a < 240) ||
    single.includes([a, b, c, d].join('.'))
  fc.assert(
    fc.property(fc.oneof(ipv4, near4), four => {
      assert.equal(isNearAddress(four.join('.')), isNear4(four))
      for (const wrap of WRAPPED) {
        const address = wrap(four)
        assert.equal(isNearAddress(address), isNear4(four), address)
        assert.equal(isNearAddress(`${address}%eth0`), isNear4(four), address)
        assert.equal(placeOfHost(new URL(`http://[${address}]/`).hostname), placeOf(four.join('.')), address)
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
    'localhost4',
    'localhost6',
    'localhost4.localdomain4',
    'metadata',
    'metadata.google.internal',
    'METADATA.google.internal.',
    'metadata.goog',
    'instance-data.eu-west-1.compute.internal',
    '[fd00:ec2:0::254]',
    '[fd20:ce::254]',
    '[fd00:ec2::23]',
    '[fd00:42::42]',
    'api.metadata.cloud.ibm.com',
    'metadata.platformequinix.com',
    'metadata.packet.net.',
    'host.docker.internal',
    'gateway.docker.internal',
    'Host.Containers.Internal',
    '[ff02::1]',
  ]) {
    assert.equal(placeOfHost(new URL(`http://${host}/`).hostname), 'here', host)
  }
})

test('private networks and their names are neither here nor outside, and all else is outside', () => {
  const places: Readonly<Record<'private' | 'outside', readonly string[]>> = {
    private: [
      ...[
        '10.0.0.1',
        '172.16.0.1',
        '172.31.255.255',
        '192.168.0.1',
        '100.64.0.1',
        '100.127.255.255',
        '0x0a.1',
      ],
      ...['[fd00::1]', '[fc00::1]', '[fdff:1::1]', '[fec0::1]', '[::ffff:10.0.0.1]', '[64:ff9b::a00:1]'],
      ...['cache.internal', 'cache', 'cache.', 'nas.local', 'x.home.arpa', 'x.localdomain', 'localhost5'],
    ],
    outside: [
      ...['11.0.0.1', '172.15.0.1', '172.32.0.1', '192.167.0.1', '100.63.0.1', '100.128.0.1', '198.51.100.1'],
      ...['198.18.0.1', '[2001:db8::1]', '[fbff::1]', '[64:ff9b::c633:6401]'],
      ...[
        'metadata.example.org',
        'localhost.example.org',
        'x.org',
        'internal.org',
        'local.example',
        'xlocal.org',
      ],
    ],
  }
  for (const [place, hosts] of Object.entries(places))
    for (const host of hosts) assert.equal(placeOfHost(new URL(`http://${host}/`).hostname), place, host)
})

test('however redirections lead on, none leads further in than any of those before it', () => {
  const depth: Readonly<Record<Place, number>> = { outside: 0, private: 1, here: 2 }
  const place = fc.constantFrom<Place>('here', 'private', 'outside')
  fc.assert(
    fc.property(fc.array(place, { maxLength: 6 }), place, (sources, target) => {
      const reach = sources.reduce<Reach>((sofar, source) => reachFrom(source, sofar), 'anywhere')
      const isInward = sources.some(source => depth[source] < depth[target])
      assert.equal(mayReach(reach, target), !isInward)
    }),
  )
})

test('attack: a name that has a private address as well is reached at its other one alone', async () => {
  const names = (...found: readonly string[]) => ({
    addresses: async () => found.map(address => ({ address, family: address.includes(':') ? 6 : 4 })),
  })
  const look = (reach: Reach, ...found: readonly string[]) =>
    new Promise(resolve =>
      lookupFor({ reach }, names(...found))('x.example', { all: true, family: 0 }, (error, all) =>
        resolve(error?.message ?? (all as { address: string }[]).map(({ address }) => address).join(' ')),
      ),
    )
  const all = ['127.0.0.1', 'fd00:42::42', '10.0.0.1', 'fd12::1', '198.51.100.1', '2001:db8::1']
  assert.equal(await look('anywhere', ...all), all.join(' '))
  assert.equal(await look('elsewhere', ...all), '10.0.0.1 fd12::1 198.51.100.1 2001:db8::1')
  assert.equal(await look('outside', ...all), '198.51.100.1 2001:db8::1')
  assert.equal(
    await look('outside', '127.0.0.1', '10.0.0.1'),
    '"x.example" is in a private network, and who redirects there is not',
  )
  assert.match(
    String(await look('outside', '127.0.0.1', '::1')),
    /is an address of this machine, or link-local/,
  )
})

test('attack: an address of this machine is near on all its interfaces, in every spelling', () => {
  const all = Object.values(networkInterfaces()).flatMap(one => one ?? [])
  assert.ok(all.length > 0)
  for (const { address } of all) assert.equal(isNearAddress(address), true, address)
  for (const wrap of WRAPPED) assert.equal(isNearAddress(wrap([192, 0, 2, 1])), true)
  assert.equal(isNearAddress('192.0.2.2'), false)
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
          lookupFor({ reach })('localhost', { all, family }, (error, found) => done(error, found)),
        )()
      await assert.rejects(look('elsewhere'), /"localhost" is an address of this machine, or link-local/)
      assert.match(JSON.stringify(await look('anywhere')), /127\.0\.0\.1|::1/)
    }
  }
})

test('localhost needs no resolver, as in curl', async () => {
  for (const hostname of ['localhost', 'cache.localhost', 'localhost.']) {
    const found = await new Promise(resolve => {
      lookupFor({ reach: 'anywhere' })(hostname, { all: true, family: 4 }, (error, addresses) =>
        resolve(error ?? addresses),
      )
    })
    assert.deepEqual(found, [{ address: '127.0.0.1', family: 4 }])
  }
})
