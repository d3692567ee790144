// Packagers who sign with the SSH agent, with security keys and with GnuPG: the hooks of another
// machine judge the result.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { envelopeBy } from '../../src/crypto/envelope.ts'
import { openSigner } from '../../src/crypto/signers/open-signer.ts'
import {
  LEVEL,
  VERIFICATION_SUMMARY,
  verificationSummaryJson,
} from '../../src/formats/in-toto/predicates/verification-summary.ts'
import { signerUri } from '../../src/formats/in-toto/predicates.ts'
import { printStatement } from '../../src/formats/in-toto/statement.ts'
import { printSshSignatureBlob, sshSignedData } from '../../src/formats/ssh/sshsig.ts'
import * as nix from '../support/expressions.ts'
import { openGnupg } from '../support/gnupg.ts'
import { assertBuilt, assertRefusedBeforeBuild, instantiate } from '../support/scene.ts'
import { type SshAgent, securityKeyAgent, softwareSecurityKey, startSshAgent } from '../support/ssh.ts'
import {
  byDefault,
  type Contents,
  contentsOf,
  policyText,
  publish,
  setPolicy,
  sha256,
} from '../support/trust.ts'
import { OLDEST, type World, withWorld } from '../support/world.ts'

const gnupg = openGnupg()
const dir = mkdtempSync('/tmp/nixsig-signers-')
const token = softwareSecurityKey()
let agent: SshAgent
let tokenAgent: Awaited<ReturnType<typeof securityKeyAgent>>
before(async () => {
  agent = await startSshAgent()
  tokenAgent = await securityKeyAgent(token)
})
after(() => {
  agent.close()
  tokenAgent.close()
  gnupg.remove()
  rmSync(dir, { recursive: true, force: true })
})

const ssh = (name: string, ...options: readonly string[]) => ({
  signer: `ssh:${name}`,
  key: () => `"${keyInAgent(name, ...options)}"`,
  socket: () => agent.socket,
})

const lines = new Map<string, string>()

/** The public line of a key that is in the agent from the first time on that it is asked for. */
function keyInAgent(name: string, ...options: readonly string[]): string {
  const line = lines.get(name) ?? agent.add(name, ...options)
  lines.set(name, line)
  return line
}

/** Each with what a policy lists it as. */
const SIGNERS: Readonly<
  Record<string, { signer: string; key: (world: World) => string; socket: () => string }>
> = {
  'an Ed25519 key in the SSH agent': ssh('ed25519', '-t', 'ed25519'),
  'an ECDSA key in the SSH agent': ssh('ecdsa', '-t', 'ecdsa', '-b', '384'),
  'an RSA key in the SSH agent': ssh('rsa', '-t', 'rsa', '-b', '3072'),
  'a security key': {
    signer: 'ssh:security key',
    key: () => `"${token.line}"`,
    socket: () => tokenAgent.socket,
  },
  "a key of GnuPG's": { signer: '', key: world => listed(world, openpgpKey()), socket: () => '' },
}

let made = ''
function openpgpKey(): string {
  made ||= gnupg.makeKey('packager')
  return made
}

/** An OpenPGP key as a policy lists it, its certificate put beside the policy. */
function listed(world: World, fingerprint: string): string {
  world.write('/etc/nixsig/keys/it.pgp', readFileSync(gnupg.exportTo(join(dir, 'exported'), fingerprint)))
  return `{ openpgp = "${fingerprint}", certificate = "keys/it.pgp" }`
}

/**
 * The envelope of a packager who stands for some contents, by whoever signs bytes under this key
 * id.
 */
function packagedBy(
  signer: { readonly keyid: string; sign(message: Uint8Array): Promise<Uint8Array> },
  { path, narHash }: Contents,
): Promise<string> {
  const predicate = verificationSummaryJson({
    signer: signerUri('verifier', signer.keyid),
    resourceUri: `nixsig:${path}`,
    passed: true,
    levels: [LEVEL.packaged],
    inputs: [],
  })
  const subjects = [{ name: path, narHash }]
  return envelopeBy(signer, printStatement({ subjects, predicateType: VERIFICATION_SUMMARY, predicate }))
}

/** A derivation that a packager has to stand for, with nothing yet said of it. */
async function sceneFor(world: World, key: string) {
  await setPolicy(world, policyText({ packager: [key] }, byDefault('nothing', 'packager', 'self')))
  const scene = await instantiate(world, nix.derivation(`tool${sha256(key).slice(0, 8)}`))
  return { ...scene, contents: await contentsOf(world, scene.drv) }
}

async function withEnvironment<T>(
  variables: Readonly<Record<string, string>>,
  use: () => Promise<T>,
): Promise<T> {
  const saved = Object.keys(variables).map(name => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  try {
    return await use()
  } finally {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

const needs = { passphrase: () => assert.fail('no passphrase is needed') }

for (const version of OLDEST) {
  test(`${version}: attestations by the SSH agent, a security key and GnuPG let a build pass elsewhere`, () =>
    withWorld(version, {}, async world => {
      for (const [what, { signer: name, key, socket }] of Object.entries(SIGNERS)) {
        const scene = await sceneFor(world, key(world))
        await assertRefusedBeforeBuild(
          world,
          scene.out,
          /needs packager for its derivation, found no signature/,
        )
        const environment = { SSH_AUTH_SOCK: socket(), GNUPGHOME: gnupg.dir }
        const line = await withEnvironment(environment, async () => {
          const signer = await openSigner(name || `gpg:${openpgpKey()}`, needs)
          const signed = await packagedBy(signer, scene.contents)
          signer.close()
          return signed
        })
        publish(world, scene.drv, line)
        await assertBuilt(world).catch((error: Error) => assert.fail(`${what}: ${error.message}`))
      }
    }))

  test(`${version}: attack: an SSH signature that the packager made of a file`, () =>
    withWorld(version, {}, async world => {
      const name = `file-${version}`
      const file = join(dir, name)
      execFileSync('ssh-keygen', ['-q', '-N', '', '-t', 'rsa', '-b', '2048', '-f', file])
      const line = readFileSync(`${file}.pub`, 'utf8').trimEnd()
      const scene = await sceneFor(world, `"${line}"`)
      const keyid = execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' }).split(' ')[1] ?? ''
      const sign = async (message: Uint8Array) => {
        const armoured = execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'file', '-f', file], {
          input: message,
        })
        const [, body = ''] = /SIGNATURE-----\n([\s\S]*)-----END/.exec(armoured.toString()) ?? []
        return new Uint8Array(Buffer.from(body.replaceAll('\n', ''), 'base64'))
      }
      publish(world, scene.drv, await packagedBy({ keyid, sign }, scene.contents))
      await assertRefusedBeforeBuild(
        world,
        scene.out,
        /found a signature that does not verify \(.*made for the namespace "file", accepted: nixsig/,
      )
    }))

  test(`${version}: attack: a security key that lay there untouched`, () =>
    withWorld(version, {}, async world => {
      const scene = await sceneFor(world, `"${token.line}"`)
      const keyid = `SHA256:${Buffer.from(sha256(token.blob), 'hex').toString('base64').replace('=', '')}`
      const sign = async (message: Uint8Array) => {
        const digest = Buffer.from(sha256(message), 'hex')
        const signature = token.sign(sshSignedData('nixsig', 'sha256', digest), 0)
        return printSshSignatureBlob({ keyBlob: token.blob, namespace: 'nixsig', hash: 'sha256', signature })
      }
      publish(world, scene.drv, await packagedBy({ keyid, sign }, scene.contents))
      await assertRefusedBeforeBuild(
        world,
        scene.out,
        /does not verify \(.*does not say that anybody touched it/,
      )
    }))

  for (const [what, sign, reason] of [
    [
      "another key's signature under the packager's fingerprint",
      (message: Uint8Array) => detached(gnupg.makeKey(`mallory${version}`), message),
      /found a signature that does not verify/,
    ],
    [
      'a signature by SHA-1',
      (message: Uint8Array) => detached(openpgpKey(), message, ['--digest-algo', 'SHA1']),
      /found a signature that does not verify \(.*SHA-1, which is broken/,
    ],
    [
      'a signature over another statement',
      () => detached(openpgpKey(), Buffer.from('DSSEv1 0  0 ')),
      /found a signature that does not verify/,
    ],
  ] as const) {
    test(`${version}: attack: OpenPGP, ${what}`, () =>
      withWorld(version, {}, async world => {
        const scene = await sceneFor(world, listed(world, openpgpKey()))
        const keyid = openpgpKey()
        const line = await packagedBy({ keyid, sign: async message => sign(message) }, scene.contents)
        publish(world, scene.drv, line)
        await assertRefusedBeforeBuild(world, scene.out, reason)
      }))
  }

  test(`${version}: an OpenPGP key that ended since it signed a source is refused, unless the policy takes it`, () =>
    withWorld(version, {}, async world => {
      const past = gnupg.makeKey(`past${version}`, { at: '20200101T000000', expire: '1y' })
      const policy = (rest: string) =>
        policyText({ packager: [listed(world, past)] }, byDefault('packager', 'nothing', 'self') + rest)
      await setPolicy(world, policy(''))
      world.write('/srv/tool.tar', 'old\n')
      const { out } = await instantiate(
        world,
        nix.fetchurl('tool.tar', 'file:///srv/tool.tar', sha256('old\n')),
      )
      const narHash = (await world.output('nix-store --dump /srv/tool.tar | sha256sum')).slice(0, 64)
      const sign = async (message: Uint8Array) => detached(past, message, [], '20200601T000000')
      publish(world, out, await packagedBy({ keyid: past, sign }, { path: out, narHash }))
      await assertRefusedBeforeBuild(world, out, /ended 2020-12-31, after this was signed \(2020-06-01/)
      await setPolicy(world, policy('accept-expired-key = "if-signed-before"\n'))
      await assertBuilt(world)
    }))
}

function detached(
  fingerprint: string,
  message: Uint8Array,
  args: readonly string[] = [],
  at?: string,
): Uint8Array {
  const file = join(dir, 'message')
  writeFileSync(file, message)
  return new Uint8Array(gnupg.sign(file, fingerprint, args, at))
}
