// Developers' own signatures of their releases, stored with the attestations: checked once the
// source has been fetched.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type SignatureExtension, storeDeveloperSignature } from '../../src/evidence/signature-files.ts'
import * as nix from '../support/expressions.ts'
import { openGnupg } from '../support/gnupg.ts'
import {
  assertBuilt,
  assertRefusedAfterBuild,
  assertRefusedBeforeBuild,
  instantiate,
  isInLedger,
  type Scene,
} from '../support/scene.ts'
import {
  ATTESTATIONS,
  byDefault,
  contentsOf,
  POLICY,
  packaged,
  policyText,
  publish,
  setPolicy,
  sha256,
  signer,
} from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

const RELEASE = 'the developer wrote this\n'
/** One bit of it flipped. */
const TAMPERED = 'the developer wrote thiS\n'

const gnupg = openGnupg()
const dir = mkdtempSync('/tmp/nixsig-developers-')
after(() => {
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

const released = join(dir, 'tool.tar')
writeFileSync(released, RELEASE)

const carol = gnupg.makeKey('carol')
const dave = gnupg.makeKey('dave')
const past = gnupg.makeKey('past', { at: '20200101T000000', expire: '1y' })

function openpgp(fingerprint: string, at?: string): Uint8Array {
  return gnupg.sign(released, fingerprint, ['--armor'], at)
}

function minisign(name: string, ...args: readonly string[]) {
  const [publicKey, secretKey, signature] = ['pub', 'key', 'minisig'].map(end => join(dir, `${name}.${end}`))
  const files = { publicKey: publicKey ?? '', secretKey: secretKey ?? '', signature: signature ?? '' }
  const make = ['-G', '-W', '-f', '-p', files.publicKey, '-s', files.secretKey]
  execFileSync('minisign', make, { stdio: 'ignore' })
  const sign = ['-S', '-W', '-s', files.secretKey, '-m', released, '-x', files.signature, ...args]
  execFileSync('minisign', sign, { stdio: 'ignore' })
  const [, key = ''] = readFileSync(files.publicKey, 'utf8').split('\n')
  return { key: `"minisign:${key}"`, signature: readFileSync(files.signature) }
}

const erin = minisign('erin')
const legacy = minisign('legacy', '-l')
const mallory = minisign('mallory')

/** A policy by which a developer with this key, as TOML, has to have signed every source. */
async function needDeveloper(world: World, key: string, rest = ''): Promise<void> {
  const requirement = byDefault('X', 'nothing', 'self').replace('"X"', '{ developer = "dev" }')
  await setPolicy(world, policyText({ dev: [key] }, `${rest}${requirement}`))
}

/** Requires a developer with this OpenPGP key, and puts its certificate beside the policy. */
async function needOpenpgp(world: World, fingerprint: string, rest = ''): Promise<void> {
  world.write('/etc/nixsig/keys/dev.pgp', readFileSync(gnupg.exportTo(join(dir, 'exported'), fingerprint)))
  await needDeveloper(world, `{ openpgp = "${fingerprint}", certificate = "keys/dev.pgp" }`, rest)
}

/** A fetch of these contents, whose hash the expression names as it is. */
async function fetchOf(world: World, contents: string): Promise<Scene> {
  world.write('/srv/tool.tar', contents)
  return instantiate(world, nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(contents)))
}

function keep(world: World, { out }: Scene, extension: SignatureExtension, signature: Uint8Array): void {
  storeDeveloperSignature(world.path(ATTESTATIONS), out, extension, signature)
}

for (const version of NEWEST) {
  for (const [what, { need, extension, signature }] of Object.entries({
    'an OpenPGP signature': {
      need: (world: World) => needOpenpgp(world, carol),
      extension: '.asc',
      signature: () => openpgp(carol),
    },
    'a binary OpenPGP signature': {
      need: (world: World) => needOpenpgp(world, carol),
      extension: '.sig',
      signature: () => gnupg.sign(released, carol),
    },
    'a minisign signature': {
      need: (world: World) => needDeveloper(world, erin.key),
      extension: '.minisig',
      signature: () => erin.signature,
    },
    'a minisign signature of the older kind': {
      need: (world: World) => needDeveloper(world, legacy.key),
      extension: '.minisig',
      signature: () => legacy.signature,
    },
  } as const)) {
    test(`${version}: a fetched source is admitted by ${what} of its developer`, () =>
      withWorld(version, {}, async world => {
        await need(world)
        const scene = await fetchOf(world, RELEASE)
        await assertRefusedBeforeBuild(
          world,
          scene.out,
          /needs dev as developer for its source, found no signature/,
        )
        keep(world, scene, extension, signature())
        await assertBuilt(world)
        assert.equal(isInLedger(world, scene.out), true)
        await instantiate(
          world,
          nix.withInputs('user', [nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(RELEASE))]),
        )
        await assertBuilt(world)
      }))

    test(`${version}: attack: ${what} of other bytes, which the expression expects`, () =>
      withWorld(version, {}, async world => {
        await need(world)
        const scene = await fetchOf(world, TAMPERED)
        keep(world, scene, extension, signature())
        await assertRefusedAfterBuild(world, [scene.out], /found a signature that does not verify \(/)
        assert.equal(
          await world.output('cat /var/lib/nixsig/quarantine/*/content | head -n 1'),
          TAMPERED.trim(),
        )
      }))
  }

  const REFUSED = {
    'an OpenPGP key that is past its date': {
      need: (world: World) => needOpenpgp(world, past),
      extension: '.asc',
      signature: () => openpgp(past, '20200301T000000'),
      reason: /the key of dev ended \d{4}-\d\d-\d\d, after this was signed/,
    },
    'an OpenPGP key that the policy revokes': {
      need: (world: World) =>
        needOpenpgp(
          world,
          carol,
          `[[revocations]]\nopenpgp = "${carol}"\ndate = 2020-01-01\nreason = "stolen"\n`,
        ),
      extension: '.asc',
      signature: () => openpgp(carol),
      reason: /the key of dev is revoked since 2020-01-01 \(stolen\)/,
    },
    "somebody else's OpenPGP key": {
      need: (world: World) => needOpenpgp(world, carol),
      extension: '.asc',
      signature: () => openpgp(dave),
      reason: /found only signers who are not in the trusted list/,
    },
    "somebody else's minisign key": {
      need: (world: World) => needDeveloper(world, erin.key),
      extension: '.minisig',
      signature: () => mallory.signature,
      reason: /found only signers who are not in the trusted list/,
    },
    'a minisign key, with another trusted comment than was signed': {
      need: (world: World) => needDeveloper(world, erin.key),
      extension: '.minisig',
      signature: () =>
        Buffer.from(erin.signature.toString().replace(/^trusted comment: .*/m, 'trusted comment: 9.9')),
      reason: /found a signature that does not verify/,
    },
    'a key, in a file that holds no signature': {
      need: (world: World) => needOpenpgp(world, carol),
      extension: '.asc',
      signature: () => Buffer.from('garbage\n'),
      reason: /undecided.*\n.*\.asc: .*detached signature/,
    },
  } as const
  for (const [what, { need, extension, signature, reason }] of Object.entries(REFUSED)) {
    test(`${version}: attack: a source signed by ${what}`, () =>
      withWorld(version, {}, async world => {
        await need(world)
        const scene = await fetchOf(world, RELEASE)
        keep(world, scene, extension, signature())
        await assertRefusedAfterBuild(world, [scene.out], reason)
      }))
  }

  test(`${version}: attack: a certificate exchanged for another person's`, () =>
    withWorld(version, {}, async world => {
      await needOpenpgp(world, carol)
      world.write('/etc/nixsig/keys/dev.pgp', readFileSync(gnupg.exportTo(join(dir, 'exported'), dave)))
      const scene = await fetchOf(world, RELEASE)
      keep(world, scene, '.asc', openpgp(dave))
      await assertRefusedBeforeBuild(
        world,
        scene.out,
        /undecided because of the policy file: .*has no certificate with the fingerprint [0-9A-F]{40}/,
      )
    }))

  test(`${version}: attack: a source whose file may be run is more than its developer signed`, () =>
    withWorld(version, {}, async world => {
      await needOpenpgp(world, carol)
      world.write('/srv/tool.tar', RELEASE)
      const fetched = nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256(RELEASE))
      const { out: plain } = await instantiate(world, fetched)
      const hash = await world.output(
        'cp /srv/tool.tar /srv/run && chmod +x /srv/run && nix-store --dump /srv/run | sha256sum',
      )
      const runnable = fetched
        .replace('executable = false', 'executable = true')
        .replace('"flat"', '"recursive"')
        .replace(sha256(RELEASE), hash.slice(0, 64))
      const scene = await instantiate(world, runnable)
      assert.notEqual(scene.out, plain)
      keep(world, scene, '.asc', openpgp(carol))
      await assertRefusedBeforeBuild(world, scene.out, /needs dev as developer for its source, found no sig/)
      const { stdout } = await world.run(['/opt/nixsig/nixsig', 'explain', scene.out])
      assert.match(stdout, /a detached signature does not cover what is hashed as a tree/)
    }))

  test(`${version}: a developer's signature and a packager's word, where both are needed`, () =>
    withWorld(version, {}, async world => {
      await needOpenpgp(world, carol)
      const packager = signer('packager')
      const listed = `[principals.packager]\nkeys = ["${packager.publicKey}"]\n[default]`
      const both = '{ developer = "dev", packager = "packager" }'
      const policy = world.read(POLICY).replace('[default]', listed).replace('{ developer = "dev" }', both)
      await setPolicy(world, policy)
      const scene = await fetchOf(world, RELEASE)
      keep(world, scene, '.asc', openpgp(carol))
      await assertRefusedAfterBuild(
        world,
        [scene.out],
        /needs packager as packager for its source, found no signature/,
      )
      const narHash = (await world.output('nix-store --dump /srv/tool.tar | sha256sum')).slice(0, 64)
      publish(world, scene.out, packaged(packager, { path: scene.out, narHash }))
      await assertBuilt(world)
      assert.equal((await contentsOf(world, scene.out)).narHash, narHash)
    }))
}
