// What a command says that it reads (--policy, --state, --attestations) it does read: it looks at
// the file or below the directory that is named.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { documentedCommands } from '../../src/cli/reference.ts'
import { printQuestion } from '../../src/formats/hook-question.ts'
import { finishEntry, writeEntry } from '../../src/quarantine/entries.ts'
import { eventually } from '../support/eventually.ts'
import * as nix from '../support/expressions.ts'
import { byDefault, policyText, setPolicy, signer } from '../support/trust.ts'
import { NEWEST, type World, withWorld } from '../support/world.ts'

/** Names of files by the calls of Node that got them, in the file that TRACED names. */
const TRACE = `const fs = require('node:fs')
const { writeSync } = fs
const file = fs.openSync(process.env.TRACED, 'a')
for (const owner of [fs, fs.promises]) {
  for (const name of Object.keys(owner)) {
    const original = owner[name]
    if (typeof original !== 'function' || !/^[a-z]/.test(name)) continue
    owner[name] = Object.assign(function (...args) {
      if (typeof args[0] === 'string') writeSync(file, args[0] + '\\n')
      return original.apply(this, args)
    }, original)
  }
}
`
const OWN = { policy: '/srv/own/policy.toml', state: '/srv/own/state', attestations: '/srv/own/attestations' }
const REPOSITORY = '/srv/repository'
const LOCKED = '/srv/locked'
const ELSEWHERE = 'https://127.0.0.1:9/lib.git'
const SOCKET = '/srv/socket'
const ID = '0'.repeat(40)

/** A call of each command that reads something, such that it gets to what it reads. */
const CALLS: Readonly<Record<string, (out: string, id: string) => string>> = {
  adopt: out => `${out} --dry-run`,
  'machine-keys': () => '',
  'attest source': out => `${out} --signature /srv/x.nix --key /root/key.secret`,
  'attest output': out => `${out} --key /root/key.secret`,
  reproduce: out => `${out} --key /root/key.secret`,
  handoff: () => '$(nix-instantiate /srv/x.nix) --dry-run',
  approve: () => `${REPOSITORY} --file x.nix --here --yes`,
  audit: out => out,
  log: () => '',
  'log verify': () => '',
  'log checkpoint': () => '',
  status: () => '',
  verify: out => out,
  explain: out => out,
  'git verify': () => REPOSITORY,
  'git status': () => REPOSITORY,
  'git diff': () => REPOSITORY,
  'git authenticate': () =>
    `${REPOSITORY} --semantics sequoia-git --introduction $(git -C ${REPOSITORY} rev-parse HEAD) --require self`,
  'lock verify': () => LOCKED,
  'lock update': () => `lib ${LOCKED}`,
  serve: () => `--socket ${SOCKET}`,
  sync: () => '',
  'policy check': () => '',
  'policy diff': () => `${OWN.policy} ${OWN.policy}`,
  suggest: out => out,
  prune: () => '--dry-run',
  revoke: () => 'someone --reason lost --dry-run',
  'policy describe': out => `--path ${out}`,
  init: () => '--defaults --unsigned refuse --dry-run',
  'quarantine list': () => '',
  'quarantine show': (_, id) => id,
  'quarantine release': (_, id) => id,
  'quarantine purge': () => '--older-than 1',
  'conflicts list': () => '',
  'conflicts withdraw': out => out,
  'export allowed-signers': () => '',
  doctor: () => '',
  'trust subscribe': () => `/srv/list --root ${'0'.repeat(64)} --as house --role developer --yes`,
  'trust list': () => '',
  'trust show': () => 'house',
  'trust diff': () => 'house',
  'trust update': () => '',
  'trust pin': () => 'house',
  'trust unsubscribe': () => 'house --yes',
}

/**
 * What a command reads only where something rests on what it is about: see e2e/revoke and e2e/reach.
 * Those that change subscriptions do so on the machine's own places alone: see e2e/subscribe.
 */
const READS_LATER: Readonly<Record<string, readonly string[]>> = {
  revoke: ['attestations'],
  prune: ['attestations'],
  // With a quorum: see cli/json.
  'log verify': ['policy'],
  'log checkpoint': ['policy'],
  'trust subscribe': ['policy', 'state'],
  'trust list': ['state'],
  'trust show': ['state'],
  'trust diff': ['state'],
  'trust update': ['policy', 'state'],
  'trust pin': ['policy', 'state'],
  'trust unsubscribe': ['policy', 'state'],
}

async function prepare(world: World): Promise<{ readonly out: string; readonly id: string }> {
  world.write('/srv/trace.cjs', TRACE)
  world.write('/srv/x.nix', nix.derivation('x'))
  const policy = policyText({ someone: [signer('someone')] }, byDefault('nothing', 'nothing', 'self'))
  await setPolicy(world, policy)
  world.write(
    OWN.policy,
    `${policy.replace('[attestations]\n', '[attestations]\nsources = ["https://127.0.0.1:9/a"]\n')}
[[inputs]]
url = "file:*"
require = "nothing"
[[inputs]]
url = "*"
require = "someone"
`,
  )
  await world.output(`mkdir -p ${OWN.state} ${OWN.attestations} && /opt/nixsig/nixsig keygen key --out /root`)
  const lock = {
    locked: { type: 'git', url: ELSEWHERE, rev: ID, narHash: `sha256-${'A'.repeat(43)}=` },
  }
  const nodes = {
    root: { inputs: { lib: 'lib' } },
    lib: { ...lock, original: { type: 'git', url: ELSEWHERE } },
  }
  world.write(`${LOCKED}/flake.lock`, JSON.stringify({ nodes, root: 'root', version: 7 }))
  world.write(
    `${LOCKED}/flake.nix`,
    '{ inputs.lib.url = "git+https://127.0.0.1:9/lib.git"; outputs = _: { }; }',
  )
  world.write(
    `${REPOSITORY}/x.nix`,
    'derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; }',
  )
  for (const directory of [REPOSITORY, LOCKED]) {
    const git = `git -C ${directory} -c user.name=a -c user.email=a@b.org`
    await world.output(`${git} init -q && ${git} add . && ${git} commit -qm first`)
  }
  const out = await world.output('nix-build --out-link /root/used /srv/x.nix')
  // As a path from elsewhere: whether it was built here is in the ledger alone.
  await world.output(`nix-store --dump-db ${out} >/srv/rows && nix-store --load-db </srv/rows`)
  return { out, id: await quarantined(world, out) }
}

/** An entry of the quarantine with what is in the store. */
async function quarantined(world: World, out: string): Promise<string> {
  const state = world.path(OWN.state)
  const id = writeEntry(state, {
    path: out,
    narHash: await world.output(`nix-hash --type sha256 ${out}`),
    narSize: 120,
    references: [],
    derivation: await world.output('nix-instantiate /srv/x.nix 2>/dev/null'),
    builtHere: true,
    registered: 1_790_000_000,
    refused: 1_790_000_000,
    outcome: 'untrusted',
    reason: 'refused it',
  })
  await world.output(`cp -a ${out} ${OWN.state}/quarantine/${id}/content`)
  finishEntry(state, id)
  return id
}

/** Has a gate judge a path once it listens: until then it reads no attestations. */
async function askGate(world: World, path: string): Promise<void> {
  const narHash = await world.output(`nix-hash --type sha256 ${path}`)
  await eventually('the gate listens', () => world.exists(SOCKET))
  const connection = connect(world.path(SOCKET))
  connection.end(printQuestion({ kind: 'admit', path, narHash }))
  await new Promise(resolve => connection.resume().once('close', resolve))
}

for (const version of NEWEST) {
  test(`${version}: every place that a command says it reads is read`, () =>
    withWorld(version, {}, async world => {
      const { out, id } = await prepare(world)
      const problems: string[] = []
      for (const { entry, command } of await documentedCommands()) {
        if (command.reads.length === 0) continue
        const words = CALLS[entry.name]
        assert.ok(words, `there is no call of nixsig ${entry.name} in this test`)
        const places = command.reads.map(name => `--${name} ${OWN[name]}`).join(' ')
        const line = `rm -f /srv/traced; timeout 20 /opt/nixsig/nixsig ${entry.name} ${words(out, id)} ${places}`
        const env = { NODE_OPTIONS: '--require /srv/trace.cjs', TRACED: '/srv/traced' }
        const running = world.run(line, { env, timeout: 60_000 })
        if (entry.name === 'serve') await askGate(world, out)
        const { stdout, stderr } = await running
        const names = world.exists('/srv/traced') ? world.read('/srv/traced').split('\n') : []
        const later = READS_LATER[entry.name] ?? []
        for (const name of command.reads.filter(each => !later.includes(each))) {
          const isRead = names.some(file => file === OWN[name] || file.startsWith(`${OWN[name]}/`))
          if (!isRead)
            problems.push(`${entry.name} does not read --${name}: ${`${stdout}${stderr}`.slice(0, 400)}`)
        }
      }
      assert.deepEqual(problems, [])
    }))
}
