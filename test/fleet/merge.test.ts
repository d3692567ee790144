/** In what the machines of a fleet differ. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FINDING_KINDS } from '../../src/fleet/fleet.ts'
import { fleetHtml } from '../../src/fleet/html.ts'
import { fleetJson } from '../../src/fleet/json.ts'
import { openMerge } from '../../src/fleet/merge.ts'
import { endLines, sectionsOf } from '../../src/fleet/words.ts'
import { when } from '../../src/policy/words.ts'
import { randomAudit } from '../support/audits/random.ts'
import { assertSchema } from '../support/schema.ts'
import { found, machine, NOW, path, refused, reportOn } from './audits.ts'

const OTHER = 'cd'.repeat(32)
const DAY = 86_400

test('machines that are alike have no findings', () => {
  const fleet = reportOn([machine('a'), machine('b'), machine('c')])
  assert.deepEqual(fleet.findings, [])
  assert.equal(fleet.paths, 2)
  assert.deepEqual(
    fleet.machines.map(({ label }) => label),
    ['a', 'b', 'c'],
  )
  assert.match(fleetHtml(fleet), /The machines do not differ\./)
})

test('different bytes under one path come first, with who has which and who built them', () => {
  const odd = path('a', { narHash: OTHER, builtHere: true })
  const fleet = reportOn([
    machine('a'),
    machine('b', { paths: [odd, path('b')], policy: { ...machine('b').policy, mode: 'warn' } }),
    machine('c'),
  ])
  const [first] = fleet.findings
  assert.deepEqual(first, {
    kind: 'bytes',
    path: odd.path,
    contents: [
      { narHash: 'ab'.repeat(32), machines: [0, 2], builtOn: [] },
      { narHash: OTHER, machines: [1], builtOn: [1] },
    ],
  })
  const [section] = sectionsOf(fleet)
  assert.equal(section?.title, 'Different bytes under one path')
  assert.match(section?.items[0]?.details[1] ?? '', /^cdcd.* on b; built by b$/)
})

test('a path without a hash differs from nothing', () => {
  const fleet = reportOn([machine('a'), machine('b', { paths: [path('a', { narHash: undefined })] })])
  assert.deepEqual(fleet.findings, [])
})

test('paths that one machine trusts and others refuse, by who refuses them', () => {
  const fleet = reportOn([
    machine('a', { paths: [path('a'), path('b'), path('c')] }),
    machine('b', { paths: [path('a', refused), path('b', refused), path('c')] }),
    machine('c', { paths: [path('a', refused), path('b', refused), path('c', refused)] }),
  ])
  const named = found(fleet, 'verdict').map(({ trusted, refused, paths }) => [
    trusted,
    refused,
    paths.map(one => one.path.slice(-1)),
  ])
  assert.deepEqual(named, [
    [[0], [1, 2], ['a', 'b']],
    [[0, 1], [2], ['c']],
  ])
  assert.equal(found(fleet, 'verdict')[0]?.paths[0]?.message, 'nobody signed it')
})

test('of very many paths that are split some are named, and all are counted', () => {
  const many = Array.from({ length: 10_003 }, (_, at) => path(String(at)))
  const fleet = reportOn([
    machine('a', { paths: many }),
    machine('b', { paths: many.map(one => ({ ...one, ...refused })) }),
  ])
  const [split] = found(fleet, 'verdict')
  assert.deepEqual([split?.count, split?.paths.length], [10_003, 10_000])
  const [section] = sectionsOf(fleet)
  assert.equal(section?.items[0]?.text, '10003 paths: trusted on a, refused on b')
  assert.equal(section?.items[0]?.details.at(-1), 'and 9998 more')
  assertSchema('fleet-report', fleetJson(fleet))
})

test('a refusal is printed as its machine escaped it, and nothing invisible gets through', () => {
  const message = 'by \\u{1b}[2J \u202e'
  const fleet = reportOn([
    machine('a'),
    machine('b', { paths: [path('a', { ...refused, message }), path('b')] }),
  ])
  const [item] = sectionsOf(fleet)[0]?.items ?? []
  assert.match(item?.details[0] ?? '', /: by \\u\{1b\}\[2J \\u\{202e\}$/)
})

test('policies by digest and by mode, that of most machines first', () => {
  const { policy } = machine('a')
  const fleet = reportOn([
    machine('a', { policy: { ...policy, digest: OTHER } }),
    machine('b'),
    machine('c', { policy: { ...policy, mode: 'warn' } }),
    machine('d'),
  ])
  assert.deepEqual(
    found(fleet, 'policy')[0]?.policies.map(({ mode, machines }) => [mode, machines]),
    [
      ['enforce', [1, 3]],
      ['enforce', [0]],
      ['warn', [2]],
    ],
  )
})

test('a respite that is over is none', () => {
  const respite = { until: NOW + 1, reason: '' }
  const fleet = reportOn([
    machine('a', { respite }),
    machine('b', { respite: { ...respite, until: NOW } }),
    machine('c', { policy: { ...machine('c').policy, mode: 'warn' } }),
  ])
  assert.deepEqual(
    found(fleet, 'lenient').map(({ machine, why }) => [machine, why]),
    [
      [0, 'respite'],
      [2, 'warn'],
    ],
  )
})

test('a file that claims the name of another machine does not take its place', () => {
  const liar = machine('a', { machine: { name: 'a', key: `ed25519:${OTHER}` }, paths: [path('x')] })
  const fleet = reportOn([machine('a'), liar, machine('b')])
  assert.deepEqual(found(fleet, 'identity'), [
    { kind: 'identity', what: 'name', value: 'a', machines: [0, 1] },
  ])
  assert.deepEqual(
    fleet.machines.map(({ label }) => label),
    ['a (0.json)', 'a (1.json)', 'b'],
  )
})

test('a file that claims the key of another machine under a name of its own', () => {
  const { key } = machine('a').machine
  const fleet = reportOn([machine('a'), machine('b', { machine: { name: 'b', key } })])
  assert.deepEqual(found(fleet, 'identity'), [
    { kind: 'identity', what: 'key', value: key, machines: [0, 1] },
  ])
})

test('of two audits of one machine the newer counts, and the older is named', () => {
  const fleet = reportOn([machine('a'), machine('a', { time: NOW - 1, paths: [path('x')] }), machine('a')])
  assert.equal(fleet.machines.length, 1)
  assert.equal(fleet.machines[0]?.file, '1.json')
  assert.equal(fleet.paths, 1)
  assert.deepEqual(
    found(fleet, 'superseded').map(({ file }) => file),
    ['0.json', '2.json'],
  )
})

test('audits of long ago, and of a time that is still to come', () => {
  const fleet = reportOn([
    machine('a', { time: NOW - 8 * DAY }),
    machine('b', { time: NOW - 8 * DAY - 1 }),
    machine('c', { time: NOW + 300 }),
    machine('d', { time: NOW + 301 }),
  ])
  assert.deepEqual(
    found(fleet, 'old').map(({ machine, age }) => [machine, age]),
    [
      [1, 8 * DAY + 1],
      [3, -301],
    ],
  )
})

test('machines that are missing, and those that nobody expects', () => {
  const fleet = reportOn([machine('a'), machine('b')], ['a', 'c', 'c'])
  assert.deepEqual(
    found(fleet, 'missing').map(({ name }) => name),
    ['c'],
  )
  assert.deepEqual(
    found(fleet, 'unexpected').map(({ machine }) => machine),
    [1],
  )
})

test('a key that one machine has revoked and others still count', () => {
  const key = { identity: `ed25519:${OTHER}`, label: 'cache-1', principal: undefined, until: undefined }
  const fleet = reportOn([
    machine('a', { keys: [{ ...key, isRevoked: true, falls: [] }] }),
    machine('b', { keys: [{ ...key, isRevoked: false, falls: [0, 1] }] }),
    machine('c'),
  ])
  assert.deepEqual(found(fleet, 'revoked-key'), [
    { kind: 'revoked-key', key: key.identity, label: 'cache-1', revoked: [0], counting: [1] },
  ])
  assert.deepEqual(
    fleet.keys.map(({ label, paths, falls }) => [label, paths, falls.length]),
    [['cache-1', 2, 1]],
  )
})

test('what ends is told once, with the earliest end and each machine', () => {
  const end = { kind: 'key' as const, what: 'k', who: 'cache', falls: [] }
  const line = { kind: 'exemption' as const, what: 'line 3', who: undefined, at: NOW, falls: [] }
  const fleet = reportOn([
    machine('a', { ends: [{ ...end, at: NOW + 9 }, line] }),
    machine('b', {
      ends: [{ ...end, at: NOW + 7 }, line],
      policy: { ...machine('b').policy, digest: OTHER },
    }),
  ])
  assert.deepEqual(
    fleet.ends.map(({ what, at, falls }) => [what, at - NOW, falls.map(({ machine }) => machine)]),
    [
      ['line 3', 0, [0]],
      ['line 3', 0, [1]],
      ['k', 7, [0, 1]],
    ],
  )
})

test('what ends is named as the policies name it, with how much falls where', () => {
  const identity = `ed25519:${OTHER}`
  const key = { identity, label: 'bo-1', principal: undefined, until: NOW + DAY, isRevoked: false, falls: [] }
  const end = { kind: 'key' as const, what: identity, who: 'bo', at: NOW + DAY }
  const respite = { kind: 'respite' as const, who: undefined, at: NOW - 1, falls: [1] }
  const fleet = reportOn([
    machine('a', { keys: [key], ends: [{ ...end, falls: [0, 1] }] }),
    machine('b', { keys: [key], ends: [{ ...end, falls: [0] }] }),
    machine('c', { ends: [{ ...respite, what: '' }] }),
    machine('d', { ends: [{ ...respite, what: 'the cache\u001b is down' }] }),
  ])
  const day = when(NOW + DAY)
  assert.deepEqual(endLines(fleet, 9), [
    `respite ended ${when(NOW - 1)}; 1 path fell on c`,
    `respite (the cache\\u{1b} is down) ended ${when(NOW - 1)}; 1 path fell on d`,
    `key bo-1 of bo ends ${day}; 3 paths would fall on a, b`,
  ])
  assertSchema('fleet-report', fleetJson(fleet))
})

test('every number of random audits agrees with a count made another way, and all is escaped', () => {
  for (let seed = 0; seed < 30; seed++) {
    const audits = [0, 1, 2].map(n =>
      randomAudit(seed * 3 + (n % 2), { paths: 30, ...(seed % 2 === 0 ? { hostile: 'paths' } : {}) }),
    )
    const named = audits.map((audit, n) => ({
      ...audit,
      machine: { ...audit.machine, name: `${n}${audit.machine.name}` },
      paths: audit.paths.map(one => (n === 2 && one.narSize % 3 === 0 ? { ...one, narHash: OTHER } : one)),
    }))
    const fleet = reportOn(named)
    assert.equal(fleet.paths, new Set(named.flatMap(({ paths }) => paths.map(one => one.path))).size)
    const hashes = new Map<string, Set<string>>()
    for (const { paths } of named)
      for (const { path, narHash } of paths)
        if (narHash !== undefined) hashes.set(path, (hashes.get(path) ?? new Set()).add(narHash))
    const differing = [...hashes].filter(([, each]) => each.size > 1).map(([each]) => each)
    assert.deepEqual(
      found(fleet, 'bytes')
        .map(({ path }) => path)
        .sort(),
      differing.sort(),
    )
    for (const [index, { counts, name }] of fleet.machines.entries()) {
      const closure =
        named.find(one => one.machine.name === name)?.paths.filter(({ part }) => part === 'closure') ?? []
      const { trusted, untrusted, indeterminate } = counts
      assert.equal(trusted + untrusted + indeterminate, closure.length, `machine ${index}`)
    }
    const kinds = fleet.findings.map(({ kind }) => FINDING_KINDS.indexOf(kind))
    assert.deepEqual(
      kinds,
      [...kinds].sort((a, b) => a - b),
    )
    assertSchema('fleet-report', fleetJson(fleet))
    assertEscaped(fleetHtml(fleet))
  }
})

/** Nothing but the tags that the page itself writes. */
function assertEscaped(html: string): void {
  const tags = new Set([...html.matchAll(/<\/?([a-z0-9!]*)/gi)].map(([, tag = '']) => tag))
  const own = [
    ...['!doctype', 'html', 'head', 'meta', 'title', 'style', 'body', 'header', 'h1', 'h2', 'p', 'main'],
    ...['section', 'ul', 'li', 'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'footer'],
  ]
  assert.deepEqual(
    [...tags].filter(tag => !own.includes(tag)),
    [],
  )
  const text = html.replace(/<style>.*<\/style>/s, '')
  assert.doesNotMatch(
    text,
    /[^\n\x20-\x7e\u2026\p{L}\p{M}\p{So}\p{P}\p{S}]/u,
    'control characters are escaped',
  )
}

test('a file that is no audit is a finding, and the others are compared', () => {
  const merge = openMerge(NOW)
  merge.addUnreadable('x.json', 'audit: must be an object')
  merge.add('a.json', machine('a'))
  const fleet = merge.report({ oldAfter: DAY, expected: undefined })
  assert.equal(fleet.machines.length, 1)
  assert.deepEqual(fleet.findings, [{ kind: 'unreadable', file: 'x.json', why: 'audit: must be an object' }])
})

test('attack: an audit of a time to come under the name and key of another machine takes no place', () => {
  const bad = machine('a', { paths: [path('a', refused), path('b')] })
  const liar = machine('a', { time: NOW + 400 * DAY })
  for (const audits of [
    [bad, liar],
    [liar, bad],
  ]) {
    const fleet = reportOn([...audits, machine('b')])
    assert.equal(fleet.machines[0]?.time, bad.time)
    assert.equal(found(fleet, 'verdict').length, 1, 'what it refuses is not hidden')
    const file = `${audits.indexOf(liar)}.json`
    assert.deepEqual(found(fleet, 'superseded'), [{ kind: 'superseded', file, why: 'to-come', machine: 0 }])
    const [section] = sectionsOf(fleet).filter(({ kind }) => kind === 'superseded')
    assert.equal(section?.items[0]?.text, `${file}: of a time to come; a has another one`)
  }
})

test('attack: twenty thousand ends with one name take no longer than others', () => {
  const end = { kind: 'key', what: 'one', who: undefined, at: NOW, falls: [] } as const
  const begun = performance.now()
  const fleet = reportOn([machine('a', { ends: Array(20_000).fill(end) }), machine('b', { ends: [end] })])
  assert.deepEqual(
    fleet.ends.map(({ falls }) => falls.map(({ machine }) => machine)),
    [[0, 1]],
  )
  assert.ok(performance.now() - begun < 5000)
})
