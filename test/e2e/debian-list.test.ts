// A list built from real source packages of Debian, signed index included, and with it real
// upstream releases judged by their own developers. What is there depends on the machine's Debian.
// needs: debian-sources
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { type DetachedResult, verifyDetached } from '../../src/crypto/detached/verify.ts'
import { type ListDocument, parseList } from '../../src/formats/lists/document.ts'
import { buildList } from '../../src/lists/build/build.ts'
import { matchesGlob } from '../../src/policy/match.ts'
import { debianSource, RELEASES } from '../support/debian-source.ts'
import { GOOD, KEYRING, layOutMirror } from '../support/lists/debian-mirror.ts'

const dir = mkdtempSync('/tmp/nixsig-debian-list-')
after(() => rmSync(dir, { recursive: true, force: true }))

const mirror = join(dir, 'mirror')
let list: ListDocument

before(async () => {
  layOutMirror(mirror)
  const report = await buildList({
    from: ['debian'],
    out: join(dir, 'list'),
    name: 'debian',
    tries: 100,
    cache: undefined,
    now: Math.floor(Date.now() / 1000),
    remark: () => undefined,
    debian: { place: mirror, suites: [], keyring: KEYRING },
    gentoo: { directory: '', distfiles: undefined, keyring: '', trust: 'signed' },
    arch: { directory: '' },
  })
  assert.equal(report.failed, 0)
  assert.equal(report.triedBad, 0)
  assert.ok(report.triedGood >= GOOD.length, `${report.triedGood} good`)
  list = parseList(readFileSync(join(dir, 'list/list.json')), 'list')
})

for (const name of GOOD) {
  test(`${name}: its release is judged by its own developers, and by nobody else's`, async () => {
    const { tarball, signature, version } = debianSource(name)
    const source = `${name.replace('stunnel4', 'stunnel')}-${version}.tar.gz`
    const matching = [...list.developers].filter(([, { names }]) =>
      names.some(glob => matchesGlob(glob, source)),
    )
    assert.deepEqual(
      matching.map(([entry]) => entry),
      [name],
    )
    const good = (results: readonly DetachedResult[]) => results.some(({ outcome }) => outcome === 'good')
    const by = new Set(matching.flatMap(([, entry]) => entry.by))
    const judged = (principals: readonly string[]) => verdict(principals, tarball, signature)
    assert.ok(good(await judged([...by])))
    const others = [...list.developers.values()].flatMap(entry => entry.by).filter(other => !by.has(other))
    const sharesNobody = others.slice(0, 5)
    assert.ok(!good(await judged(sharesNobody)))
  })
}

test('what became of each release is what gpgv says', () => {
  const results: Readonly<Record<string, string>> = {
    GOODSIG: 'good',
    EXPKEYSIG: 'expired',
    NO_PUBKEY: 'unknown-signer',
  }
  const tried = [...list.developers.values()].flatMap(entry => entry.tried)
  assert.ok(tried.length >= 20, `${tried.length} releases were tried`)
  for (const name of RELEASES) {
    const { tarball, signature, certificate } = debianSource(name)
    const ours = tried.find(({ file }) => file === basename(tarball))
    if (ours === undefined) continue
    const keyring = join(dir, `${name}.gpg`)
    const made = spawnSync('gpg', ['--batch', '--dearmor', '--output', keyring, certificate])
    if (made.status !== 0) copyFileSync(certificate, keyring)
    const args = ['--status-fd', '1', '--keyring', keyring, signature, tarball]
    const { stdout } = spawnSync('gpgv', args, { encoding: 'utf8' })
    const [, status = ''] = /^\[GNUPG:\] (GOODSIG|EXPKEYSIG|BADSIG|NO_PUBKEY)/m.exec(stdout) ?? []
    assert.equal(ours.result, results[status], `${name}: ${stdout}`)
  }
})

function verdict(
  principals: readonly string[],
  file: string,
  signature: string,
): Promise<readonly DetachedResult[]> {
  const keys = principals.flatMap(principal => list.principals.get(principal)?.keys ?? [])
  return verifyDetached({
    file,
    signature: readFileSync(signature),
    keys: keys.flatMap(key => {
      if (!('openpgp' in key)) return []
      const { openpgp: fingerprint } = key
      const certificate = join(dir, 'list', key.certificate)
      return [
        { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: fingerprint, fingerprint, certificate },
      ]
    }),
  })
}
