// What a command says that it reads (--policy, --state, --attestations) it does read: it looks at the file or below the
// directory that is named.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { documentedCommands } from '../../src/cli/reference.ts'
import * as nix from '../support/expressions.ts'
import { byDefault, policyText, signer } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

/** Names of files by the calls of Node that got them, in the file that TRACED names. */
const TRACE = `const fs = require('node:fs')
const append = fs.appendFileSync
for (const owner of [fs, fs.promises]) {
  for (const name of Object.keys(owner)) {
    const original = owner[name]
    if (typeof original !== 'function' || !/^[a-z]/.test(name)) continue
    owner[name] = Object.assign(function (...args) {
      if (typeof args[0] === 'string') append(process.env.TRACED, args[0] + '\\n')
      return original.apply(this, args)
    }, original)
  }
}
`
const OWN = { policy: '/srv/own/policy.toml', state: '/srv/own/state', attestations: '/srv/own/attestations' }
const REPOSITORY = '/srv/repository'
const ID = '0'.repeat(40)

/** A call of each command that reads something, such that it gets to what it reads. */
const CALLS: Readonly<Record<string, (out: string) => string>> = {
  adopt: out => `${out} --dry-run`,
  'machine-keys': () => '',
  'attest source': out => `${out} --signature /srv/x.nix --key /root/key.secret`,
  'attest output': out => `${out} --key /root/key.secret`,
  reproduce: out => `${out} --key /root/key.secret`,
  handoff: () => '$(nix-instantiate /srv/x.nix) --check-only',
  approve: () => `${REPOSITORY} --file x.nix --here --yes`,
  verify: out => out,
  explain: out => out,
  'git verify': () => REPOSITORY,
  'git status': () => REPOSITORY,
  'git diff': () => REPOSITORY,
  'git authenticate': () =>
    `${REPOSITORY} --semantics sequoia-git --introduction $(git -C ${REPOSITORY} rev-parse HEAD) --require self`,
  'lock verify': () => REPOSITORY,
  'lock update': () => `lib ${REPOSITORY}`,
  serve: () => '--socket /srv/socket',
  sync: () => '',
  'policy check': () => '',
  'policy describe': () => '',
  'quarantine list': () => '',
  'quarantine show': () => '20260101T000000Z-0',
  'quarantine release': () => '20260101T000000Z-0',
  'quarantine purge': () => '--older-than 1',
  'conflicts list': () => '',
  'conflicts withdraw': out => out,
  'export allowed-signers': () => '',
  doctor: () => '',
}

async function prepare(world: World): Promise<string> {
  world.write('/srv/trace.cjs', TRACE)
  world.write('/srv/x.nix', nix.derivation('x'))
  const policy = policyText({ someone: [signer('someone')] }, byDefault('someone', 'nothing', 'nothing'))
  world.write(
    OWN.policy,
    `${policy}\n[attestations]\nsources = [{ url = "https://127.0.0.1:9/", keys = ["${signer('s').publicKey}"] }]\n`,
  )
  await world.output(`mkdir -p ${OWN.state} ${OWN.attestations} && nixsig keygen key --out /root`)
  const lock = {
    locked: { type: 'git', url: `file://${REPOSITORY}`, rev: ID, narHash: `sha256-${'A'.repeat(43)}=` },
  }
  const nodes = {
    root: { inputs: { lib: 'lib' } },
    lib: { ...lock, original: { type: 'git', url: 'file:///srv' } },
  }
  world.write(`${REPOSITORY}/flake.lock`, JSON.stringify({ nodes, root: 'root', version: 7 }))
  world.write(`${REPOSITORY}/flake.nix`, '{ inputs.lib.url = "git+file:///srv"; outputs = _: { }; }')
  world.write(`${REPOSITORY}/x.nix`, nix.derivation('x'))
  const git = `git -C ${REPOSITORY} -c user.name=a -c user.email=a@b.org`
  await world.output(`${git} init -q && ${git} add . && ${git} commit -qm first`)
  return world.output('nix-build --no-out-link /srv/x.nix')
}

for (const version of NEWEST) {
  test(`${version}: every place that a command says it reads is read`, () =>
    withWorld(version, { hooks: false }, async world => {
      await world.output('ln -sf /opt/nixsig/nixsig /usr/local/bin/nixsig')
      const out = await prepare(world)
      const problems: string[] = []
      for (const { entry, command } of await documentedCommands()) {
        if (command.reads.length === 0) continue
        const words = CALLS[entry.name]
        assert.ok(words, `there is no call of nixsig ${entry.name} in this test`)
        const places = command.reads.map(name => `--${name} ${OWN[name]}`).join(' ')
        const line = `rm -f /srv/traced; timeout 20 nixsig ${entry.name} ${words(out)} ${places}`
        const env = { NODE_OPTIONS: '--require /srv/trace.cjs', TRACED: '/srv/traced' }
        const { stdout, stderr } = await world.run(line, { env, timeout: 60_000 })
        const names = world.exists('/srv/traced') ? world.read('/srv/traced').split('\n') : []
        for (const name of command.reads) {
          const isRead = names.some(file => file === OWN[name] || file.startsWith(`${OWN[name]}/`))
          if (!isRead) problems.push(`${entry.name} does not read --${name}: ${stdout}${stderr}`)
        }
      }
      assert.deepEqual(problems, [])
    }))
}
