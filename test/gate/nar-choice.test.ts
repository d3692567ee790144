import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as zlib from 'node:zlib'
import fc from 'fast-check'
import { generateKey } from '../../src/crypto/secret-key.ts'
import type { Offer } from '../../src/evidence/upstreams/upstream.ts'
import { canDecompress } from '../../src/files/decompressors.ts'
import type { Narinfo } from '../../src/formats/nix/narinfo.ts'
import { chooseNar, type NarChoice } from '../../src/gate/nar-choice.ts'
import { SPOOL_LIMIT } from '../../src/gate/nar-room.ts'
import { narTicket } from '../../src/gate/nar-ticket.ts'

const KEY = generateKey('gate-1')
const [F1, F2, NAR] = ['1a', '2b', '3c'].map(hex => hex.repeat(32)) as [string, string, string]

function offer(name: string, fields: Partial<Narinfo>, kind: 'url' | 'streamed' = 'url'): Offer {
  const upstream = `https://${name}.example`
  const narinfo: Narinfo = {
    path: '/nix/store/0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1-x',
    url: 'nar/x',
    compression: 'xz',
    fileHash: F1,
    fileSize: 100,
    narHash: NAR,
    narSize: 1000,
    references: [],
    deriver: undefined,
    system: undefined,
    signatures: [],
    contentAddress: undefined,
    ...fields,
  }
  const nar = { kind, url: kind === 'url' ? `${upstream}/${narinfo.url}` : narinfo.url }
  return { upstream, narinfo, nar, open: async () => undefined }
}

const [A, B] = [offer('a', {}), offer('b', { url: 'nar/y' })]
const ZSTD = offer('c', { compression: 'zstd', fileHash: F2 })

/** In one line: what is chosen. `-programs`: without those that decompress. */
function choice(offers: readonly [Offer, ...Offer[]], programs = true): string {
  const chosen = chooseNar(offers, compression => programs || compression === 'none')
  if (chosen.kind === 'direct') return `direct ${chosen.url}`
  const { ticket, fields } = chosen
  const files = ticket.files.map(({ upstream, file }) => `${upstream.charAt(8)}:${file}`)
  const said = [fields.compression, fields.fileHash?.slice(0, 2), fields.fileSize].map(field => field ?? '-')
  return [ticket.form, ticket.hash.slice(0, 2), ...files, '=', ...said].join(' ')
}

test('G15: a cache that alone has a NAR serves it itself, unless Nix cannot reach it', () => {
  assert.equal(choice([A]), 'direct https://a.example/nar/x')
  assert.equal(choice([offer('a', {}, 'streamed')]), 'passed 3c a:nar/x = xz 1a 100')
})

test('G15: caches that have the same file all stand for it, as it is', () => {
  assert.equal(choice([A, B]), 'file 1a a:nar/x b:nar/y = xz 1a 100')
  assert.equal(choice([A, offer('b', {}, 'streamed')]), 'file 1a a:nar/x b:nar/x = xz 1a 100')
  assert.equal(choice([A, offer('b', { fileSize: 220 })]), 'file 1a a:nar/x b:nar/x = xz 1a -')
})

test('G15: caches with differing files all stand for the NAR, which the gate decompresses', () => {
  assert.equal(choice([A, ZSTD, B]), 'nar 3c a:nar/x c:nar/x b:nar/y = none 3c 1000')
  const bare = { fileHash: undefined, fileSize: undefined }
  assert.equal(choice([A, offer('b', bare)]), 'nar 3c a:nar/x b:nar/x = none 3c 1000')
  assert.equal(
    choice([offer('a', { ...bare, compression: undefined }), B]),
    'nar 3c a:nar/x b:nar/y = none 3c 1000',
  )
  const lies = offer('a', { fileHash: F2 })
  assert.equal(choice([lies, B]), 'nar 3c a:nar/x b:nar/y = none 3c 1000', 'one of them lies of the file')
})

test('G15: what this machine cannot decompress is compared as it is or not at all', () => {
  assert.equal(choice([A, ZSTD, B], false), 'file 1a a:nar/x b:nar/y = xz 1a 100')
  assert.equal(choice([A, ZSTD], false), 'direct https://a.example/nar/x')
})

const EVIL: Readonly<Record<string, Partial<Narinfo>>> = {
  'an address too long for a ticket': { url: `nar/${'y'.repeat(3000)}` },
  'an address that leaves no room in a ticket': { url: `nar/${'y'.repeat(1280)}` },
  'a compression that the gate cannot read': { compression: 'lz4', fileHash: F2 },
  'another file hash': { fileHash: F2 },
  'no file hash': { fileHash: undefined },
}

for (const [what, fields] of Object.entries(EVIL)) {
  for (const narSize of [1000, SPOOL_LIMIT + 1]) {
    test(`attack: a copied narinfo with ${what} does not send Nix to its author alone (${narSize})`, () => {
      for (const kind of ['url', 'streamed'] as const) {
        const evil = offer('e', { ...fields, narSize }, kind)
        const [a, b] = [offer('a', { narSize }), offer('b', { narSize, url: 'nar/y' })]
        assert.match(choice([evil, a]), / a:nar|a\.example/)
        assert.match(choice([evil, a, b]), / a:nar\/x b:nar\/y /)
        assert.match(choice([a, evil]), / a:nar|a\.example/)
      }
    })
  }
}

test('attack: a copied narinfo with a compression that the gate can read, where honest caches have another one', () => {
  const fields = { compression: 'zstd', fileHash: F2 }
  const [a, b] = [offer('a', fields), offer('b', { ...fields, url: 'nar/y' })]
  for (const lie of [
    { compression: 'none', fileHash: undefined },
    { compression: 'none' },
    { fileHash: F1 },
  ]) {
    const evil = offer('e', { ...fields, ...lie })
    for (const offers of [[evil, a, b] as const, [a, evil, b] as const, [a, b, evil] as const])
      assert.equal(choice(offers, false), 'file 2b a:nar/x b:nar/y = zstd 2b 100')
  }
})

const COMPRESSIONS = ['none', 'xz', 'zstd', 'lzip', 'lz4'] as const

test('attack: whatever fewer caches say of a NAR, the caches that have the same file stand for it', () => {
  const lie = fc.record({
    compression: fc.constantFrom(undefined, '', ...COMPRESSIONS),
    fileHash: fc.constantFrom(undefined, F1, F2),
    url: fc.constantFrom('nar/x', `nar/${'y'.repeat(150)}`, `nar/${'y'.repeat(3000)}`),
  })
  const world = fc
    .tuple(fc.integer({ min: 2, max: 4 }), fc.constantFrom(...COMPRESSIONS), fc.subarray([...COMPRESSIONS]))
    .chain(([count, compression, readable]) =>
      fc.tuple(
        fc.constant(Array.from({ length: count }, (_, n) => offer(`h${n}`, { compression }))),
        fc.array(lie, { minLength: 1, maxLength: count - 1 }),
        fc.constant(readable),
        fc.infiniteStream(fc.nat()),
      ),
    )
  fc.assert(
    fc.property(world, ([honest, lies, readable, order]) => {
      const all = [...honest, ...lies.map((fields, n) => offer(`e${n}`, fields))]
        .map(one => ({ one, place: order.next().value }))
        .sort((a, b) => a.place - b.place)
        .map(({ one }) => one)
      const chosen = chooseNar(all as unknown as readonly [Offer, ...Offer[]], name =>
        readable.some(known => known === name),
      )
      const asked = chosen.kind === 'ticket' ? chosen.ticket.files.map(({ upstream }) => upstream) : []
      for (const { upstream } of honest) assert.ok(asked.includes(upstream), JSON.stringify(chosen))
    }),
  )
})

test('of two files that as many caches have, the one that comes first is sent', () => {
  const other = { compression: 'lzip', fileHash: F2 }
  const [c, d] = [offer('c', other), offer('d', other)]
  assert.equal(choice([A, c, d, B], false), 'file 1a a:nar/x b:nar/y = xz 1a 100')
  assert.equal(choice([c, A, B, d], false), 'file 2b c:nar/x d:nar/x = lzip 2b 100')
})

test('where Node has its own zstd, the gate needs no program for it', () => {
  if ('createZstdDecompress' in zlib) assert.equal(canDecompress('zstd'), true)
  assert.deepEqual(['none', 'gzip', 'br', 'lz4', '', 'XZ', '../xz'].map(canDecompress), [
    ...[true, true, true],
    ...[false, false, false, false],
  ])
})

test('a cache whose address of the NAR is too long for a ticket is left out', () => {
  const long = offer('b', { url: `nar/${'y'.repeat(3000)}` })
  assert.equal(choice([A, long]), 'direct https://a.example/nar/x')
  assert.equal(choice([A, long, B]), 'file 1a a:nar/x b:nar/y = xz 1a 100')
  assert.throws(
    () => narTicket(KEY, asTicket(chooseNar([offer('b', { url: long.narinfo.url }, 'streamed')]))),
    /too long to be passed on/,
  )
  assert.equal(choice([offer('c', { url: long.narinfo.url }, 'streamed'), long]), `direct ${long.nar.url}`)
})

function asTicket(chosen: NarChoice) {
  return chosen.kind === 'ticket' ? chosen.ticket : assert.fail()
}
