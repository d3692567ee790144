// A list built from Debian's own source packages, published and subscribed to. With it ten real
// releases are judged by their own developers: real Nix fetches each from its real address, with the
// signature beside it, and the policy names nobody. The network is the test's own.
// needs: debian-sources
// takes: 1 minute
import assert from 'node:assert/strict'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ListDocument, parseList } from '../../src/formats/lists/document.ts'
import { debianSource } from '../support/debian-source.ts'
import * as nix from '../support/expressions.ts'
import { fetchable, withLib } from '../support/in-band.ts'
import { layOutMirror } from '../support/lists/debian-mirror.ts'
import { askOracles, type GpgvVerdict } from '../support/openpgp-oracles.ts'
import { assertBuilt, instantiate, isValid, nixBuild } from '../support/scene.ts'
import { nixsig } from '../support/setup-world.ts'
import { makeCertificates, serveNginx } from '../support/tls-servers.ts'
import { POLICY } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

const SERVER = '127.0.4.30'
const LISTS = 'lists.example.org'

/** Where their developers publish these releases; VERSION and SERIES (1.1 of 1.1.5) are to be filled in. */
const ADDRESSES: Readonly<Record<string, string>> = {
  cmocka: 'https://cmocka.org/files/SERIES/cmocka-VERSION',
  libassuan: 'https://www.gnupg.org/ftp/gcrypt/libassuan/libassuan-VERSION',
  libbsd: 'https://libbsd.freedesktop.org/releases/libbsd-VERSION',
  'libgpg-error': 'https://www.gnupg.org/ftp/gcrypt/libgpg-error/libgpg-error-VERSION',
  libmd: 'https://archive.hadrons.org/software/libmd/libmd-VERSION',
  libpipeline: 'https://download.savannah.nongnu.org/releases/libpipeline/libpipeline-VERSION',
  'munin-c': 'https://github.com/munin-monitoring/munin-c/releases/download/VERSION/munin-c-VERSION',
  pciutils: 'https://mj.ucw.cz/download/linux/pci/pciutils-VERSION',
  'pcsc-lite': 'https://pcsclite.apdu.fr/files/pcsc-lite-VERSION',
  stunnel4: 'https://www.stunnel.org/downloads/stunnel-VERSION',
}

/** The remark in its signature has a command in backquotes, so the file could be a program (H7). */
const REMARK = {
  'ap51-flash': 'https://github.com/ap51-flash/ap51-flash/releases/download/vVERSION/ap51-flash-VERSION',
}

const dir = mkdtempSync('/tmp/nixsig-debian-used-')
const ending: (() => unknown)[] = []
after(() => {
  for (const end of ending) end()
  rmSync(dir, { recursive: true, force: true })
})
const web = join(dir, 'web')
const authority = join(dir, 'certificates/ca.pem')

/** A release as its developers publish it, or as somebody else does. */
interface Release {
  readonly url: string
  readonly tarball: Uint8Array
  readonly signature: Uint8Array
}

let releases: ReadonlyMap<string, Release>
let remarked: readonly Release[]
let list: ListDocument
let root: string
/** Of every host that is named here, for /etc/hosts. */
let names: string

function releaseOf(name: string, address: string): Release {
  const { tarball, signature, version } = debianSource(name)
  const extension = /\.tar\.\w+$/.exec(tarball)?.[0] ?? ''
  const url = address
    .replaceAll('VERSION', version)
    .replaceAll('SERIES', version.split('.').slice(0, 2).join('.'))
  return { url: `${url}${extension}`, tarball: readFileSync(tarball), signature: readFileSync(signature) }
}

/** Puts a release where the servers of this test offer it. */
function offer({ url, tarball, signature }: Release): void {
  const file = join(web, url.slice('https://'.length))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, tarball)
  writeFileSync(`${file}.asc`, signature)
}

/** A package's way to it: its address and hash, and those of the signature beside it. */
const fetched = ({ url, tarball, signature }: Release): string =>
  `(fetchSigned { ${fetchable(url, tarball)} signature = { ${fetchable(`${url}.asc`, signature)} }; })`

/** Builds the list from the mirror, signs it and publishes it. The fingerprint of its first root. */
async function publishList(): Promise<string> {
  return withWorld('bookworm', {}, async keeper => {
    layOutMirror(keeper.path('/srv/mirror'))
    const said = await keeper.output(`set -e; PATH=/opt/nixsig:$PATH
nixsig keygen kay
nixsig list init list --name debian --says extracted --keeper kay=kay.pub --threshold 1
nixsig list build --from debian --debian /srv/mirror --try 100 --name debian --out list
nixsig list sign list --key kay.secret --yes
nixsig list publish list published`)
    list = parseList(readFileSync(keeper.path('/root/list/list.json')), 'list')
    cpSync(keeper.path('/root/published'), join(web, LISTS, 'debian'), { recursive: true })
    cpSync(keeper.path('/root/list/certificates'), join(dir, 'list/certificates'), { recursive: true })
    return /root ([0-9a-f]{64})/.exec(said)?.[1] ?? assert.fail(said)
  })
}

/** What somebody puts in the place of libmd, with the hash that it has in the package. */
function forged(what: 'flipped' | 'other'): Release {
  const [libmd, cmocka] = [released('libmd'), released('cmocka')]
  const url = libmd.url.replace(/-[^-]+(?=\.tar)/, `-9.${what}`)
  if (what === 'other') return { ...cmocka, url }
  const tarball = Buffer.from(libmd.tarball)
  const middle = tarball.length >> 1
  tarball.writeUInt8(tarball.readUInt8(middle) ^ 1, middle)
  return { ...libmd, url, tarball }
}

function released(name: string): Release {
  return releases.get(name) ?? assert.fail(name)
}

/** GnuPG's verdict, with the certificates that the list has for a package. */
async function gpgvOn(name: string, { tarball, signature }: Release): Promise<GpgvVerdict> {
  const place = mkdtempSync(join(dir, 'gpgv-'))
  const { by } = list.developers.get(name) ?? assert.fail(name)
  const keys = by.flatMap(who => list.principals.get(who)?.keys ?? [])
  const files = keys.flatMap(key => ('openpgp' in key ? join(dir, 'list', key.certificate) : []))
  const [certificate, signed, over] = ['keys.pgp', 'signature.asc', 'file'].map(end => join(place, end))
  assert.ok(certificate && signed && over)
  writeFileSync(certificate, Buffer.concat(files.map(file => readFileSync(file))))
  writeFileSync(signed, signature)
  writeFileSync(over, tarball)
  const tools = {
    gpgv: { name: 'gpgv', program: '/usr/bin/gpgv' },
    sqv: { name: 'sqv', program: '/usr/bin/sqv' },
  } as const
  return (await askOracles(tools, { certificate, signature: signed, file: over }, place)).gpgv
}

before(async () => {
  root = await publishList()
  const named = (addresses: Readonly<Record<string, string>>) =>
    new Map(Object.entries(addresses).map(([name, address]) => [name, releaseOf(name, address)]))
  releases = named(ADDRESSES)
  remarked = [...named(REMARK).values()]
  const libmd = released('libmd')
  const all = [...releases.values(), ...remarked, forged('flipped'), forged('other')]
  const elsewhere = { ...libmd, url: libmd.url.replace('archive.hadrons.org', 'mirror.example.org') }
  for (const release of [...all, elsewhere]) offer(release)
  const hosts = [LISTS, ...[...all, elsewhere].map(({ url }) => new URL(url).host)]
  const { server } = makeCertificates(dirname(authority), ...new Set(hosts))
  const lines = `root ${web}/$host; ssl_certificate ${server.certificate}; ssl_certificate_key ${server.key};`
  const t = { after: (end: () => unknown) => ending.push(end) }
  await serveNginx(t, join(dir, 'nginx'), { host: SERVER, port: 443, lines })
  names = `127.0.0.1 localhost\n${[...new Set(hosts)].map(host => `${SERVER} ${host}\n`).join('')}`
})

const POLICY_TEXT = `version = 1
mode = "enforce"

[lists.debian]
url = "https://${LISTS}/debian"
roles = ["developer"]

[default]
require.source = { developer = "its-developers" }
require.derivation = "nothing"
require.output = "self"
`

async function withSubscriber(
  version: (typeof VERSIONS)[number],
  use: (world: World) => Promise<void>,
): Promise<void> {
  await withWorld(version, {}, async world => {
    world.write('/etc/hosts', names)
    copyFileSync(authority, world.path('/etc/ssl/certs/ca-certificates.crt'))
    world.write(POLICY, POLICY_TEXT)
    await nixsig(world, `trust subscribe https://${LISTS}/debian --root ${root}`)
    assert.equal(world.read(POLICY), POLICY_TEXT)
    await use(world)
  })
}

async function assertRefused(world: World, release: Release, why: RegExp): Promise<void> {
  const { out } = await instantiate(world, withLib(world, fetched(release)))
  const { status, stderr } = await nixBuild(world)
  assert.notEqual(status, 0, release.url)
  assert.match(stderr, why)
  assert.equal(await isValid(world, out), false)
}

for (const version of VERSIONS) {
  test(`${version}: ten real releases are judged by their own developers, attacks on them refused`, () =>
    withSubscriber(version, async world => {
      const libmd = released('libmd')
      const elsewhere = { ...libmd, url: libmd.url.replace('archive.hadrons.org', 'mirror.example.org') }
      await assertRefused(world, elsewhere, /no list names a developer of libmd-/)

      const sources = [...releases.values()].map(fetched)
      const { out } = await instantiate(world, withLib(world, nix.withInputs('all', sources)))
      await assertBuilt(world)
      const paths = world.read(out).trim().split('\n')
      const verdicts = (await nixsig(world, `verify --json ${paths.join(' ')}`)).trim().split('\n')
      assert.equal(verdicts.length, releases.size)
      for (const [index, name] of [...releases.keys()].entries()) {
        const { path, outcome, basis } = JSON.parse(verdicts[index] ?? '')
        assert.deepEqual([path, outcome, basis.kind], [paths[index], 'trusted', 'claims'], name)
        const own = list.developers.get(name)?.by.map(who => `debian/${who}`) ?? []
        assert.ok(basis.principals.length > 0, name)
        for (const who of basis.principals) assert.ok(own.includes(who), `${name}: ${who}`)
      }

      // Attacks: a byte of libmd is flipped, and the developers of cmocka sign something called libmd.
      await assertRefused(world, forged('flipped'), /a signature that does not verify/)
      await assertRefused(world, forged('other'), /only signers who are not/)
      for (const release of remarked) await assertRefused(world, release, /it could be a program/)
    }))
}

test('gpgv comes to the same, with the certificates of the list', async () => {
  for (const [name, release] of releases) assert.equal(await gpgvOn(name, release), 'GOODSIG', name)
  assert.equal(await gpgvOn('libmd', forged('flipped')), 'BADSIG')
  assert.equal(await gpgvOn('libmd', forged('other')), 'ERRSIG')
  assert.equal(await gpgvOn('cmocka', forged('other')), 'GOODSIG')
})
