// The commands of the documentation, run as they stand there, in the order in which they stand there.
import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Commands, commandsOf, exampleOf } from '../docs/markdown.ts'
import { completePolicy } from '../docs/policies.ts'
import { debianSource } from '../support/debian-source.ts'
import * as nix from '../support/expressions.ts'
import { built, byDefault, policyText, publish, sha256, signer } from '../support/trust.ts'
import { VERSIONS, type World, withWorld } from '../support/world.ts'

/** Runs them one after the other as root, each in a shell of its own in root's home. */
async function runAll(world: World, commands: readonly Commands[]): Promise<void> {
  assert.ok(commands.length > 0)
  for (const { section, script, refused, answer } of commands) {
    const { status, stdout, stderr } = await world.run(`set -e\n${script}`)
    const said = `${stdout}${stderr}`
    assert.equal(status !== 0, refused, `"${section}": ${script}\nended with ${status}:\n${said}`)
    for (const line of answer) assert.match(said, line, `"${section}": ${script}`)
  }
}

for (const version of VERSIONS) {
  const asDebianShipsIt = { sandbox: 'false', 'sandbox-fallback': 'true', 'sandbox-paths': '' }
  test(`${version}: docs/getting-started.md, from nothing to a build`, () =>
    withWorld(version, { hooks: false, nixConf: asDebianShipsIt }, async world => {
      cpSync(join(PROJECT_ROOT, 'dist'), world.path('/root/dist'), { recursive: true })
      await runAll(world, commandsOf('docs/getting-started.md'))
    }))
}

const HOW_TO = 'docs/how-to.md'
const POLICY = '/etc/nixsig/policy.toml'
const PUBLISHED = '/etc/nixsig/attestations'
const HELLO = nix.derivation('hello', {
  inputs: ['./hello.txt'],
  build: 'read line <$inputs; echo "$line, world" >$out',
})

/** A machine as docs/getting-started.md leaves it: the command in the PATH, a package, keys, and a policy. */
async function settledIn(world: World): Promise<void> {
  await world.output(`ln -s /opt/nixsig/nixsig /usr/local/bin/nixsig; mkdir -p ${PUBLISHED}`)
  world.write('/root/hello.txt', 'hello\n')
  world.write('/root/hello.nix', HELLO)
}

/** Puts the policy that a section shows into force, with the keys that the world really has in place of the page's. */
function usePolicy(world: World, toml: string): void {
  const real = completePolicy(toml).replace(/"([\w.-]+):[\w+/]{43}="/g, (shown, name: string) => {
    const file = `/root/${name}.pub`
    return world.exists(file) ? `"${world.read(file).trim()}"` : shown
  })
  world.write(POLICY, real)
}

const section = (title: string) => ({
  commands: commandsOf(HOW_TO, title),
  policy: () => exampleOf(HOW_TO, title, 'toml'),
})

function theRelease(world: World): void {
  const { version, tarball, signature, certificate } = debianSource('libmd')
  assert.equal(version, '1.0.4')
  world.write('/root/libmd.asc', readFileSync(certificate))
  world.write('/root/libmd-1.0.4.tar.xz', readFileSync(tarball))
  world.write('/root/libmd-1.0.4.tar.xz.asc', readFileSync(signature))
  world.write('/srv/libmd.tar.xz', readFileSync(tarball))
  const hash = sha256(readFileSync(tarball))
  world.write('/root/libmd.nix', nix.fetchurl('libmd-1.0.4.tar.xz', 'file:///srv/libmd.tar.xz', hash))
}

/** Bob's word on hello.txt, with which the package is built and admitted. */
async function buildSigned(world: World): Promise<void> {
  await world.output('nixsig keygen bob-1')
  usePolicy(world, '')
  await world.output(`nixsig attest source "$(nix-store --add hello.txt)" --as developer --purl pkg:generic/hello@1 \
    --key bob-1.secret --out ${PUBLISHED}`)
  await world.output('nix-build hello.nix')
}

const SECTIONS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'Trust a developer': async world => {
    theRelease(world)
    const { commands, policy } = section('Trust a developer')
    await runAll(world, commands.slice(0, 2))
    usePolicy(world, policy())
    assert.match((await world.run('nix-build libmd.nix')).stderr, /needs guillem as developer/)
    await runAll(world, commands.slice(2))
    await world.output('nix-build libmd.nix')
    assert.match(await world.output('nixsig verify ./result'), /^trusted .*"libmd, as its.*guillem$/)
  },

  'Hand a source off as a packager': async world => {
    theRelease(world)
    world.write('/root/hello-1.tar', 'no upstream signs this')
    const { commands, policy } = section('Hand a source off as a packager')
    await runAll(world, commands)
    usePolicy(world, policy())
    await world.output('nix-build hello.nix')
    assert.match(await world.output('nixsig verify ./result'), /this machine$/)
  },

  'Trust another builder': async world => {
    usePolicy(world, byDefault('nothing', 'nothing', 'self'))
    await world.output('nixsig keygen workshop-1; nix-build hello.nix')
    const { commands, policy } = section('Trust another builder')
    await runAll(world, commands.slice(0, 1))
    // What the first build left is the workshop's from here on, and this machine has built nothing yet.
    await world.output(`mkdir -p /mnt/workshop; mv /var/lib/nixsig/attestations /mnt/workshop/
      mv /var/lib/nixsig/machine.pub /root/workshop-1.pub; rm -r /var/lib/nixsig
      out=$(readlink result); rm result; nix-store --delete $out`)
    usePolicy(world, policy())
    await world.output('mkdir /etc/nixsig/from-workshop')
    assert.match(
      (await world.run('nix-build hello.nix')).stderr,
      /needs 2 of 3 builders for its output, found 1/,
    )
    await runAll(world, commands.slice(1))
  },

  'Start with a store that came from a public cache': async world => {
    const { commands, policy } = section('Start with a store that came from a public cache')
    await world.output('nix-store --generate-binary-cache-key cache.nixos.org-1 secret cache.nixos.org-1.pub')
    world.write('/root/older.nix', nix.derivation('older'))
    const noHooks = "--option pre-build-hook '' --option post-build-hook ''"
    await world.output(`nix-build ${noHooks} -o built-before older.nix
      nix-build ${noHooks} hello.nix; out=$(readlink result); rm result
      nix copy --to "file:///srv/cache?secret-key=/root/secret" $out
      drv=$(nix-store -q --deriver $out); nix-store --delete $out $drv
      nix copy --from file:///srv/cache --option trusted-public-keys "$(cat cache.nixos.org-1.pub)" $out
      ln -s $out from-cache`)
    usePolicy(world, '')
    assert.notEqual((await world.run('nixsig verify ./from-cache')).status, 0)
    usePolicy(world, policy())
    await runAll(world, commands)
  },

  'Revoke a key': async world => {
    await buildSigned(world)
    await world.output('nixsig keygen bob-2')
    const { commands, policy } = section('Revoke a key')
    await world.output('nixsig verify ./result')
    usePolicy(world, policy())
    await runAll(world, commands)
  },

  'Exempt something until a date': async world => {
    const { commands, policy } = section('Exempt something until a date')
    usePolicy(world, '')
    assert.notEqual((await world.run('nix-build hello.nix')).status, 0)
    usePolicy(world, policy().replace(/^until = .*$/m, 'until = 2999-12-31'))
    await runAll(world, commands)
    usePolicy(world, policy().replace(/^until = .*$/m, 'until = 2020-12-31'))
    assert.notEqual((await world.run('nixsig verify ./result')).status, 0)
  },

  'Look into the quarantine': async world => {
    const other = signer('other')
    const rest = byDefault('nothing', 'nothing', 'self')
    world.write(POLICY, policyText({ other: [other] }, rest))
    const drv = await world.output('nix-instantiate hello.nix')
    const path = await world.output(`nix-store -q --outputs ${drv}`)
    publish(world, path, built(other, { path, narHash: sha256('other contents') }, drv))
    assert.notEqual((await world.run('nix-build hello.nix')).status, 0)
    const { commands } = section('Look into the quarantine')
    await runAll(world, commands.slice(0, 1))
    await world.output(`rm -r ${PUBLISHED}/*`)
    await runAll(world, commands.slice(1))
  },

  'Warn first': async world => {
    usePolicy(world, '')
    assert.notEqual((await world.run('nix-build hello.nix')).status, 0)
    const { commands } = section('Warn first')
    await runAll(world, commands)
    assert.equal(await world.output('ls /var/lib/nixsig/attestations 2>/dev/null || true'), '')
    assert.match(world.read(POLICY), /^mode = "enforce"$/m)
  },

  'After a loss of power': async world => {
    usePolicy(world, byDefault('nothing', 'nothing', 'self'))
    await world.output("nix-build hello.nix --option post-build-hook ''")
    const { commands } = section('After a loss of power')
    await runAll(world, commands)
    assert.equal(await world.output('ls /var/lib/nixsig/expected'), '')
    await world.output('nixsig verify ./result')
  },
}

for (const [title, check] of Object.entries(SECTIONS)) {
  test(`docs/how-to.md: ${title}`, () =>
    withWorld('bookworm', {}, async world => {
      await settledIn(world)
      await check(world)
    }))
}

test('every section of docs/how-to.md with commands is run', () => {
  const titles = new Set(commandsOf(HOW_TO).map(({ section }) => section))
  assert.deepEqual([...titles].sort(), Object.keys(SECTIONS).sort())
})

test('docs/attestations.md: cosign verifies what bob attested', () =>
  withWorld('sid', {}, async world => {
    await settledIn(world)
    await world.output(`nixsig keygen bob-1; nixsig attest source "$(nix-store --add hello.txt)" --as reviewer \
      --key bob-1.secret --out published`)
    const commands = commandsOf('docs/attestations.md', 'Verified by cosign')
    await runAll(world, commands)
    world.write('/root/other.txt', 'other\n')
    const [, verify] = commands
    const other = verify?.script.replace('--dump "$path"', '--dump "$(nix-store --add other.txt)"') ?? ''
    const { status, stderr } = await world.run(other)
    assert.notEqual(status, 0)
    assert.match(stderr, /no matching subject digest found/)
  }))
