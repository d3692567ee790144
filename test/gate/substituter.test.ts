import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { mirrorOf, writeRecord } from '../../src/evidence/remote/mirror.ts'
import type { UpstreamAnswer } from '../../src/evidence/upstreams/upstream.ts'
import { openMetrics } from '../../src/gate/metrics.ts'
import { type GateParts, openSubstituter } from '../../src/gate/substituter.ts'
import { keepUpstreams, type Upstreams } from '../../src/gate/upstreams.ts'
import { DEFAULT_GATE } from '../../src/policy/language/gate.ts'
import { openResidentCache } from '../../src/verifier/resident-cache.ts'

const DIGEST = '0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1'
const UPSTREAM = 'https://cache.example.org'

const POLICY = `version = 1
mode = "enforce"
gate.upstreams = [{ url = "${UPSTREAM}" }]
default.require = { source = "nothing", derivation = "nothing", output = "self" }
`

/** The parts of a gate, where `ask` returns the answers of all upstreams about a path. */
function gateParts(
  t: TestContext,
  ask: Upstreams['ask'],
  { policy = POLICY, until }: { readonly policy?: string; readonly until?: number } = {},
): GateParts {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-substituter-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const places = {
    policy: join(directory, 'policy.toml'),
    state: join(directory, 'state'),
    attestations: undefined,
  }
  writeFileSync(places.policy, policy)
  mkdirSync(places.state, { mode: 0o755 })
  const kept = openResidentCache(places)
  t.after(kept.close)
  const upstreams = {
    current: () => ({ ask, until: () => until, list: [] }),
    forget() {},
    close() {},
  }
  const key = { publicKey: new Uint8Array(32), secretKey: new Uint8Array(64) }
  const parts = { places, kept, key, upstreams, metrics: openMetrics(), log: () => undefined }
  return parts as unknown as GateParts
}

const absent: UpstreamAnswer = { upstream: UPSTREAM, said: { kind: 'absent' }, seconds: 0 }

for (const [settings, mode, status] of [
  ['', 'enforce', 404],
  ['gate.on-refusal = "not-found"', 'enforce', 404],
  ['gate.on-refusal = "fail"', 'enforce', 451],
  ['gate.on-no-answer = "fail"', 'enforce', 451],
  ['gate.on-no-answer = "fail"', 'warn', 404],
  ['gate.on-refusal = "fail"\ngate.on-no-answer = "not-found"', 'enforce', 404],
] as const) {
  test(`what no upstream answers is ${status} in ${mode} mode with ${settings || 'nothing set'}`, async t => {
    const policy = POLICY.replace('enforce', mode).replace('\ndefault', `\n${settings}\ndefault`)
    for (const kind of ['silent', 'malformed'] as const) {
      const said = { kind, detail: 'a reason' }
      const parts = gateParts(t, async () => [{ upstream: UPSTREAM, said, seconds: 0 }], {
        policy,
        until: 9e15,
      })
      const substituter = openSubstituter(parts)
      const response = await substituter.narinfo(DIGEST, 'root')
      assert.equal(response.status, status)
      if (status === 451) assert.match(String(response.body), /undecided .*cache\.example\.org: a reason/)
      await substituter.narinfo(DIGEST, 'root')
      // Nothing of it is kept.
      assert.match(parts.metrics.print({}), /nixsig_unanswered_total 2\n/)
    }
  })
}

test('an upstream that stops answering is told once, and once when it answers again', async () => {
  const lines: string[] = []
  const metrics = openMetrics()
  const upstreams = keepUpstreams(metrics, (level, event, { upstream } = {}) =>
    lines.push(`${level}: ${event} ${upstream}`),
  )
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-upstream-'))
  const url = `file://${directory}`
  const { ask } = upstreams.current({
    gate: { ...DEFAULT_GATE, upstreams: [{ url }] },
    http: { noProxy: [] },
  })
  const askSome = async () => {
    for (const digest of [DIGEST, DIGEST.replace('0', '1'), DIGEST.replace('0', '2')]) await ask(digest)
  }
  rmSync(directory, { recursive: true })
  await askSome()
  await askSome()
  mkdirSync(directory)
  await askSome()
  rmSync(directory, { recursive: true })
  upstreams.forget()
  await askSome()
  const [stops, again] = [
    `warning: no answer from an upstream ${url}`,
    `info: an upstream answers again ${url}`,
  ]
  assert.deepEqual(lines, [stops, again, stops])
  assert.match(metrics.print({}), new RegExp(`upstream_silences_total\\{upstream="${url}"\\} 2`))
})

test('a judgement that never ends is over in time, and the path can be asked about again', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let asked = 0
  const substituter = openSubstituter(
    gateParts(t, async () => {
      asked++
      return asked === 1 ? new Promise(() => {}) : [absent]
    }),
  )
  const first = substituter.narinfo(DIGEST, 'root')
  await turn()
  const second = substituter.narinfo(DIGEST, 'root')
  await turn()
  assert.equal(asked, 1, 'who asks at the same time waits for the same answer')
  t.mock.timers.tick(300_000)
  for (const response of [await first, await second]) {
    assert.equal(response.status, 451)
    assert.match(String(response.body), /no verdict within 300 seconds/)
  }
  await turn()
  assert.equal((await substituter.narinfo(DIGEST, 'root')).status, 404)
  assert.equal(asked, 2)
})

test("an answer stands for a source's max-age from the source's last answer, not from the judgement", async t => {
  const now = Math.floor(Date.now() / 1000) + 60
  t.mock.timers.enable({ apis: ['Date'], now: now * 1000 })
  const source = { url: 'https://source.example.org', maxAge: 30 }
  const policy = `${POLICY}[attestations]\nsources = [{ url = "${source.url}", max-age = 30 }]\n`
  let asked = 0
  const ask = async () => {
    asked++
    return [absent]
  }
  const parts = gateParts(t, ask, { policy, until: Number.POSITIVE_INFINITY })
  const mirror = mirrorOf(parts.places.state, source)
  mkdirSync(mirror.directory, { recursive: true })
  writeRecord(mirror, { index: '0'.repeat(64), checked: now - 20 })
  const { narinfo } = openSubstituter(parts)
  const at = async (seconds: number) => {
    t.mock.timers.setTime((now + seconds) * 1000)
    assert.equal((await narinfo(DIGEST, 'root')).status, 404)
    return asked
  }
  assert.equal(await at(0), 1)
  assert.equal(await at(9), 1, 'kept')
  assert.equal(await at(10), 2, 'the source has to be asked again')
  assert.equal(await at(39), 2, 'kept for as long as from the judgement, which has to ask the source')
  assert.equal(await at(40), 3)
})

const MISSING = Object.assign(new Error("Cannot find module './part.js'\nRequire stack:\n- /x"), {
  code: 'MODULE_NOT_FOUND',
})

for (const [mode, status] of [
  ['warn', 404],
  ['enforce', 451],
] as const) {
  test(`attack: program files of a running gate are deleted: ${status} in ${mode} mode`, async t => {
    const broken = async () => {
      throw MISSING
    }
    const parts = gateParts(t, broken, { policy: POLICY.replace('enforce', mode) })
    const { status: found, body } = await openSubstituter(parts).narinfo(DIGEST, 'root')
    assert.equal(found, status)
    if (status === 404) return
    assert.match(
      String(body),
      /program files were deleted while it ran: install nixsig again, then restart the gate/,
    )
    assert.doesNotMatch(String(body), /Require stack|nixsig explain/)
  })
}

test('attack: the policy is deleted: the refusal says what to do about it, in warn mode too', async t => {
  const parts = gateParts(t, async () => [absent], { policy: POLICY.replace('enforce', 'warn') })
  rmSync(parts.places.policy)
  const { status, body } = await openSubstituter(parts).narinfo(DIGEST, 'root')
  assert.equal(status, 451)
  assert.match(String(body), /; next: as root, or by asking who has root here: nixsig policy check /)
  assert.doesNotMatch(String(body), /nixsig explain/)
})
