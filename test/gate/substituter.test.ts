import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Answer } from '../../src/evidence/upstreams/offer.ts'
import { openMetrics } from '../../src/gate/metrics.ts'
import { type GateParts, openSubstituter } from '../../src/gate/substituter.ts'
import type { Upstreams } from '../../src/gate/upstreams.ts'
import { keepBetweenInquiries } from '../../src/verifier/kept.ts'

const DIGEST = '0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1'
const UPSTREAM = 'https://cache.example.org'

const POLICY = `version = 1
mode = "enforce"
gate.upstreams = [{ url = "${UPSTREAM}" }]
default.require = { source = "nothing", derivation = "nothing", output = "self" }
`

/** What the gate works with, where `ask` is what comes of asking all upstreams about a path. */
function gateParts(t: TestContext, ask: Upstreams['ask']): GateParts {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-substituter-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const places = {
    policy: join(directory, 'policy.toml'),
    state: join(directory, 'state'),
    attestations: undefined,
  }
  writeFileSync(places.policy, POLICY)
  mkdirSync(places.state, { mode: 0o755 })
  const kept = keepBetweenInquiries(places)
  t.after(kept.close)
  const upstreams = {
    current: () => ({ ask, until: () => undefined, list: [] }),
    forget() {},
    close() {},
  }
  const key = { publicKey: new Uint8Array(32), secretKey: new Uint8Array(64) }
  const parts = { places, kept, key, upstreams, metrics: openMetrics(), log: () => undefined }
  return parts as unknown as GateParts
}

const absent: Answer = { upstream: UPSTREAM, said: { kind: 'absent' }, seconds: 0 }

test('a judgement that never ends is over in time, and the path can be asked about again', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let asked = 0
  const substituter = openSubstituter(
    gateParts(t, async () => {
      asked++
      return asked === 1 ? new Promise(() => {}) : [absent]
    }),
  )
  const first = substituter.narinfo(DIGEST)
  await turn()
  const second = substituter.narinfo(DIGEST)
  await turn()
  assert.equal(asked, 1, 'who asks at the same time waits for the same answer')
  t.mock.timers.tick(300_000)
  for (const response of [await first, await second]) {
    assert.equal(response.status, 451)
    assert.match(String(response.body), /no verdict within 300 seconds/)
  }
  await turn()
  assert.equal((await substituter.narinfo(DIGEST)).status, 404)
  assert.equal(asked, 2)
})
