// docs/how-to/user.md, run as it is written.
// needs: debian-sources
// takes: 1 minute
import assert from 'node:assert/strict'
import { type Check, POLICY, PUBLISHED, runAll, testPage, theRelease, usePolicy } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import * as nix from '../support/expressions.ts'
import { serveDirectory } from '../support/static-server.ts'
import { built, byDefault, policyText, publish, sha256, signer } from '../support/trust.ts'
import type { World } from '../support/world.ts'

/** Bob's word on hello.txt, with which the package is built and admitted. */
async function buildSigned(world: World): Promise<void> {
  await world.output('nixsig keygen bob-1')
  usePolicy(world, '')
  await world.output(`nixsig attest source "$(nix-store --add hello.txt)" --as developer --purl pkg:generic/hello@1 \
    --key bob-1.secret --out ${PUBLISHED}`)
  await world.output('nix-build hello.nix')
}

const CHECKS: Readonly<Record<string, Check>> = {
  'See what a path stands on': async (world, { commands }) => {
    await buildSigned(world)
    await runAll(world, commands)
  },

  'Trust a developer': async (world, { commands, policy }) => {
    theRelease(world)
    await runAll(world, commands.slice(0, 2))
    usePolicy(world, policy())
    assert.match((await world.run('nix-build libmd.nix')).stderr, /needs guillem as developer/)
    await runAll(world, commands.slice(2))
    await world.output('nix-build libmd.nix')
    assert.match(await world.output('nixsig verify ./result'), /^trusted .*"libmd, as its.*guillem$/)
  },

  'Trust another builder': async (world, { commands, policy }) => {
    usePolicy(world, byDefault('nothing', 'nothing', 'self'))
    await world.output('nixsig keygen workshop-1; nix-build hello.nix')
    await runAll(world, commands.slice(0, 1))
    // What the first build left is the workshop's from here on, and this machine has built nothing
    // yet.
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

  'Start with a store that came from a public cache': async (world, { commands, policy }) => {
    await world.output('nix-store --generate-binary-cache-key cache.nixos.org-1 secret cache.nixos.org-1.pub')
    world.write('/root/older.nix', nix.derivation('older'))
    const noHooks = "--option pre-build-hook '' --option post-build-hook ''"
    await world.output(`nix-build ${noHooks} -o built-before older.nix
      nix-build ${noHooks} hello.nix; out=$(readlink result); rm result
      nix --extra-experimental-features nix-command copy --to "file:///srv/cache?secret-key=/root/secret" $out
      drv=$(nix-store -q --deriver $out); nix-store --delete $out $drv
      nix --extra-experimental-features nix-command copy --from file:///srv/cache --option trusted-public-keys "$(cat cache.nixos.org-1.pub)" $out
      ln -s $out from-cache`)
    usePolicy(world, '')
    assert.notEqual((await world.run('nixsig verify ./from-cache')).status, 0)
    usePolicy(world, policy())
    await runAll(world, commands)
  },

  'Revoke a key': async (world, { commands, policy }) => {
    await buildSigned(world)
    await world.output('nixsig keygen bob-2')
    await world.output('nixsig verify ./result')
    usePolicy(world, policy())
    await runAll(world, commands)
  },

  'Exempt something until a date': async (world, { commands, policy }) => {
    usePolicy(world, '')
    assert.notEqual((await world.run('nix-build hello.nix')).status, 0)
    usePolicy(world, policy().replace(/^until = .*$/m, 'until = 2999-12-31'))
    await runAll(world, commands)
    usePolicy(world, policy().replace(/^until = .*$/m, 'until = 2020-12-31'))
    assert.notEqual((await world.run('nixsig verify ./result')).status, 0)
  },

  'Look into the quarantine': async (world, { commands }) => {
    const other = signer('other')
    const rest = byDefault('nothing', 'nothing', 'self')
    world.write(POLICY, policyText({ other: [other] }, rest))
    const drv = await world.output('nix-instantiate hello.nix')
    const path = await world.output(`nix-store -q --outputs ${drv}`)
    publish(world, path, built(other, { path, narHash: sha256('other contents') }, drv))
    assert.notEqual((await world.run('nix-build hello.nix')).status, 0)
    await runAll(world, commands.slice(0, 1))
    await world.output(`rm -r ${PUBLISHED}/*`)
    await runAll(world, commands.slice(1))
  },

  'Warn first': async (world, { commands }) => {
    usePolicy(world, '')
    assert.notEqual((await world.run('nix-build hello.nix')).status, 0)
    await runAll(world, commands)
    assert.equal(await world.output('ls /var/lib/nixsig/attestations 2>/dev/null || true'), '')
    assert.match(world.read(POLICY), /^mode = "enforce"$/m)
  },

  'After a loss of power': async (world, { commands }) => {
    usePolicy(world, byDefault('nothing', 'nothing', 'self'))
    await world.output("nix-build hello.nix --option post-build-hook ''")
    await runAll(world, commands)
    assert.equal(await world.output('ls /var/lib/nixsig/expected'), '')
    await world.output('nixsig verify ./result')
  },

  'Collect attestations from an address': async (world, { commands, policy }) => {
    await world.output(`nixsig keygen bob-1; nixsig attest source "$(nix-store --add hello.txt)" --as reviewer \
      --key bob-1.secret --out published; nixsig publish --from published --to public --as bob`)
    const server = await serveDirectory(world.path('/root/public'))
    const here = (text: string) => text.replaceAll('https://example.org', server.url)
    usePolicy(world, here(policy()))
    const answers = commands.map(({ answer, ...rest }) => ({
      ...rest,
      answer: answer.map(({ source }) => new RegExp(source.replace(/https:.*?example\\\.org/, server.url))),
    }))
    await runAll(world, answers)
    await server.close()
    await world.output('nix-build hello.nix')
    usePolicy(
      world,
      here(policy()).replace(/sources = \["(.*)"\]/, 'sources = [{ url = "$1", max-age = 0 }]'),
    )
    assert.match((await world.run('nixsig verify ./result')).stdout, /undecided .*\/bob/s)
  },

  'Make a list from allowed_signers': async (world, { commands }) => {
    await world.output('ssh-keygen -q -t ed25519 -N "" -f key')
    world.write('/root/allowed_signers', `alice@example.org ${world.read('/root/key.pub')}`)
    await runAll(world, commands)
    usePolicy(world, world.read('/root/draft.toml'))
    await world.output('nixsig policy check')
    assert.match(await world.output('nixsig export allowed-signers'), /^alice@example\.org .*ssh-ed25519 /m)
  },
}

testPage('docs/how-to/user.md', CHECKS)

everyBlockWasRun('e2e/how-to-user')
