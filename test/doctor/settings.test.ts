// Doors about settings: every hole is found in root's own Nix and in the daemon's, and nothing else
// is reported as one.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { known } from '../../src/doctor/door.ts'
import { judgeDoors } from '../../src/doctor/doors.ts'
import type { Facts } from '../../src/doctor/facts.ts'
import { DOOR_NAMES, type DoorName } from '../../src/doctor/wording.ts'
import { parseNixPublicKey } from '../../src/formats/nix/nix-key.ts'
import type { Assignment } from '../../src/nix-config/settings.ts'
import { policyOf } from '../policy/policies.ts'
import { GATE_KEY, holes, judge, OTHER_KEY, view, WELL, withSettings } from './well.ts'

test('on a well-configured machine no door is open, and all are reported', () => {
  assert.deepEqual(holes(WELL), [])
  assert.deepEqual(
    judgeDoors(WELL).map(({ door }) => door),
    DOOR_NAMES,
  )
})

const HOLES: readonly (readonly [door: DoorName, setting: string, value: string, detail: RegExp])[] = [
  ['sandbox', 'sandbox', 'false', /sandbox = false/],
  ['sandbox', 'sandbox', 'relaxed', /sandbox = relaxed/],
  ['sandbox-fallback', 'sandbox-fallback', 'true', /sandbox-fallback = true/],
  ['require-sigs', 'require-sigs', 'false', /require-sigs = false/],
  ['accept-flake-config', 'accept-flake-config', 'true', /accept-flake-config = true/],
  ['experimental-features', 'experimental-features', 'flakes ca-derivations', /has ca-derivations/],
  ['experimental-features', 'experimental-features', 'impure-derivations', /has impure-derivations/],
  ['experimental-features', 'experimental-features', 'dynamic-derivations', /has dynamic-derivations/],
  ['trusted-users', 'trusted-users', 'root alice', /has alice/],
  ['trusted-users', 'trusted-users', '@wheel', /has @wheel/],
  ['trusted-users', 'trusted-users', '*', /has \*/],
  [
    'substituters',
    'substituters',
    'http://127.0.0.1:4649 https://cache.nixos.org',
    /not the gate: https:\/\/cache.nixos.org/,
  ],
  ['substituters', 'substituters', 'http://127.0.0.1:46490', /not the gate/],
  ['substituters', 'substituters', 'http://127.0.0.1:4649@evil.example', /not the gate/],
  ['trusted-substituters', 'trusted-substituters', 'https://a.example', /not the gate: https:\/\/a.example/],
  ['trusted-public-keys', 'trusted-public-keys', OTHER_KEY, /not the gate's key: gate-1:EpTF/],
  ['trusted-public-keys', 'trusted-public-keys', `${GATE_KEY} x`, /not the gate's key: x/],
  ['trusted-stores', 'substituters', 'http://127.0.0.1:4649?trusted=1', /trusted=1/],
  ['trusted-stores', 'store', 'file:///x?compression=none&trusted=true', /trusted=true/],
  ['narinfo-ttl', 'narinfo-cache-positive-ttl', '2592000', /positive-ttl = 2592000/],
  ['narinfo-ttl', 'narinfo-cache-negative-ttl', '3600', /negative-ttl = 3600/],
  ['pre-build-hook', 'pre-build-hook', '', /no pre-build-hook is set/],
  ['pre-build-hook', 'pre-build-hook', '/usr/bin/other', /\/usr\/bin\/other is not nixsig's pre-build-hook/],
  [
    'pre-build-hook',
    'pre-build-hook',
    '/opt/nixsig/native/post-build-hook',
    /is not nixsig's pre-build-hook/,
  ],
  ['post-build-hook', 'post-build-hook', '/opt/open.so', /writable by others/],
  [
    'build-hook',
    'build-hook',
    '/usr/bin/other __build-remote',
    /\/usr\/bin\/other is not nixsig's build-hook/,
  ],
  ['plugin-files', 'plugin-files', '', /plugin-files is empty; without the plugin there is a time in which/],
  ['plugin-files', 'plugin-files', '/usr/bin/other', /none is nixsig's/],
  [
    'plugin-files',
    'plugin-files',
    '/opt/nixsig/native/nixsig-plugin.so /opt/open.so',
    /open.so is writable by others/,
  ],
]

for (const [door, setting, value, detail] of HOLES) {
  test(`${setting} = ${value.slice(0, 60)}: ${door} is open`, () => {
    for (const who of ['both', 'nix-daemon'] as const) {
      const found = judge(door, withSettings({ [setting]: value }, who))
      assert.equal(found.state, 'open')
      assert.match(found.detail, detail)
      assert.equal(found.detail.startsWith('nix-daemon: '), who === 'nix-daemon')
    }
  })
}

const NO_HOLES: readonly (readonly [setting: string, value: string])[] = [
  ['substituters', ''],
  ['substituters', 'http://localhost:4649/?priority=10'],
  ['trusted-public-keys', ''],
  ['trusted-public-keys', GATE_KEY.replace('gate-1', 'other-name')],
  ['trusted-users', ''],
  ['store', 'daemon?trusted=0'],
  ['fallback', 'true'],
  ['allow-import-from-derivation', 'false'],
  ['plugin-files', '/opt/nixsig/native/nixsig-plugin.so /usr/bin/other'],
]

for (const [setting, value] of NO_HOLES) {
  test(`${setting} = ${value}: no hole`, () =>
    assert.deepEqual(holes(withSettings({ [setting]: value })), []))
}

test('attack: a setting cannot control the terminal that shows it', () => {
  const hostile = withSettings({
    substituters: 'http://\u001b[2Jx',
    'trusted-users': '\u202ealice',
    sandbox: '\u001b]0;x',
  })
  assert.doesNotMatch(JSON.stringify(judgeDoors(hostile)), /\\u001b|\u202e/)
})

describe('settings that could not be determined', () => {
  const facts: Facts = {
    ...WELL,
    views: [view('root'), { ...view('nix-daemon'), settings: { problem: 'no answer' } }],
  }

  test('are no better than open ones', () => {
    assert.ok(holes(facts).includes('sandbox unknown'))
    assert.deepEqual(judge('sandbox', facts).detail, 'nix-daemon: no answer')
  })

  test('do not hide a hole that was seen', () => {
    const both: Facts = { ...facts, views: [view('root', { sandbox: 'false' }), ...facts.views.slice(1)] }
    assert.equal(judge('sandbox', both).state, 'open')
  })
})

describe('remote builders', () => {
  const machines: Facts = {
    ...withSettings({ builders: '@/etc/nix/machines' }),
    files: { ...WELL.files, machines: new Map([['/etc/nix/machines', { value: true }]]) },
  }

  test('there are none, where the file lists none', () => {
    assert.equal(judge('builders', WELL).state, 'not applicable')
    assert.equal(judge('builders', withSettings({ builders: '' })).state, 'not applicable')
  })

  test('are closed by the front, which judges first', () => {
    assert.equal(judge('builders', machines).state, 'closed')
    assert.equal(judge('builders', withSettings({ builders: 'ssh://x' })).state, 'closed')
  })

  test('are open without the front', () => {
    const front = { 'build-hook': '/usr/bin/other' }
    assert.equal(judge('builders', withSettings({ builders: 'ssh://x', ...front })).state, 'open')
    const listed = { ...machines, views: withSettings(front).views }
    assert.equal(judge('builders', listed).state, 'open')
  })

  test('a list of them that cannot be read is unknown', () => {
    const unread = { ...WELL.files, machines: new Map([['/etc/nix/machines', { problem: 'denied' }]]) }
    assert.equal(judge('builders', { ...WELL, files: unread }).state, 'unknown')
  })
})

describe('keys with which Nix signs what it builds', () => {
  const bytes = (key: string) => ({ value: parseNixPublicKey(key).publicKey })
  const signing = (key: Parameters<typeof bytes>[0] | undefined): Facts => ({
    ...withSettings({ 'secret-key-files': '/etc/nix/key' }),
    files: {
      ...WELL.files,
      secretKeys: new Map([['/etc/nix/key', key === undefined ? { problem: 'gone' } : bytes(key)]]),
    },
  })

  test("the gate's must not be among them, whichever file it is in", () => {
    assert.equal(judge('secret-key-files', signing(GATE_KEY)).state, 'open')
    assert.equal(judge('secret-key-files', signing(OTHER_KEY)).state, 'closed')
    assert.equal(judge('secret-key-files', signing(undefined)).state, 'unknown')
  })

  test('a gate that has no key yet signs nothing, so no key is its own', () => {
    const keyless: Facts = { ...WELL, gate: { ...WELL.gate, keys: { value: [] } } }
    assert.equal(judge('trusted-public-keys', keyless).state, 'open')
  })
})

test('trusted users whom the policy accepts are a warning that says what they can do, others a hole', () => {
  const rules = '[default]\nrequire = { source = "nothing", derivation = "nothing", output = "nothing" }\n'
  const text = `version = 1\nmode = "enforce"\n[nix]\naccept-trusted-users = ["deploy", "@ops"]\n${rules}`
  const finding = (users: string) => {
    const facts = { ...withSettings({ 'trusted-users': users }), policy: { value: policyOf(text) } }
    return judge('trusted-users', facts)
  }
  assert.equal(finding('root').state, 'closed')
  assert.equal(finding('root deploy @ops').state, 'warning')
  assert.match(finding('root deploy').detail, /deploy, whom the policy accepts: they can do what root can/)
  assert.equal(finding('root deploy alice').state, 'open')
  assert.match(finding('root deploy alice').detail, /has alice$/)
})

test('a flake’s settings that root accepted permanently, and a daemon that trusts everybody, are holes', () => {
  const files = { ...WELL.files, acceptedFlakeSettings: { value: 2 } }
  assert.equal(judge('accept-flake-config', { ...WELL, files }).state, 'open')
  const daemon = { value: { started: 0, optionNames: [], isForcedToTrust: true, loaded: WELL.ownProcess } }
  assert.match(judge('trusted-users', { ...WELL, daemon }).detail, /--force-trusted/)
})

test('where flakes are not switched on, what Nix does not show of them is no hole, unless nix.conf accepts all', () => {
  const withFeatures = (features: string, assigned: readonly Assignment[] = []): Facts => {
    const views = withSettings({ 'experimental-features': features }).views.map(one => {
      const all = known(one.settings) ?? assert.fail()
      const settings = new Map([...all].filter(([name]) => name !== 'accept-flake-config'))
      const configuration = { ...one.configuration, assignments: assigned }
      return { ...one, settings: { value: settings }, configuration }
    })
    const [own = assert.fail(), ...others] = views
    return { ...WELL, views: [own, ...others] }
  }
  const state = (facts: Facts) => judge('accept-flake-config', facts).state
  assert.equal(state(withFeatures('nix-command')), 'closed')
  assert.equal(state(withFeatures('nix-command flakes')), 'open')
  const accepts = {
    name: 'accept-flake-config',
    value: 'true',
    isAddition: false,
    origin: '/etc/nix/nix.conf:1',
  }
  assert.equal(state(withFeatures('nix-command', [accepts])), 'open')
})
