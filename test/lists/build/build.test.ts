// Lists from small mirrors of Debian, Gentoo and Arch, signed and tampered with.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { jsonLine } from '../../../src/explain/verdict-json.ts'
import { parseList } from '../../../src/formats/lists/document.ts'
import { type BuildOptions, buildList } from '../../../src/lists/build/build.ts'
import type { Distribution } from '../../../src/lists/build/finding.ts'
import { REPORTED } from '../../../src/lists/build/report.ts'
import {
  binding,
  certificate,
  direct,
  FLAGS,
  flags,
  keyOfSeed,
  type MadeKey,
  signaturePacket,
  subkeyPacket,
  TYPE,
  userId,
} from '../../support/openpgp-maker.ts'
import { assertSchema, readSchema } from '../../support/schema.ts'

const dir = mkdtempSync('/tmp/nixsig-build-')
after(() => rmSync(dir, { recursive: true, force: true }))

const NOW = Math.floor(Date.now() / 1000)
const THEN = NOW - 10_000
const SIGNS = { created: THEN, subpackets: [flags(FLAGS.certify | FLAGS.sign)] }
const key = (seed: string) => keyOfSeed(THEN, seed)
const certificateOf = (made: MadeKey, ...parts: readonly Buffer[]) =>
  certificate(made, userId(made, `${made.keyId} <a@example.org>`, SIGNS), ...parts)

const [archive, alice, bob, eve] = ['archive', 'alice', 'bob', 'eve'].map(key) as [
  MadeKey,
  MadeKey,
  MadeKey,
  MadeKey,
]
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

let serial = 0
function files(contents: Readonly<Record<string, Uint8Array | string>>): string {
  const place = join(dir, `place-${serial++}`)
  mkdirSync(place)
  for (const [path, bytes] of Object.entries(contents)) {
    mkdirSync(dirname(join(place, path)), { recursive: true })
    writeFileSync(join(place, path), bytes)
  }
  return place
}

function armoured(bytes: Uint8Array): string {
  return `-----BEGIN PGP SIGNATURE-----\n\n${Buffer.from(bytes).toString('base64')}\n-----END PGP SIGNATURE-----\n`
}

function clearSigned(text: string, by: MadeKey): string {
  const signed = Buffer.from(text.replace(/\n$/, '').replaceAll('\n', '\r\n'))
  const signature = signaturePacket(by, TYPE.text, signed, { created: NOW - 100 })
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${text}${armoured(signature)}`
}

function tarOf(contents: Readonly<Record<string, Uint8Array | string>>): Buffer {
  const place = files(contents)
  assert.equal(spawnSync('tar', ['-cJf', `${place}.tar.xz`, '-C', place, '.']).status, 0)
  return readFileSync(`${place}.tar.xz`)
}

const WATCH = 'version=4\nhttps://a.org/libmd/ libmd-(.*)\\.tar\\.xz\n'

interface Debian {
  readonly keys?: Uint8Array
  readonly by?: MadeKey
  readonly end?: string
  readonly change?: (mirror: string) => void
}

/** A mirror with one package, libmd. */
function debian({ keys = certificateOf(alice), by = archive, end, change }: Debian = {}): string {
  const packaging = tarOf({ 'debian/upstream/signing-key.asc': keys, 'debian/watch': WATCH })
  const tarball = Buffer.from('the release')
  const signature = Buffer.from(armoured(signaturePacket(alice, TYPE.file, tarball, { created: NOW - 100 })))
  const pool = {
    'libmd_1-1.debian.tar.xz': packaging,
    'libmd_1.orig.tar.xz': tarball,
    'libmd_1.orig.tar.xz.asc': signature,
  }
  const listed = Object.entries(pool).map(([name, bytes]) => ` ${sha256(bytes)} ${bytes.length} ${name}`)
  const sources = [
    'Package: libmd',
    'Version: 1-1',
    'Directory: pool/libmd',
    'Checksums-Sha256:',
    ...listed,
    '',
  ].join('\n')
  const release = [
    'Suite: stable',
    'Components: main',
    ...(end === undefined ? [] : [`Valid-Until: ${end}`]),
    'SHA256:',
    ` ${sha256(sources)} ${sources.length} main/source/Sources`,
    '',
  ].join('\n')
  const mirror = files({
    'dists/stable/InRelease': clearSigned(release, by),
    'dists/stable/main/source/Sources': sources,
    ...Object.fromEntries(Object.entries(pool).map(([name, bytes]) => [`pool/libmd/${name}`, bytes])),
  })
  change?.(mirror)
  return mirror
}

function arch(made: MadeKey): string {
  return files({
    'libmd/PKGBUILD': `pkgname=libmd\npkgver=1\nsource=(https://b.org/libmd/libmd-$pkgver.tar.gz{,.sig})\nvalidpgpkeys=(${made.fingerprint})\n`,
    [`libmd/keys/pgp/${made.fingerprint}.asc`]: certificateOf(made),
  })
}

const EBUILD = `
BDEPEND="verify-sig? ( sec-keys/openpgp-keys-alice )"
SRC_URI="https://c.org/libmd/\${P}.tar.gz verify-sig? ( https://c.org/libmd/\${P}.tar.gz.sig )"
`

/** A tree with one package and the key of alice; signed if anybody is named. */
function gentoo(by?: MadeKey): string {
  const sha512 = (bytes: Uint8Array | string) => createHash('sha512').update(bytes).digest('hex')
  const line = (kind: string, path: string, bytes: Uint8Array | string) =>
    `${kind} ${path} ${bytes.length} SHA512 ${sha512(bytes)}\n`
  const keys = certificateOf(alice)
  const own = `SEC_KEYS_VALIDPGPKEYS=( '${alice.fingerprint}:alice:manual' )\n`
  const keyManifest = `${line('DIST', 'alice.asc', keys)}${line('EBUILD', 'openpgp-keys-alice-1.ebuild', own)}`
  const manifest = line('EBUILD', 'libmd-1.ebuild', EBUILD)
  const top = `${line('MANIFEST', 'sec-keys/openpgp-keys-alice/Manifest', keyManifest)}${line('MANIFEST', 'dev-libs/libmd/Manifest', manifest)}`
  return files({
    Manifest: by === undefined ? top : clearSigned(top, by),
    'sec-keys/openpgp-keys-alice/Manifest': keyManifest,
    'sec-keys/openpgp-keys-alice/openpgp-keys-alice-1.ebuild': own,
    'distfiles/alice.asc': keys,
    'dev-libs/libmd/Manifest': manifest,
    'dev-libs/libmd/libmd-1.ebuild': EBUILD,
  })
}

const KEYRING = join(files({ 'keyring.pgp': certificateOf(archive) }), 'keyring.pgp')

async function build(
  places: Partial<Record<Distribution, string>>,
  more: Partial<BuildOptions> & { readonly trust?: 'signed' | 'unverified' } = {},
) {
  const remarks: string[] = []
  const out = join(dir, `out-${serial++}`)
  const report = await buildList({
    from: Object.keys(places) as Distribution[],
    out,
    name: 'test',
    tries: 0,
    cache: undefined,
    now: NOW,
    remark: text => remarks.push(text),
    debian: { place: places.debian ?? '', suites: [], keyring: KEYRING },
    gentoo: {
      directory: places.gentoo ?? '',
      distfiles: undefined,
      keyring: KEYRING,
      trust: more.trust ?? 'signed',
    },
    arch: { directory: places.arch ?? '' },
    ...more,
  })
  return { report, remarks, out, list: parseList(readFileSync(join(report.out, 'list.json')), 'list') }
}

test('an entry says where it comes from, and what became of a real release', async () => {
  const { list, report } = await build({ debian: debian() }, { tries: 1 })
  const entry = list.developers.get('libmd')
  assert.deepEqual(
    entry?.names,
    Array.from({ length: 10 }, (_, digit) => `libmd-${digit}*.tar.*`),
  )
  assert.deepEqual(entry.urls, ['https://a.org/libmd/*'])
  assert.deepEqual(entry.by, [alice.keyId.toLowerCase()])
  assert.equal(entry.standing, 'seen')
  assert.equal(entry.provenance[0]?.archiveKey, archive.fingerprint)
  assert.equal(entry.tried[0]?.result, 'good')
  assert.deepEqual([list.says, report.triedGood, report.listed], ['extracted', 1, 1])
})

test('the answer in JSON has each count, in the words of the answer to people', async () => {
  const { report } = await build({ debian: debian(), gentoo: gentoo(archive) })
  assertSchema('list-build', jsonLine(report))
  const { properties } = readSchema('list-build') as { properties: Record<string, { description: string }> }
  for (const [key, words] of REPORTED)
    assert.equal(properties[key]?.description.toLowerCase(), words.toLowerCase(), key)
  assert.deepEqual(Object.keys(report), ['out', 'bytes', ...REPORTED.map(([key]) => key)])
})

test('a key that two distributions name is corroborated, and no key beside it', async () => {
  const keys = Buffer.concat([certificateOf(alice), certificateOf(bob)])
  const { list } = await build({ debian: debian({ keys }), gentoo: gentoo(archive), arch: arch(eve) })
  const told = [...list.developers].map(([name, { by, standing }]) => [name, by, standing])
  assert.deepEqual(told, [
    ['libmd-from-arch', [eve.keyId.toLowerCase()], 'seen'],
    ['libmd-from-debian', [bob.keyId.toLowerCase()], 'seen'],
    ['libmd-from-debian-gentoo', [alice.keyId.toLowerCase()], 'corroborated'],
  ])
  // The key of one distribution does not speak for the addresses of another.
  assert.deepEqual(list.developers.get('libmd-from-arch')?.urls, ['https://b.org/libmd/*'])
})

test('an InRelease that somebody else signed is refused', async () => {
  await assert.rejects(
    build({ debian: debian({ by: eve }) }),
    /no good signature .* none of its keys signed it/,
  )
})

test('an InRelease that has ended is refused', async () => {
  await assert.rejects(build({ debian: debian({ end: 'Sat, 01 Jan 2022 00:00:00 UTC' }) }), /ended on/)
})

test('an index other than the signed one is refused', async () => {
  const change = (mirror: string) =>
    writeFileSync(join(mirror, 'dists/stable/main/source/Sources'), 'Package: evil\n')
  await assert.rejects(build({ debian: debian({ change }) }), /another file than the signed index lists/)
})

test("packaging other than the index's is left out, and so is what is not there", async () => {
  const packaging = 'pool/libmd/libmd_1-1.debian.tar.xz'
  const swapped = await build({
    debian: debian({ change: mirror => writeFileSync(join(mirror, packaging), 'evil') }),
  })
  assert.deepEqual([swapped.report.failed, swapped.report.entries], [1, 0])
  assert.match(swapped.remarks.join('\n'), /another file than the signed index lists/)
  const absent = await build({ debian: debian({ change: mirror => rmSync(join(mirror, packaging)) }) })
  assert.deepEqual([absent.report.absent, absent.report.entries], [1, 0])
})

test("a tree of Gentoo's that nobody signed is refused, unless that is said", async () => {
  await assert.rejects(build({ gentoo: gentoo() }), /is not signed.*--unverified-tree/)
  await assert.rejects(build({ gentoo: gentoo(eve) }), /no good signature/)
  const { report, list } = await build({ gentoo: gentoo() }, { trust: 'unverified' })
  assert.deepEqual([report.entries, report.unsigned], [1, 1])
  assert.equal(list.developers.get('libmd')?.provenance[0]?.archiveKey, undefined)
})

test('an ebuild and a key file other than the Manifests list are left out', async () => {
  const tree = gentoo(archive)
  writeFileSync(join(tree, 'dev-libs/libmd/libmd-1.ebuild'), `${EBUILD}#`)
  const changed = await build({ gentoo: tree })
  assert.deepEqual([changed.report.entries, changed.report.failed], [0, 1])
  const other = gentoo(archive)
  writeFileSync(join(other, 'distfiles/alice.asc'), certificateOf(eve))
  assert.equal((await build({ gentoo: other })).report.entries, 0)
})

test('a revoked key is left out', async () => {
  const keys = certificate(
    alice,
    direct(alice, { created: NOW - 50 }, TYPE.keyRevocation),
    userId(alice, 'a', SIGNS),
  )
  const { report } = await build({ debian: debian({ keys }) })
  assert.deepEqual([report.revoked, report.entries], [1, 0])
})

test("whoever adds another's key to a certificate does not become that other", async () => {
  const stolen = certificateOf(eve, subkeyPacket(alice), binding(eve, alice, SIGNS, false))
  const { report, remarks } = await build({
    debian: debian({ keys: Buffer.concat([certificateOf(alice), stolen]) }),
  })
  assert.deepEqual([report.shared, report.entries], [2, 0])
  assert.match(remarks.join('\n'), /it has a key that .* has as well/)
})

test('a PKGBUILD speaks for the repository that it is in, and for no other', async () => {
  const pkgbuild = (name: string) =>
    `pkgbase=${name}\nsource=(https://b.org/bash/bash-$pkgver.tar.gz{,.sig})\nvalidpgpkeys=(${eve.fingerprint})\n`
  const place = files({
    'evil/PKGBUILD': pkgbuild('bash'),
    [`evil/keys/pgp/${eve.fingerprint}.asc`]: certificateOf(eve),
    'libsigcplusplus/PKGBUILD': pkgbuild('libsigc++'),
    [`libsigcplusplus/keys/pgp/${eve.fingerprint}.asc`]: certificateOf(eve),
  })
  const { list, remarks } = await build({ arch: place })
  assert.deepEqual([...list.developers.keys()], ['libsigcplusplus'])
  assert.match(remarks.join('\n'), /it is of bash, in a repository called evil/)
})

test('a FIFO, a device and a directory in place of files keep nobody waiting', async () => {
  const pkgbuild = (name: string) => `pkgname=${name}\nvalidpgpkeys=(${eve.fingerprint})\n`
  const place = files({
    'a-fifo/keys/pgp/x': '',
    'a-device/keys/pgp/x': '',
    'b-fifo/PKGBUILD': pkgbuild('b-fifo'),
    'b-fifo/keys/pgp/x': '',
    'b-folder/PKGBUILD': pkgbuild('b-folder'),
    [`b-folder/keys/pgp/${eve.fingerprint}.asc/x`]: '',
    'libmd/PKGBUILD': pkgbuild('libmd'),
    [`libmd/keys/pgp/${eve.fingerprint}.asc`]: certificateOf(eve),
  })
  for (const path of ['a-fifo/PKGBUILD', `b-fifo/keys/pgp/${eve.fingerprint}.asc`])
    assert.equal(spawnSync('mkfifo', [join(place, path)]).status, 0)
  symlinkSync('/dev/zero', join(place, 'a-device/PKGBUILD'))
  const { list, report } = await build({ arch: place })
  assert.deepEqual([...list.developers.keys()], ['libmd'])
  assert.equal(report.failed, 4)
})

test('keys of a PKGBUILD that only a shell could know are left out, and said to be', async () => {
  const place = files({
    'libmd/PKGBUILD': `pkgname=libmd\nvalidpgpkeys=(${eve.fingerprint} "$(curl https://evil.org)")\n`,
    [`libmd/keys/pgp/${eve.fingerprint}.asc`]: certificateOf(eve),
  })
  const { report, remarks, list } = await build({ arch: place })
  assert.deepEqual([report.notLiteral, report.entries, report.withoutUrl], [1, 1, 1])
  assert.match(remarks.join('\n'), /1 of the keys of libmd are left out: not literal/)
  assert.deepEqual(list.developers.get('libmd')?.by, [eve.keyId.toLowerCase()])
})

test('a package that names hundreds of keys speaks with none of them', async () => {
  const many = Array.from({ length: 70 }, (_, number) => key(`many-${number}`))
  const place = files({
    'libmd/PKGBUILD': `pkgname=libmd\nvalidpgpkeys=(${many.map(each => each.fingerprint).join(' ')})\n`,
    ...Object.fromEntries(many.map(each => [`libmd/keys/pgp/${each.fingerprint}.asc`, certificateOf(each)])),
  })
  const { report, remarks } = await build({ arch: place })
  assert.deepEqual([report.entries, report.crowded], [0, 1])
  assert.match(remarks.join('\n'), /libmd is left out: it names 70 keys, more than 64/)
  const one = await build({ debian: debian({ keys: Buffer.concat(many.map(each => certificateOf(each))) }) })
  assert.deepEqual([one.report.entries, one.report.crowded], [0, 1])
})

test('key files of an older package of keys do not count', async () => {
  const tree = gentoo()
  const place = join(tree, 'sec-keys/openpgp-keys-alice')
  const line = (name: string, bytes: Uint8Array) =>
    `DIST ${name} ${bytes.length} SHA512 ${createHash('sha512').update(bytes).digest('hex')}\n`
  rmSync(join(place, 'openpgp-keys-alice-1.ebuild'))
  for (const version of ['2024', '2025-r1'])
    writeFileSync(join(place, `openpgp-keys-alice-${version}.ebuild`), '')
  const manifest = [
    line('openpgp-keys-alice-2024.asc', certificateOf(eve)),
    line('openpgp-keys-alice-2025.asc', certificateOf(alice)),
    line('bob.asc', certificateOf(bob)),
  ]
  writeFileSync(join(place, 'Manifest'), manifest.join(''))
  writeFileSync(join(tree, 'distfiles/openpgp-keys-alice-2024.asc'), certificateOf(eve))
  writeFileSync(join(tree, 'distfiles/openpgp-keys-alice-2025.asc'), certificateOf(alice))
  writeFileSync(join(tree, 'distfiles/bob.asc'), certificateOf(bob))
  const { list } = await build({ gentoo: tree }, { trust: 'unverified' })
  const both = [alice, bob].map(each => each.keyId.toLowerCase()).sort()
  assert.deepEqual(list.developers.get('libmd')?.by, both)
})

test('packages whose keys are not of OpenPGP are counted', async () => {
  const tree = gentoo()
  const ebuild = join(tree, 'dev-libs/libmd/libmd-1.ebuild')
  writeFileSync(ebuild, EBUILD.replace('openpgp-keys-alice', 'minisig-keys-libmd'))
  const { report } = await build({ gentoo: tree }, { trust: 'unverified' })
  assert.deepEqual([report.otherKeys, report.entries], [1, 0])
})

test('packages of one name in two categories do not speak for each other', async () => {
  const tree = gentoo()
  const other = EBUILD.replaceAll('c.org', 'd.org').replaceAll('keys-alice', 'keys-eve')
  const own = `SEC_KEYS_VALIDPGPKEYS=( '${eve.fingerprint}:eve:manual' )\n`
  const sha512 = createHash('sha512').update(certificateOf(eve)).digest('hex')
  for (const [path, bytes] of Object.entries({
    'app-evil/libmd/libmd-1.ebuild': other,
    'sec-keys/openpgp-keys-eve/openpgp-keys-eve-1.ebuild': own,
    'sec-keys/openpgp-keys-eve/Manifest': `DIST eve.asc ${certificateOf(eve).length} SHA512 ${sha512}\n`,
    'distfiles/eve.asc': certificateOf(eve),
  })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), bytes)
  }
  const { list } = await build({ gentoo: tree, arch: arch(eve) }, { trust: 'unverified' })
  const told = [...list.developers.values()].map(({ by, urls, standing }) => [by, urls, standing])
  // And neither corroborates the key of another distribution, since which of them it means is not known.
  assert.deepEqual(told, [
    [[eve.keyId.toLowerCase()], ['https://d.org/libmd/*'], 'seen'],
    [[alice.keyId.toLowerCase()], ['https://c.org/libmd/*'], 'seen'],
    [[eve.keyId.toLowerCase()], ['https://b.org/libmd/*'], 'seen'],
  ])
})

test('revocations of its keepers stay when a list is built again', async () => {
  const { out } = await build({ debian: debian() })
  const text = readFileSync(join(out, 'list.json'), 'utf8')
  const revocation = `"revocations": [{"principal":"${alice.keyId.toLowerCase()}","date":"2026-01-01T00:00:00Z","reason":"stolen"}],`
  writeFileSync(join(out, 'list.json'), text.replace('"says"', `${revocation} "says"`))
  const { list } = await build({ debian: debian() }, { out })
  assert.equal(list.revocations[0]?.reason, 'stolen')
  writeFileSync(
    join(out, 'list.json'),
    text.replace('"extracted"', '"vouched"').replace(/"standing": "seen",/, ''),
  )
  await assert.rejects(build({ debian: debian() }, { out }), /a program vouches for nothing/)
})
