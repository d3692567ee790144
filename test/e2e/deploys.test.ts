// Deploys over a real sshd: what nixos-rebuild, deploy-rs, colmena, nixos-anywhere and a pull run,
// with exactly their commands, as root and as a deploy user. docs/how-to/deploy.md says the rest.
// takes: 1 minute
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { printNixSecretKey } from '../../src/formats/nix/nix-key.ts'
import { BUILDER as COPIER, closure, OTHER, withCopies } from '../support/copied-worlds.ts'
import * as nix from '../support/expressions.ts'
import { BUILDER, type GuardedWorld, withGuardedWorld } from '../support/guarded-world.ts'
import { type Sshd, startSshd } from '../support/sshd.ts'
import { EVERY_VERSION, NEWEST, type Outcome, type Version } from '../support/world.ts'

const HOST = '127.0.0.1'
const PROFILE = '/nix/var/nix/profiles/system'
const UNATTESTED = /nixsig: refused \S+ \(output\)[^\n]*needs (1 of 2 )?makers for its output/

interface Deploys extends GuardedWorld {
  readonly sshd: Sshd
  /** Makes a system on the machine that builds; returns its path. */
  system(name: string): Promise<string>
  /** Has the builder sign a system with everything that it refers to. */
  sign(path: string): Promise<void>
  /** Runs a command on the machine that builds. */
  there(command: string): Promise<Outcome>
}

async function withDeploys(version: Version, use: (deploys: Deploys) => Promise<void>): Promise<void> {
  await withGuardedWorld(version, async guarded => {
    const { world, elsewhere } = guarded
    await world.output('rm /usr/local/bin/ssh')
    const sshd = await startSshd(world)
    const there = (command: string) =>
      world.run(command, { env: { ...elsewhere.env, NIX_SSHOPTS: sshd.options } })
    world.write('/root/builder.key', `${printNixSecretKey(BUILDER.key)}\n`, 0o400)
    try {
      await use({
        ...guarded,
        sshd,
        there,
        async system(name) {
          world.write(`/srv/${name}.nix`, system(name))
          const { status, stdout, stderr } = await there(`nix-build --no-out-link /srv/${name}.nix`)
          assert.equal(status, 0, stderr)
          return stdout.trim()
        },
        async sign(path) {
          const { status, stderr } = await there(`nix store sign -r -k /root/builder.key ${path}`)
          assert.equal(status, 0, stderr)
        },
      })
    } finally {
      sshd.close()
    }
  })
}

/** What a deploy switches to, and something that it refers to. */
function system(name: string): string {
  const script = `printf '#!/bin/sh\\necho "$1" ${name} by $(id -un) >>/srv/switched\\n# %s\\n' $inputs`
  const build = `mkdir -p $out/bin; ${script} >$out/bin/switch-to-configuration; chmod +x $out/bin/*`
  return nix.derivation(`nixos-system-${name}`, { build, inputs: [nix.derivation(`part-of-${name}`)] })
}

/** Activates as these tools do; asserts that the machine runs the system then. */
async function activates({ world, sshd }: Deploys, path: string, as: 'root' | 'sudo'): Promise<void> {
  const ssh = as === 'root' ? sshd.as('root') : `${sshd.as('alice')} sudo`
  await world.output(`${ssh} nix-env -p ${PROFILE} --set ${path}`)
  await world.output(`${ssh} ${path}/bin/switch-to-configuration switch`)
  const [, name = ''] = /-nixos-system-(.*)$/.exec(path) ?? []
  assert.match(world.read('/srv/switched'), new RegExp(`^switch ${name} by root$`, 'm'))
  assert.equal(await world.output(`readlink -f ${PROFILE}`), path)
}

/** The commands by which these tools copy as root. */
const TOOLS: Readonly<Record<string, (path: string) => string>> = {
  'nixos-rebuild --target-host': path => `nix-copy-closure --to root@${HOST} ${path}`,
  'nixos-rebuild --target-host --use-substitutes': path => `nix-copy-closure -s --to root@${HOST} ${path}`,
  'deploy-rs': path => `nix copy --substitute-on-destination --no-check-sigs --to ssh://root@${HOST} ${path}`,
  colmena: path => `nix-copy-closure --to --gzip --use-substitutes root@${HOST} ${path}`,
  'nix copy by ssh-ng': path => `nix copy --no-check-sigs --to ssh-ng://root@${HOST} ${path}`,
}

for (const version of EVERY_VERSION) {
  test(`${version}: as root: what nobody signed is refused with the reason, what the builder signed is copied and activated`, () =>
    withDeploys(version, async deploys => {
      for (const [tool, command] of Object.entries(TOOLS)) {
        const path = await deploys.system(tool.replaceAll(/[^a-z]+/g, '-'))
        const refused = await deploys.there(command(path))
        assert.notEqual(refused.status, 0, tool)
        // With ssh-ng, Nix 2.8 may close the connection before the reason has come through.
        const isSilent = version === 'bookworm' && tool.includes('ssh-ng')
        assert.match(refused.stderr, isSilent ? /constraint failed/ : UNATTESTED, tool)
        assert.equal(await deploys.isValid(path), false)
        await deploys.sign(path)
        const { status, stderr } = await deploys.there(command(path))
        assert.equal(status, 0, `${tool}: ${stderr}`)
        await activates(deploys, path, 'root')
      }
    }))

  test(`${version}: nixos-anywhere copies a signed system into /mnt, and nothing that is not signed`, () =>
    withDeploys(version, async deploys => {
      const { world, there } = deploys
      const path = await deploys.system('anywhere')
      const to = `ssh://root@${HOST}?remote-store=local%3Froot=%2Fmnt&compress=true`
      const copy = `nix copy --substitute-on-destination --to '${to}' ${path}`
      const refused = await there(copy)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, UNATTESTED)
      await deploys.sign(path)
      const { status, stderr } = await there(copy)
      assert.equal(status, 0, stderr)
      await world.output(`nix-store --store /mnt --check-validity ${path}`)
      // As nixos-install does.
      await world.output(`nix-env --store /mnt -p /mnt${PROFILE} --set ${path}`)
      assert.equal(await deploys.isValid(path), false)
    }))

  test(`${version}: a machine that copies a signed system from the builder itself`, () =>
    withDeploys(version, async deploys => {
      const { world, sshd } = deploys
      const path = await deploys.system('pulled')
      const from = `ssh://root@${HOST}?remote-store=local%3Froot=/srv/elsewhere`
      const pull = () =>
        world.run(`nix copy --no-check-sigs --from '${from}' ${path}`, { env: { NIX_SSHOPTS: sshd.options } })
      assert.match((await pull()).stderr, UNATTESTED)
      await deploys.sign(path)
      const { status, stderr } = await pull()
      assert.equal(status, 0, stderr)
      await activates(deploys, path, 'root')
    }))

  test(`${version}: as a deploy user whom Nix does not trust: refused by Nix when copied, let in through the gate when published`, () =>
    withDeploys(version, async deploys => {
      const { there, world } = deploys
      const path = await deploys.system('by-alice')
      await deploys.sign(path)
      const push = `nix-copy-closure -s --to alice@${HOST} ${path}`
      const refused = await there(push)
      assert.notEqual(refused.status, 0)
      assert.match(refused.stderr, /lacks a (valid )?signature|lacks a signature by a trusted key/)
      assert.equal(await deploys.isValid(path), false)
      await publish(deploys, path)
      const { status, stderr } = await there(push)
      assert.equal(status, 0, stderr)
      await activates(deploys, path, 'sudo')
      // A pull, as system.autoUpgrade ends in: no connection from the builder.
      const next = await deploys.system('upgraded')
      await deploys.sign(next)
      await publish(deploys, next)
      await world.output(`nix-env -p ${PROFILE} --set ${next}`)
      await activates(deploys, next, 'root')
    }))

  test(`${version}: as a deploy user whom Nix trusts: the plugin judges what is copied all the same`, () =>
    withCopies(
      version,
      async ({ world, make, sign, isValid }) => {
        const sshd = await startSshd(world)
        try {
          const app = await make('app', closure('app'))
          const push = () =>
            world.run(`nix copy ${OTHER.replace('--store', '--from')} --to ssh://alice@${HOST} ${app}`, {
              env: { NIX_SSHOPTS: sshd.options },
            })
          assert.notEqual((await push()).status, 0)
          assert.equal(await isValid(app), false)
          await sign(COPIER, ...(await world.output(`nix-store ${OTHER} -qR ${app}`)).split('\n'))
          const { status, stderr } = await push()
          assert.equal(status, 0, stderr)
          assert.ok(await isValid(app))
        } finally {
          sshd.close()
        }
      },
      // This machine may call alice's number by another name.
      { 'trusted-users': '*' },
    ))
}

for (const version of NEWEST) {
  test(`${version}: a copy that is killed in the middle leaves nothing valid, and is finished by the next`, () =>
    withDeploys(version, async deploys => {
      const { there, world } = deploys
      const parts = ['a', 'b', 'c'].map(name =>
        nix.derivation(`large-${name}`, { build: `head -c 40000000 /dev/urandom >$out` }),
      )
      world.write('/srv/large.nix', nix.withInputs('nixos-system-large', parts))
      const { stdout } = await there('nix-build --no-out-link /srv/large.nix')
      const path = stdout.trim()
      await deploys.sign(path)
      const copy = `nix copy --to ssh://root@${HOST} ${path}`
      for (const seconds of [0.2, 0.4, 0.6]) await there(`timeout -s KILL ${seconds} ${copy}`)
      await world.output('nix-store --verify --check-contents')
      const { status, stderr } = await there(copy)
      assert.equal(status, 0, stderr)
      assert.ok(await deploys.isValid(path))
      await world.output('nix-store --verify --check-contents')
    }))
}

/** Publishes a signed system in the cache behind the machine's gate. */
async function publish({ there, world, upstream }: Deploys, path: string): Promise<void> {
  const { status, stderr } = await there(`nix copy --to 'file:///srv/published?compression=none' ${path}`)
  assert.equal(status, 0, stderr)
  const directory = world.path('/srv/published')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    if (/\.nar(info)?$/.test(name)) upstream.files.set(name, readFileSync(join(directory, name)))
}
