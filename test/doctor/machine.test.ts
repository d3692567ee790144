// Doors about processes, files, the policy and the gate, and the doors that were tried.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Canary, DaemonFacts, Facts, GateFacts, Loaded, RefusingFront } from '../../src/doctor/facts.ts'
import { ADVISORIES, namesOf } from '../../src/formats/nix/advisories.ts'
import type { Configuration } from '../../src/nix-config/conf-files.ts'
import { assignment } from '../../src/nix-config/settings.ts'
import { policyOf } from '../policy/policies.ts'
import { holes, judge, NOW, view, WELL } from './well.ts'

const LOADED: Loaded = { plugin: 'loaded', offersSqlite: true }

function withDaemon(daemon: Partial<DaemonFacts>, configuration: Partial<Configuration> = {}): Facts {
  const own = view('nix-daemon')
  const running: DaemonFacts = {
    started: NOW * 1000,
    optionNames: [],
    isForcedToTrust: false,
    loaded: { value: LOADED },
    ...daemon,
  }
  return {
    ...WELL,
    views: [view('root'), { ...own, configuration: { ...own.configuration, ...configuration } }],
    daemon: { value: running },
  }
}

describe('the daemon', () => {
  test('keeps the configuration that it has read', () => {
    const files = [{ path: '/etc/nix/nix.conf', changed: NOW * 1000 + 1000 }]
    const found = judge('daemon-age', withDaemon({}, { files }))
    assert.equal(found.state, 'open')
    assert.match(found.detail, /started before \/etc\/nix\/nix.conf changed/)
  })

  test('may be configured by its environment or its arguments', () => {
    const assignments = [assignment('sandbox', 'true', 'NIX_CONFIG:1')]
    assert.match(judge('daemon-overrides', withDaemon({}, { assignments })).detail, /^sandbox is set by/)
    assert.equal(judge('daemon-overrides', withDaemon({ optionNames: ['require-sigs'] })).state, 'open')
    assert.equal(judge('daemon-overrides', withDaemon({ optionNames: ['cores'] })).state, 'closed')
  })

  test('that does not run is not a door', () => {
    const without: Facts = {
      ...WELL,
      views: [view('root')],
      daemon: { value: undefined },
      canaries: {
        ...WELL.canaries,
        importByDaemon: undefined,
        buildByDaemon: undefined,
        keptBuildByDaemon: undefined,
      },
    }
    assert.deepEqual(holes(without), [])
    assert.equal(judge('import-by-daemon', without).state, 'not applicable')
  })

  test('that cannot be told apart from other processes is unknown', () => {
    assert.equal(judge('daemon-age', { ...WELL, daemon: { problem: 'which?' } }).state, 'unknown')
  })
})

describe('what processes have loaded', () => {
  test('no plugin, one that was replaced, a SQLite that it cannot find', () => {
    for (const [plugin, words] of [
      ['absent', /nix-daemon has not loaded it; without the plugin there is a time in which/],
      ['replaced', /nix-daemon has loaded a file that was replaced/],
    ] as const) {
      const found = judge('plugin-loaded', withDaemon({ loaded: { value: { ...LOADED, plugin } } }))
      assert.equal(found.state, 'open')
      assert.match(found.detail, words)
    }
    const ownProcess = { value: { ...LOADED, offersSqlite: false } }
    assert.match(judge('sqlite', { ...WELL, ownProcess }).detail, /root's nix has its SQLite linked into it/)
    assert.equal(judge('plugin-loaded', { ...WELL, ownProcess: { problem: 'ended' } }).state, 'unknown')
  })

  test('Lix, and an untried version of Nix', () => {
    const version = (value: string): Facts => ({ ...WELL, views: [{ ...view('root'), version: { value } }] })
    assert.equal(judge('nix-version', version('nix (Nix) 2.8.0')).state, 'closed')
    assert.equal(judge('nix-version', version('nix (Nix) 2.7.1')).state, 'open')
    assert.equal(judge('nix-version', version('nix (Lix, like Nix) 2.91.0')).state, 'open')
    assert.equal(judge('nix-version', version('nix (Determinate Nix 3.1) 2.28.1')).state, 'unknown')
  })

  test('an untried version of Nix: each front is reported as not proven, with what would prove it', () => {
    const on = (value: string, canaries: Partial<Facts['canaries']> = {}): Facts => ({
      ...WELL,
      views: [{ ...view('root'), version: { value } }],
      canaries: { ...WELL.canaries, ...canaries },
    })
    const untried = { value: { kind: 'failed', why: 'late' } } as const
    const none = { importByRoot: untried, buildByRoot: untried, keptBuildByRoot: untried }
    for (const [door, proof] of [
      ['pre-build-hook', /run nixsig doctor in enforce mode/],
      ['build-hook', /run nixsig doctor in enforce mode/],
      ['plugin-files', /run nixsig doctor in enforce mode/],
      ['post-build-hook', /see that nixsig verify calls the output built here/],
    ] as const) {
      assert.doesNotMatch(judge(door, on('nix (Nix) 2.35.2', none)).detail, /not proven/)
      for (const version of ['nix (Nix) 2.36.0', 'nix (Determinate Nix 3.1) 2.28.1']) {
        const found = judge(door, on(version, none))
        assert.equal(found.state, 'closed')
        assert.match(found.detail, /not proven on this version of Nix/)
        assert.match(found.detail, proof)
      }
    }
    assert.match(judge('build-hook', on('nix (Nix) 2.36.0')).detail, /but seen at work just now/)
  })

  test('may have published faults by its number, unless the user says that they are fixed', () => {
    const version = (line: string): Facts => ({
      ...WELL,
      views: [{ ...view('root'), version: { value: line } }],
    })
    const old = judge('nix-advisories', version('nix (Nix) 2.8.0'))
    assert.equal(old.state, 'warning')
    assert.match(
      old.detail,
      /is affected by CVE-2024-38531, .*; nixsig blunts CVE-2024-27297; your distribution may/,
    )
    const mended = ADVISORIES.map(advisory => namesOf(advisory)[0] ?? '')
    for (const name of mended) {
      const others = mended.filter(other => other !== name)
      const one = judge('nix-advisories', { ...version('nix (Nix) 2.8.0'), mended: others })
      assert.equal(one.detail.includes(name), old.detail.includes(name), one.detail)
    }
    assert.equal(judge('nix-advisories', { ...version('nix (Nix) 2.8.0'), mended }).state, 'closed')
    assert.equal(judge('nix-advisories', version('nix (Nix) 2.34.8')).state, 'closed')
    assert.equal(judge('nix-advisories', version('nix (Nix) 2.34.6')).state, 'warning')
    assert.equal(judge('nix-advisories', version('nix (Lix, like Nix) 2.93.4')).state, 'unknown')
  })
})

describe('nix.conf', () => {
  test('that Nix cannot read, or whose values it does not use', () => {
    const problems = ['/etc/nix/nix.conf:1 includes /x, which is not there']
    assert.equal(judge('nix.conf', withDaemon({}, { problems })).state, 'open')
    const assignments = [assignment('sandbox', 'false', '/etc/nix/nix.conf:3')]
    assert.deepEqual(judge('nix.conf', withDaemon({}, { assignments })).state, 'unknown')
    const found = judge('nix.conf', withDaemon({}, { missing: ['/etc/nix/custom.conf'] }))
    assert.equal(found.state, 'closed')
    assert.match(found.detail, /note: \/etc\/nix\/custom.conf is optional and absent/)
  })

  test('that others can write', () => {
    const files = { ...WELL.files, confProblems: { value: ['/etc/nix/nix.conf is writable by others'] } }
    assert.equal(judge('nix.conf-protection', { ...WELL, files }).state, 'open')
  })
})

describe('the policy', () => {
  const withPolicy = (more: string, mode = 'enforce'): Facts => ({
    ...WELL,
    policy: {
      value: policyOf(
        `version = 1\nmode = "${mode}"\n${more}\n[default]\nrequire = { source = "nothing", derivation = "nothing", output = "nothing" }\n`,
      ),
    },
  })
  const day = (days: number) => new Date((NOW + days * 86_400) * 1000).toISOString().slice(0, 10)
  const key = (until: string) =>
    `[principals.alice]\nkeys = [{ key = "a:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=", valid-until = ${until} }]`
  const exemption = (until: string) =>
    `[[exemptions]]\nname = "x"\nkind = "output"\nreason = "r"\nuntil = ${until}`

  test('that only warns is open by choice', () => {
    const found = judge('mode', withPolicy('', 'warn'))
    assert.equal(found.state, 'open')
    assert.equal(found.detail, 'warn mode: open by choice')
  })

  test('that only warns for a time is reported with the end and the reason', () => {
    const respite = { value: { since: NOW - 60, until: NOW + 3600, reason: 'the cache\x1b is down' } }
    const found = judge('mode', { ...withPolicy('', 'warn'), respite })
    assert.equal(found.state, 'open')
    assert.match(found.detail, /^a respite, open by choice until 20\S+.*: the cache\\u\{1b\} is down$/)
  })

  test('that enforces is closed, after a respite, and with one that cannot be read', () => {
    const over = { value: { since: NOW - 60, until: NOW, reason: '' } }
    assert.equal(judge('mode', { ...withPolicy(''), respite: over }).state, 'closed')
    const found = judge('mode', { ...withPolicy(''), respite: { problem: 'no record of a respite' } })
    assert.deepEqual([found.state, found.detail], ['closed', 'mode enforce; note: no record of a respite'])
  })

  test('whose keys or exemptions have ended, or are about to', () => {
    for (const part of [key, exemption]) {
      assert.match(judge('policy-dates', withPolicy(part(day(-3)))).detail, / ended on 20/)
      assert.match(judge('policy-dates', withPolicy(part(day(20)))).detail, / ends on 20/)
      assert.equal(judge('policy-dates', withPolicy(part(day(40)))).state, 'closed')
    }
    assert.match(judge('policy-dates', withPolicy(key(day(1)))).detail, /of alice ends on/)
  })

  test('whose lists have no whole book, or do not count any more', () => {
    const facts = (problem: string | undefined, until?: number): Facts => ({
      ...WELL,
      lists: { value: [{ name: 'debian', problem, until }] },
    })
    const whole = judge('lists', facts(undefined, NOW + 60))
    assert.deepEqual([whole.state, whole.detail], ['closed', 'the book of debian is whole'])
    assert.deepEqual(holes(facts('/b is damaged', NOW + 60)), ['lists open'])
    assert.equal(judge('lists', facts('/b is damaged', NOW + 60)).detail, 'debian: /b is damaged')
    assert.match(judge('lists', facts(undefined, NOW)).detail, /^debian does not count since 20/)
    assert.equal(judge('lists', WELL).state, 'not applicable')
  })

  test('that cannot be read', () => {
    assert.deepEqual(holes({ ...WELL, policy: { problem: 'line 3: no' } }), ['policy open', 'mode unknown'])
  })
})

describe('the gate', () => {
  const withGate = (gate: Partial<GateFacts>): Facts => ({ ...WELL, gate: { ...WELL.gate, ...gate } })

  test('that does not answer the hooks', () => {
    assert.equal(judge('gate-socket', withGate({ socket: { value: { kind: 'absent' } } })).state, 'open')
    const failed = { value: { kind: 'failed', why: 'belongs to user 1000\u001b' } } as const
    assert.equal(judge('gate-socket', withGate({ socket: failed })).detail, 'belongs to user 1000\\u{1b}')
    assert.equal(judge('gate-socket', withGate({ socket: { problem: 'late' } })).state, 'unknown')
  })

  test('that does not answer Nix, or offers a made-up path', () => {
    const narinfo = (status: number) =>
      judge('gate-http', withGate({ narinfo: { value: { status, text: 'x' } } })).state
    assert.deepEqual([404, 451, 200, 502].map(narinfo), ['closed', 'closed', 'open', 'unknown'])
    assert.equal(judge('gate-http', withGate({ health: { problem: 'refused' } })).state, 'open')
    const ill = { value: { status: 503, text: 'not ok: no policy' } }
    assert.match(judge('gate-http', withGate({ health: ill })).detail, /503: not ok: no policy/)
  })
})

describe('the disk', () => {
  test('of which others can write something', () => {
    const problems = { value: ['a', 'b', 'c', 'd', 'e'] }
    const facts: Facts = {
      ...WELL,
      machine: {
        ...WELL.machine,
        storeProblems: problems,
        stateProblems: problems,
        bundleProblems: problems,
      },
    }
    assert.deepEqual(holes(facts), ['store open', 'state open', 'bundle open'])
    assert.equal(judge('state', facts).detail, 'a; b; c; and 2 more')
  })

  test('on which parts of two versions run', () => {
    const own = '/opt/nixsig-versions/0.2.0-0123456789ab'
    const at = (gate: string): Facts => ({
      ...WELL,
      versions: { value: { own, programs: own, gates: [gate], plugin: own } },
    })
    assert.equal(judge('versions', at(own)).state, 'closed')
    const found = judge('versions', at('/opt/nixsig'))
    assert.equal(found.state, 'warning')
    assert.match(found.detail, /this is nixsig .*; Nix calls .*; the gate that runs is .*\/opt\/nixsig/)
  })

  test('whose files are newer than the clock', () => {
    const at = (newest: number): Facts => ({
      ...WELL,
      machine: { ...WELL.machine, newestFile: { value: newest } },
    })
    assert.equal(judge('clock', at(NOW + 2)).state, 'closed')
    assert.equal(judge('clock', at(NOW + 60)).state, 'open')
  })
})

describe('an attempt', () => {
  const withCanary = (value: Canary, policy = WELL.policy): Facts => ({
    ...WELL,
    policy,
    canaries: { ...WELL.canaries, importByRoot: { value }, buildByRoot: { value } },
  })
  const both = (facts: Facts) => [judge('import-by-root', facts).state, judge('build-by-root', facts).state]

  test('came in unjudged', () =>
    assert.deepEqual(both(withCanary({ kind: 'let in', isJudged: false })), ['open', 'open']))

  test('came in because the policy says so', () =>
    assert.deepEqual(both(withCanary({ kind: 'let in', isJudged: true })), ['open', 'closed']))

  test('came in because the policy only warns', () => {
    const warns = {
      value: policyOf(
        'version = 1\nmode = "warn"\n[default]\nrequire = { source = "nothing", derivation = "nothing", output = "nothing" }\n',
      ),
    }
    const facts = withCanary({ kind: 'let in', isJudged: false }, warns)
    assert.deepEqual(both(facts), ['open', 'open'])
    assert.equal(judge('build-by-root', facts).detail, 'warn mode: open by choice')
  })

  test('did not come in for another reason, or not in time', () => {
    assert.deepEqual(both(withCanary({ kind: 'failed', why: 'disk full' })), ['unknown', 'unknown'])
    const late = { problem: 'not found out in 20 seconds' }
    assert.equal(
      judge('build-by-daemon', { ...WELL, canaries: { ...WELL.canaries, buildByDaemon: late } }).state,
      'unknown',
    )
  })

  test('could not be removed again', () => {
    const leftovers = ['/nix/store/x']
    assert.equal(judge('leftovers', { ...WELL, canaries: { ...WELL.canaries, leftovers } }).state, 'open')
  })
})

describe('whether a setting is in effect', () => {
  const refusedBy = (front: RefusingFront): { readonly value: Canary } => ({
    value: { kind: 'refused', by: 'nixsig: refused it', front },
  })
  const withTried = (canaries: Partial<Facts['canaries']>): Facts => ({
    ...WELL,
    canaries: { ...WELL.canaries, ...canaries },
  })

  test('is shown by which front refused; others are listed as not tried', () => {
    const found = judge('effects', WELL)
    assert.equal(found.state, 'closed')
    assert.match(
      found.detail,
      /root: seen at work: plugin-files, build-hook, pre-build-hook, sandbox; note: not tried: post-build-hook/,
    )
  })

  test('is denied if another front was asked in its place, by root or by the daemon', () => {
    for (const [canary, front, words] of [
      ['buildByDaemon', 'pre-build-hook', /^build-hook is set, and nix-daemon asked the pre-build-hook/],
      ['buildByRoot', 'plugin', /^build-hook is set, and root asked the plugin/],
      ['keptBuildByRoot', 'plugin', /^pre-build-hook is set, and root asked the plugin/],
    ] as const) {
      const found = judge('effects', withTried({ [canary]: refusedBy(front) }))
      assert.equal(found.state, 'open')
      assert.match(found.detail, words)
    }
  })

  test('is not proven by an attempt that was let in or failed', () => {
    for (const value of [
      { kind: 'failed', why: 'late' },
      { kind: 'let in', isJudged: true },
    ] as const) {
      const found = judge('effects', withTried({ buildByRoot: { value } }))
      assert.equal(found.state, 'closed')
      assert.match(found.detail, /root: .*not tried: build-hook/)
    }
  })

  test('also holds for a build-hook that NIX_CONFIG names, if it is nixsig’s', () => {
    const told = (value: string) =>
      withDaemon({}, { assignments: [assignment('build-hook', value, 'NIX_CONFIG:1')] })
    assert.equal(judge('daemon-overrides', told('/opt/nixsig/build-hook')).state, 'closed')
    assert.equal(judge('daemon-overrides', told('/usr/bin/other')).state, 'open')
  })
})

describe('the ledger', () => {
  const withLedger = (ledger: Facts['machine']['ledger']): Facts => ({
    ...WELL,
    machine: { ...WELL.machine, ledger },
  })

  test('that does not know all of the running system is a warning, and no hole', () => {
    const facts = withLedger({ value: { isThere: true, system: { known: 3, paths: 7 } } })
    const found = judge('ledger', facts)
    assert.equal(found.state, 'warning')
    assert.match(found.detail, /^it knows 3 of the 7 paths of the running system: the others came before/)
    assert.deepEqual(holes(facts), [])
  })

  test('is not asked for a system where none runs', () => {
    const facts = withLedger({ value: { isThere: true, system: undefined } })
    assert.equal(judge('ledger', facts).state, 'not applicable')
  })

  test('whose directory is gone is lost with the keys', () => {
    const found = judge('state', withLedger({ value: { isThere: false, system: undefined } }))
    assert.equal(found.state, 'open')
    assert.match(found.detail, /^it does not exist: the ledger and the keys of this machine are lost/)
    assert.match(found.remedy ?? '', /systemctl restart nixsig-keys nix-daemon/)
  })

  test('that cannot be counted is unknown', () => {
    assert.equal(judge('ledger', withLedger({ problem: 'no answer' })).state, 'unknown')
  })
})

describe('the decision log', () => {
  const GAP = {
    code: 'broken',
    detail: 'its end is broken: line 7 is missing, there is a later line',
    next: 'as root: nixsig log verify',
  } as const
  const OLD = { code: 'unsigned', detail: 'none is signed', next: 'nixsig log checkpoint' } as const
  const withLog = (log: Facts['log']): Facts => ({ ...WELL, log })
  const found = (isError: boolean) =>
    withLog({ value: { lines: 9, unfolded: 9, problems: [GAP, OLD].map(one => ({ ...one, isError })) } })

  test('that is well has one line, as has one that is kept by nobody', () => {
    assert.deepEqual(judge('decision-log', WELL), {
      door: 'decision-log',
      state: 'closed',
      detail: '7 lines, and its end is whole',
    })
    const empty = withLog({ value: { lines: 0, unfolded: 0, problems: [] } })
    assert.equal(judge('decision-log', empty).detail, 'no decision yet')
    const none = judge('decision-log', withLog({ value: undefined }))
    assert.deepEqual(
      [none.state, none.detail],
      ['not applicable', 'the policy keeps none ([decisions] keep = false)'],
    )
  })

  test('that is not well is a warning, and a hole where the policy requires it', () => {
    const warned = judge('decision-log', found(false))
    assert.equal(warned.state, 'warning')
    assert.equal(warned.detail, `${GAP.detail}; none is signed`)
    assert.equal(warned.remedy, 'as root: nixsig log verify')
    assert.deepEqual(holes(found(false)), [])
    assert.deepEqual(holes(found(true)), ['decision-log open'])
    assert.deepEqual(holes(withLog({ problem: 'not found out in 10 seconds' })), ['decision-log unknown'])
  })
})
