// The pages of docs/how-to for those who sign, run as they are written.
// needs: debian-sources
// takes: 1 minute
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, runAll, testPage, theRelease, usePolicy } from '../docs/page.ts'
import { everyBlockWasRun } from '../docs/ran.ts'
import { serveDirectory } from '../support/static-server.ts'
import { byDefault } from '../support/trust.ts'
import type { World } from '../support/world.ts'

const GPG = 'gpg --batch --quiet --pinentry-mode loopback --passphrase ""'

/** Somebody with an OpenPGP key, whose certificate is in dev.asc. */
async function withOpenPgp(world: World): Promise<void> {
  await world.output(`${GPG} --quick-generate-key dev@example.org ed25519 sign never
    gpg --armor --export dev@example.org >dev.asc`)
}

/**
 * Makes a tool's keys, then has the section sign and check; what was changed afterwards is not good
 * any longer.
 */
function signs(prepare: string): Check {
  return async (world, { commands }) => {
    world.write('/root/hello-1.0.tar', 'released\n')
    world.write('/root/other-1.0.tar', 'released as well\n')
    await world.output(prepare)
    await runAll(
      world,
      commands.map(each => ({ ...each, script: `export COSIGN_PASSWORD=\n${each.script}` })),
    )
    const check = commands
      .map(({ script }) => /^nixsig .*$/m.exec(script)?.[0])
      .find(line => line !== undefined)
    world.write('/root/hello-1.0.tar', 'Released\n')
    assert.equal((await world.run(check ?? '')).status, 13)
  }
}

const openPgp = `${GPG} --quick-generate-key dev@example.org ed25519 sign never
gpg --armor --export dev@example.org >dev.asc`

const DEVELOPER: Readonly<Record<string, Check>> = {
  'Sign with OpenPGP': signs(openPgp),
  'Sign with minisign': signs('minisign -G -W -p dev.pub -s dev.key'),
  'Sign with signify': signs('signify-openbsd -G -n -p dev.pub -s dev.sec'),
  'Sign with an SSH key': signs('ssh-keygen -q -t ed25519 -N "" -f dev'),
  'Sign with cosign': signs('COSIGN_PASSWORD= cosign generate-key-pair'),
  'Sign many files at once': signs(openPgp),

  'Sign a tag': async (world, { commands }) => {
    await withOpenPgp(world)
    await world.output(`git init -q repository; cd repository; git config user.name Dev
      git config user.email dev@example.org; git config user.signingKey dev@example.org
      git commit -q --allow-empty -m Release`)
    await runAll(
      world,
      commands.map(each => ({ ...each, script: `cd repository\n${each.script}` })),
    )
    await world.output('git -C repository verify-tag v1.0')
  },
}

testPage('docs/how-to/developer.md', DEVELOPER)

testPage('docs/how-to/packager.md', {
  'Hand a package off': async (world, { commands }) => {
    theRelease(world)
    await runAll(world, commands)
  },

  'Keep the developers whom you know in a policy': async (world, { commands, policy }) => {
    theRelease(world)
    await world.output('cp libmd.asc libmd.nix /home/alice/; chown -R alice: /home/alice; chmod 644 /srv/*')
    await world.startDaemon()
    world.write('/home/alice/.config/nixsig/policy.toml', policy())
    await world.output('chown -R alice: /home/alice')
    await runAll(world, commands, { user: 'alice' })
  },

  "Let the package name its developer's signature": async (world, { commands, policy }) => {
    world.write('/root/nixsig.nix', readFileSync(join(PROJECT_ROOT, 'nix/lib.nix')))
    world.write('/root/hello-1.0.tar', 'released\n')
    await world.output('minisign -G -W -p dev.pub -s dev.key; minisign -S -W -s dev.key -m hello-1.0.tar')
    const server = await serveDirectory(world.path('/root'))
    try {
      const here = commands.map(({ script, ...rest }) => ({
        ...rest,
        script: script.replaceAll('https://example.org', server.url),
      }))
      usePolicy(world, policy())
      const [{ script } = assert.fail()] = here
      const refused = await world.run(script)
      assert.match(refused.stderr, /needs alice as developer/)
      const key = world.read('/root/dev.pub').split('\n')[1] ?? ''
      usePolicy(world, policy().replace(/minisign:[\w+/=]+/, `minisign:${key}`))
      await runAll(world, here)
    } finally {
      await server.close()
    }
  },

  'Vouch for a single source': async (world, { commands }) => {
    theRelease(world)
    world.write('/root/hello-1.tar', 'no upstream signs this')
    await world.output('nixsig keygen bob-1')
    await runAll(world, commands)
  },

  'Vouch for a git checkout': async (world, { commands }) => {
    await withOpenPgp(world)
    await world.output(`nixsig keygen bob-1; mkdir tree; echo hello >tree/file; git init -q repository; cd repository
      git config user.name Dev; git config user.email dev@example.org; git config user.signingKey dev@example.org
      cp ../tree/file .; git add file; git commit -q -m Release; git tag -s v1.0 -m Release`)
    await runAll(world, commands)
  },

  'Vouch for everything under a derivation': async (world, { commands, policy }) => {
    await world.output('nixsig keygen bob-1')
    await runAll(world, commands)
    usePolicy(world, policy())
    assert.match((await world.run('nix-build hello.nix')).stderr, /found no signature/)
    await world.output('cp -r published/. /etc/nixsig/attestations/; nix-build hello.nix')
    assert.match(await world.output('nixsig verify ./result'), /this machine$/)
  },

  'Keep your key in an agent': async (world, { commands }) => {
    await world.output(`ssh-keygen -q -t ed25519 -N "" -f bob
      ${GPG} --quick-generate-key bob@example.org ed25519 sign never`)
    const agent = [
      'eval "$(ssh-agent)" >/dev/null',
      "trap 'ssh-agent -k >/dev/null' EXIT",
      'ssh-add -q bob',
      '',
    ]
    await runAll(
      world,
      commands.map(each => ({ ...each, script: agent.join('\n') + each.script })),
    )
    const [line = '', another = ''] = (await world.output('cat published/*/*.jsonl')).split('\n')
    assert.match(line, /"keyid":"SHA256:/)
    assert.match(another, /"keyid":"[0-9A-F]{40}"/)
  },

  'Publish what you attested': async (world, { commands }) => {
    await world.output(`nixsig keygen bob-1; nixsig attest source "$(nix-store --add hello.txt)" --as reviewer \
      --key bob-1.secret --out published`)
    await runAll(world, commands)
    await world.output('test -s public/bob/index')
  },
})

testPage('docs/how-to/reviewer.md', {
  'Say that you read a source': (world, { commands }) => runAll(world, commands),

  'Say that you read a derivation': async (world, { commands }) => {
    await world.output('nixsig keygen carol-1')
    await runAll(world, commands)
  },
})

testPage('docs/how-to/builder.md', {
  'Publish what a machine builds': async (world, { commands }) => {
    usePolicy(world, byDefault('nothing', 'nothing', 'self'))
    await world.output('nix-build hello.nix')
    await runAll(world, commands)
  },

  'Sign by hand': async (world, { commands }) => {
    await world.output("nix-build --option pre-build-hook '' --option post-build-hook '' hello.nix")
    await runAll(world, commands)
  },

  'Reproduce what others built': async (world, { commands }) => {
    usePolicy(world, byDefault('nothing', 'nothing', 'self'))
    await world.output("nix-build --option pre-build-hook '' --option post-build-hook '' hello.nix")
    await runAll(world, commands)
  },

  'Carry Nix signatures over': async (world, { commands }) => {
    await world.output(`nix-build --option pre-build-hook '' --option post-build-hook '' hello.nix
      nix-store --generate-binary-cache-key cache-1 cache.secret cache.pub`)
    await runAll(world, commands)
  },
})

everyBlockWasRun('e2e/how-to-roles')
