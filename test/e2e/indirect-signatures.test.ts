// Signatures over something other than the file: lists of checksums, and the contents of a
// compressed file. Also those that prove nothing.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type SignatureExtension, storeDeveloperSignature } from '../../src/evidence/signature-files.ts'
import * as nix from '../support/expressions.ts'
import { openGnupg } from '../support/gnupg.ts'
import { assertBuilt, assertRefusedAfterBuild, instantiate, type Scene } from '../support/scene.ts'
import { ATTESTATIONS, byDefault, policyText, setPolicy, sha256 } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const gnupg = openGnupg()
const dir = mkdtempSync('/tmp/nixsig-indirect-')
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})
const carol = gnupg.makeKey('carol')
const certificate = readFileSync(gnupg.exportTo(join(dir, 'carol.pgp'), carol))

const TAR = 'the members of an archive\n'
const RELEASE = gzipSync(TAR)

const clearsigned = (text: string): Uint8Array =>
  gnupg.gpg(['--local-user', carol, '--output', '-', '--clearsign'], { input: text })

function detached(contents: string | Uint8Array): Uint8Array {
  const file = join(dir, 'signed')
  writeFileSync(file, contents)
  return gnupg.sign(file, carol)
}

async function needCarol(world: World): Promise<void> {
  world.write('/etc/nixsig/keys/dev.pgp', certificate)
  const key = `{ openpgp = "${carol}", certificate = "keys/dev.pgp" }`
  const requirement = byDefault('X', 'nothing', 'self').replace('"X"', '{ developer = "dev" }')
  await setPolicy(world, policyText({ dev: [key] }, requirement))
}

/** A fetch whose store path is called otherwise than the file that it fetches. */
async function fetchOf(world: World, contents: Uint8Array = RELEASE): Promise<Scene> {
  world.write('/srv/tool-1.0.tar.gz', contents)
  return instantiate(world, nix.fetchurl('source', 'file:///srv/tool-1.0.tar.gz', sha256(contents)))
}

function keep(world: World, { out }: Scene, files: Partial<Record<SignatureExtension, Uint8Array>>): void {
  for (const [extension, bytes] of Object.entries(files)) {
    storeDeveloperSignature(world.path(ATTESTATIONS), out, extension as SignatureExtension, bytes)
  }
}

const line = (contents: Uint8Array, name: string) => `${sha256(contents)}  ${name}\n`
const LIST = `${line(RELEASE, 'tool-1.0.tar.gz')}${line(Buffer.from('else'), 'other.tar.gz')}`

for (const version of NEWEST) {
  for (const [what, files] of Object.entries<Partial<Record<SignatureExtension, Uint8Array>>>({
    'a signed list of checksums': { '.sums': Buffer.from(LIST), '.sums.sig': detached(LIST) },
    'a clear-signed list of checksums': { '.sums': clearsigned(LIST) },
    'a signature over what is in the file': { '.sig': detached(TAR) },
  })) {
    test(`${version}: a fetched source is admitted by ${what}`, () =>
      withWorld(version, {}, async world => {
        await needCarol(world)
        const scene = await fetchOf(world)
        keep(world, scene, files)
        await assertBuilt(world)
        assert.match(await world.output(`/opt/nixsig/nixsig verify ${scene.out}`), /^trusted /)
      }))
  }

  for (const [attack, { files, reason }] of Object.entries({
    'a list that has another checksum of the file': {
      files: { '.sums': clearsigned(line(Buffer.from('older'), 'tool-1.0.tar.gz')) },
      reason: /the signed list has another sha256 for tool-1\.0\.tar\.gz/,
    },
    'a list that has the checksum for another file': {
      files: { '.sums': clearsigned(line(RELEASE, 'other.tar.gz')) },
      reason: /found no signature/,
    },
    'a list that was changed after it was signed': {
      files: { '.sums': Buffer.from(LIST), '.sums.sig': detached(LIST.replace(/./, '0')) },
      reason: /a signature that does not verify/,
    },
    'a signature over what was in another file': {
      files: { '.sig': detached(`${TAR}evil`) },
      reason: /a signature that does not verify/,
    },
  })) {
    test(`${version}: attack: ${attack}`, () =>
      withWorld(version, {}, async world => {
        await needCarol(world)
        const scene = await fetchOf(world)
        keep(world, scene, files)
        await assertRefusedAfterBuild(world, [scene.out], reason)
      }))
  }

  test(`${version}: signatures that are of no use are told, and not passed over`, () =>
    withWorld(version, {}, async world => {
      await needCarol(world)
      const source = await fetchOf(world)
      keep(world, source, { '.sig': detached(RELEASE), '.sums.asc': detached(LIST) })
      const strangers = gnupg.sign(join(dir, 'signed'), gnupg.makeKey(`stranger-${version}`))
      keep(world, source, { '.minisig': strangers })
      await assertBuilt(world)
      const kept = await world.output(`ls ${ATTESTATIONS}/*/*.sig`)
      world.write(kept.replace(/\.sig$/, '.sign'), detached(RELEASE))
      for (const command of ['verify', 'explain']) {
        const said = await world.output(`/opt/nixsig/nixsig ${command} ${source.out}`)
        assert.match(said, /^trusted /)
        assert.match(
          said,
          /also found: .*\(a signature of a list of checksums that is not there, .*\.sums\.asc\)/,
        )
        assert.match(
          said,
          /also found: a signer who is not in the trusted list \([0-9A-F]{40}, in .*\.minisig\)/,
        )
        assert.match(said, /also found: .*an extension that means nothing here/)
      }
      const built = await instantiate(world, nix.derivation('tool'))
      await assertBuilt(world)
      keep(world, built, { '.asc': detached('an output') })
      const said = await world.output(`/opt/nixsig/nixsig verify ${built.out}`)
      assert.match(said, /also found: .*counts for a source in the store, and this is not one/)
    }))
}

for (const version of NEWEST) {
  test(`${version}: what nix store sign made is checked over the path that it is of`, () =>
    withWorld(version, {}, async world => {
      await world.output('nix-store --generate-binary-cache-key cache-1 /root/secret /root/public')
      const key = await world.output('cat /root/public')
      world.write('/root/x', 'a file')
      const path = await world.output('nix-store --add /root/x')
      const same = await world.output('cp /root/x /root/y && nix-store --add /root/y')
      await world.output(`nix store sign --key-file /root/secret ${path} ${same}`)
      await world.output(`nix path-info --sigs ${path} | tr ' ' '\\n' | grep ^cache-1: >/root/x.sig`)
      await world.output(`ln -s ${path} /root/result`)
      const check = async (file: string) =>
        world.run(['/opt/nixsig/nixsig', 'check-signature', file, '/root/x.sig', '--key', key])
      for (const file of [path, '/root/result']) {
        const { status, stdout } = await check(file)
        assert.equal(status, 0, stdout)
      }
      const other = await check(same)
      assert.equal(other.status, 13)
      assert.match(other.stdout, /does not verify with/)
      assert.equal((await check('/root/x')).status, 2)
    }))
}
