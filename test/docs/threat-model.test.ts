// What docs/threat-model.md says of bounds is what the code has.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { HTTP_LIMITS } from '../../src/gate/http-server.ts'
import { HOLDERS_KEPT } from '../../src/quarantine/take-all-out.ts'
import { AT_ONCE, OVER } from '../../src/verifier/unjudged-builds.ts'

const page = readFileSync(join(PROJECT_ROOT, 'docs/threat-model.md'), 'utf8')
const guard = readFileSync(join(PROJECT_ROOT, 'nix/plugin/guard.c'), 'utf8')
const [, inside, before] = /PATIENCE_INSIDE_MS = (\d+), PATIENCE_BEFORE_MS = (\d+) \* 1000/.exec(guard) ?? []

const { connections, pipelined, turns } = HTTP_LIMITS
const { open, restraint } = connections
const BOUNDS: Readonly<Record<string, readonly string[]>> = {
  'builds that are allowed to start': [`${AT_ONCE} names at a time, ${OVER} s after`],
  'Paths that refer to an output': [`${HOLDERS_KEPT} such paths are kept`],
  "the gate's HTTP side": [
    `has ${open.user.each} connections`,
    `users together ${open.user.all}, all machines ${open.machine.all}, and root ${open.root.all} of`,
    `${pipelined} requests ahead`,
    `${turns.atOnce.user.each} answered at once, another machine ${turns.atOnce.machine.each};`,
    `${turns.pace.user?.each.burst} requests and ${restraint.opened.user?.each.burst} connections at once`,
    `${turns.pace.user?.each.perSecond} and ${restraint.opened.user?.each.perSecond} a second`,
    `have ${turns.pace.user?.all.burst} of each, and then ${turns.pace.user?.all.perSecond} a second`,
  ],
  'nix-daemon makes for a user': [
    `${open.client.each} connections, ${turns.atOnce.client.each} requests answered at once`,
    `${turns.pace.client?.each.burst} requests and ${restraint.opened.client?.each.burst} connections at once`,
    `${turns.pace.client?.each.perSecond} and ${restraint.opened.client?.each.perSecond} a second`,
    `${turns.pace.client?.all.burst} and ${restraint.opened.client?.all.burst}, and then`,
    `${turns.pace.client?.all.perSecond} and ${restraint.opened.client?.all.perSecond} a second. A process`,
  ],
  'make the plugin ask': [`at most ${before} s`, `within ${inside} ms`],
}

for (const [cause, bounds] of Object.entries(BOUNDS)) {
  test(`the bound of: ${cause}`, () => {
    const row = page.split('\n').find(line => line.startsWith('|') && line.includes(cause))
    for (const bound of bounds) assert.ok(row?.includes(bound), `${bound} is not in: ${row}`)
  })
}
