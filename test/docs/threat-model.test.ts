// What docs/threat-model.md says of bounds is what the code has.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { HTTP_LIMITS } from '../../src/gate/http-server.ts'
import { HOLDERS_KEPT } from '../../src/quarantine/take-all-out.ts'
import { AT_ONCE, OVER } from '../../src/verifier/leftovers.ts'

const page = readFileSync(join(PROJECT_ROOT, 'docs/threat-model.md'), 'utf8')
const guard = readFileSync(join(PROJECT_ROOT, 'nix/plugin/guard.c'), 'utf8')
const [, inside, before] = /PATIENCE_INSIDE_MS = (\d+), PATIENCE_BEFORE_MS = (\d+) \* 1000/.exec(guard) ?? []

const { connections, pipelined, turns } = HTTP_LIMITS
const BOUNDS: Readonly<Record<string, readonly string[]>> = {
  'builds that are allowed to start': [`${AT_ONCE} names at a time, ${OVER} s after`],
  'Paths that refer to an output': [`${HOLDERS_KEPT} such paths are kept`],
  "the gate's HTTP side": [
    `has ${connections.perPeer} connections`,
    `together ${connections.others}, and root ${connections.root} of`,
    `${pipelined} requests ahead`,
    `${turns.perUser} answered at once, another machine ${turns.perMachine};`,
    `${turns.pace.burst} requests and ${connections.restraint.opened.burst} connections at once`,
    `${turns.pace.perSecond} and ${connections.restraint.opened.perSecond} a second`,
  ],
  'make the plugin ask': [`at most ${before} s`, `within ${inside} ms`],
}

for (const [cause, bounds] of Object.entries(BOUNDS)) {
  test(`the bound of: ${cause}`, () => {
    const row = page.split('\n').find(line => line.startsWith('|') && line.includes(cause))
    for (const bound of bounds) assert.ok(row?.includes(bound), `${bound} is not in: ${row}`)
  })
}
