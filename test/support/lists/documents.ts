/** Lists for tests: one with every field, and random ones. */
import fc from 'fast-check'
import type { ListDocument, ListedKey } from '../../../src/formats/lists/listed.ts'
import { toBase64 } from '../../../src/primitives/base64.ts'
import { ed25519KeyPair } from '../../../src/primitives/sodium.ts'

/** A public key in Nix's form, made of a number. */
export function numberedKey(number: number): string {
  const seed = new Uint8Array(32)
  new DataView(seed.buffer).setUint32(0, number)
  return `k${number}-1:${toBase64(ed25519KeyPair(seed).publicKey)}`
}

const SHA = 'ab'.repeat(32)

/** A list with every field, as JSON. */
export const LIST = {
  format: 'nixsig-list-1',
  name: 'debian',
  about: 'Keys of developers',
  says: 'extracted',
  principals: {
    alice: {
      about: 'Alice <alice@example.org>',
      keys: [
        numberedKey(1),
        { key: numberedKey(2), 'valid-from': '2026-01-01T00:00:00Z', 'valid-until': '2027-01-01T00:00:00Z' },
      ] as unknown[],
    },
    bob: {
      keys: [numberedKey(3), { openpgp: 'A'.repeat(40), certificate: `certificates/${'A'.repeat(40)}.pgp` }],
    },
  },
  groups: { packagers: { members: ['alice', 'bob'], threshold: 2 } },
  developers: {
    libmd: {
      names: ['libmd-*.tar.*'],
      urls: ['https://archive.example.org/libmd/*'],
      by: ['alice', 'packagers'],
      threshold: 1,
      standing: 'seen',
      provenance: [
        {
          distribution: 'debian',
          package: 'libmd',
          version: '1.1.0-2',
          sha256: SHA,
          'archive-key': 'B'.repeat(40),
          date: '2026-11-30',
        },
      ],
      tried: [{ file: 'libmd-1.1.0.tar.xz', sha256: SHA, result: 'good', date: '2026-11-30' }],
    },
  },
  revocations: [{ principal: 'carol', date: '2026-05-01T00:00:00Z', reason: 'laptop stolen' }],
  succession: [
    { principal: 'alice', from: numberedKey(1), to: numberedKey(2), date: '2026-02-01T00:00:00Z' },
  ],
  rules: '[default]\n',
  teams: { gnome: { names: ['gnome-*'] } },
}

const NAME = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,12}$/)
const TEXT = fc.stringMatching(/^[!-~]([ -~é]{0,20}[!-~])?$/)
const INSTANT = fc.integer({ min: 0, max: 4_000_000_000 })
const GLOB = fc.stringMatching(/^[0-9A-Za-z+._?=*-]{1,20}$/)
const GLOBS = fc.uniqueArray(GLOB, { minLength: 1, maxLength: 4 })
const URLS = fc.uniqueArray(TEXT, { maxLength: 3 })

function key(): fc.Arbitrary<ListedKey> {
  const text = fc.record({ key: fc.integer({ min: 0, max: 1e9 }).map(number => `k${number}:AAAA`) })
  const dated = fc.record({
    key: text.map(({ key }) => key),
    validFrom: fc.integer({ min: 0, max: 1e9 }),
    validUntil: fc.integer({ min: 1_000_000_001, max: 2e9 }),
  })
  const openpgp = fc
    .stringMatching(/^[0-9A-F]{40}$/)
    .map(openpgp => ({ openpgp, certificate: `certificates/${openpgp}.pgp` }))
  return fc.oneof(text, dated, openpgp)
}

/** A list without groups' and teams' names that clash. */
export function anyList(): fc.Arbitrary<ListDocument> {
  const written = (key: ListedKey) => ('key' in key ? key.key : key.openpgp)
  const principal = fc.record({
    keys: fc.uniqueArray(key(), { minLength: 1, maxLength: 4, selector: written }),
  })
  return fc
    .uniqueArray(fc.tuple(NAME, principal), { minLength: 1, maxLength: 6, selector: ([name]) => name })
    .chain(entries => {
      const some = fc.subarray(
        entries.map(([name]) => name),
        { minLength: 1 },
      )
      const group = some.map(members => ({ members, threshold: members.length }))
      const developers = fc.record({
        names: GLOBS,
        urls: URLS,
        by: some,
        threshold: fc.constant(1),
        provenance: fc.constant([]),
        tried: fc.constant([]),
      })
      const map = <T>(value: fc.Arbitrary<T>, prefix: string) =>
        fc
          .uniqueArray(fc.tuple(NAME, value), { maxLength: 4, selector: ([name]) => name })
          .map(list => new Map(list.map(([name, value]) => [`${prefix}${name}`, value])))
      const target = fc.oneof(
        NAME.map(principal => ({ principal })),
        key().map(each => ('key' in each ? { key: each.key } : { openpgp: each.openpgp })),
      )
      return fc.record({
        name: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
        about: TEXT,
        says: fc.constantFrom('extracted' as const, 'vouched' as const),
        principals: fc.constant(new Map(entries)),
        groups: map(group, 'g.'),
        developers: map(developers, 'd.'),
        revocations: fc.array(fc.record({ target, date: INSTANT, reason: TEXT }), { maxLength: 3 }),
        succession: fc.constant([]),
        rules: fc.string(),
        teams: map(fc.record({ names: GLOBS, urls: URLS }), 'team-'),
      })
    })
}
