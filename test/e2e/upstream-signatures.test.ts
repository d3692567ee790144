import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type DetachedResult, verifyDetached } from '../../src/crypto/detached/verify.ts'
import { withOpenedFile } from '../../src/crypto/detached/opened-file.ts'
import { type OpenPgpResult, verifyOpenPgp } from '../../src/crypto/openpgp/verify.ts'
import type { Tool } from '../../src/crypto/openpgp/tools.ts'
import type { OpenPgpKey } from '../../src/policy/policy.ts'
import { debianSource } from '../support/debian-source.ts'
import { sidTool } from '../support/sid-tools.ts'

const dir = mkdtempSync('/tmp/nixsig-upstream-')
after(() => rmSync(dir, { recursive: true, force: true }))

function run(program: string, args: readonly string[]) {
  return spawnSync(program, args, { encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: dir } })
}

/** What GnuPG says of a release without any of our rules: the keyword of its verdict. */
function askGpgv(certificate: string, signature: string, tarball: string): string {
  const keyring = join(dir, 'keyring.gpg')
  writeFileSync(
    keyring,
    spawnSync('gpg', ['--homedir', dir, '--dearmor'], { input: readFileSync(certificate) }).stdout,
  )
  const { stdout } = run('gpgv', [
    '--homedir',
    dir,
    '--status-fd',
    '1',
    '--keyring',
    keyring,
    signature,
    tarball,
  ])
  return /^\[GNUPG:\] (GOODSIG|BADSIG|EXPSIG|EXPKEYSIG|REVKEYSIG|ERRSIG) /m.exec(stdout)?.[1] ?? stdout
}

function developerKey(certificate: string): OpenPgpKey {
  const { stdout } = run('gpg', ['--homedir', dir, '--with-colons', '--show-keys', certificate])
  const [, fingerprint = ''] = /^fpr:+([0-9A-F]+):/m.exec(stdout) ?? []
  return { kind: 'openpgp', identity: `openpgp:${fingerprint}`, label: fingerprint, fingerprint, certificate }
}

const RELEASES: Readonly<
  Record<
    string,
    {
      readonly ours: DetachedResult['outcome']
      readonly gpgv: string
      readonly sqv: boolean
      readonly detail: RegExp
    }
  >
> = {
  libmd: { ours: 'good', gpgv: 'GOODSIG', sqv: true, detail: /^signed 2021-10-05$/ },
  // Its certificate is bound by SHA-1, which sqv no longer takes; the release itself is signed with SHA-256.
  cmocka: { ours: 'good', gpgv: 'GOODSIG', sqv: false, detail: /^signed 2019-03-28$/ },
  // Signed in 2006 with DSA of 1024 bits over SHA-1.
  hashcash: { ours: 'unacceptable', gpgv: 'GOODSIG', sqv: false, detail: /version 3/ },
  // Signed with a subkey that had expired as far as this copy of the certificate knows.
  paperkey: { ours: 'expired-key', gpgv: 'EXPKEYSIG', sqv: false, detail: /expired 2017-01-31/ },
}

for (const [name, expected] of Object.entries(RELEASES)) {
  describe(`the upstream release of ${name}`, () => {
    const { tarball, signature, certificate } = debianSource(name)
    const keys = [developerKey(certificate)]
    const contents = readFileSync(signature)

    it(`is ${expected.ours}`, async () => {
      const [result] = await verifyDetached({ file: tarball, signature: contents, keys })
      assert.equal(result?.outcome, expected.ours, result?.detail)
      assert.match(result?.detail ?? '', expected.detail)
    })

    it('is nothing better to us than to gpgv, and nothing worse than to sqv', () => {
      assert.equal(askGpgv(certificate, signature, tarball), expected.gpgv)
      assert.equal(run('sqv', ['--keyring', certificate, signature, tarball]).status === 0, expected.sqv)
      assert.ok(expected.ours !== 'good' || expected.gpgv === 'GOODSIG')
      assert.ok(!expected.sqv || expected.ours === 'good')
    })

    it('has a bad signature once a byte of it is flipped', async () => {
      const bytes = readFileSync(tarball)
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
      const file = join(dir, `${name}.tampered`)
      writeFileSync(file, bytes)
      assert.equal(askGpgv(certificate, signature, file), 'BADSIG')
      const [result] = await verifyDetached({ file, signature: contents, keys })
      assert.equal(result?.outcome, 'bad-signature', result?.detail)
    })
  })
}

it("is by an unknown signer to another release's developer", async () => {
  const { tarball, signature } = debianSource('libmd')
  const keys = [developerKey(debianSource('cmocka').certificate)]
  const [result] = await verifyDetached({ file: tarball, signature: readFileSync(signature), keys })
  assert.equal(result?.outcome, 'unknown-signer')
})

describe('the tools of today and of some years ago', () => {
  const [oldGpgv, oldSqv]: readonly Tool[] = [
    { name: 'gpgv', program: '/usr/bin/gpgv' },
    { name: 'sqv', program: '/usr/bin/sqv' },
  ]
  const [gpgv, sqv] = [sidTool('gpgv', dir), sidTool('sqv', dir)]
  const judge = (tool: Tool, tarball: string, signature: string, certificate: string, fingerprint: string) =>
    withOpenedFile(tarball, file =>
      verifyOpenPgp({ file, signature: readFileSync(signature), certificate, fingerprint, tools: [tool] }),
    )

  it('lead to the same results, but for a certificate that sqv does not use', async () => {
    const results: Record<string, readonly OpenPgpResult['kind'][]> = {}
    for (const name of Object.keys(RELEASES)) {
      const { tarball, signature, certificate } = debianSource(name)
      const { fingerprint } = developerKey(certificate)
      const kinds: OpenPgpResult['kind'][] = []
      for (const tool of [oldGpgv, gpgv, oldSqv, sqv]) {
        assert.ok(tool)
        kinds.push((await judge(tool, tarball, signature, certificate, fingerprint)).kind)
      }
      results[name] = kinds
    }
    assert.deepEqual(results, {
      libmd: ['good', 'good', 'good', 'good'],
      cmocka: ['good', 'good', 'unreadable', 'unreadable'],
      hashcash: ['unacceptable', 'unacceptable', 'unacceptable', 'unacceptable'],
      paperkey: ['expired-key', 'expired-key', 'expired-key', 'expired-key'],
    })
  })

  it('know signatures of version 6 from sqv 1.5 on', async () => {
    const vector = (name: string) => join(PROJECT_ROOT, 'test/vectors/openpgp', name)
    const [signature, certificate] = [vector('v6-signature.asc'), vector('v6-certificate.asc')]
    const fingerprint = '145817EB0DCA42619D266FEECE5B9F25BBC89A8062043B8BF0A9CE8CEFC40C4D'
    const v6 = (tool: Tool, file: string) => judge(tool, file, signature, certificate, fingerprint)
    assert.equal((await v6(sqv, vector('v6-file.txt'))).kind, 'good')
    assert.equal((await v6(sqv, certificate)).kind, 'bad-signature')
    assert.equal((await v6(gpgv, vector('v6-file.txt'))).kind, 'unreadable')
  })
})
