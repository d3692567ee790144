/**
 * The decision log, written by C and by Node in turn behind a line of any bytes: each names the
 * bytes of the line before it, and Node reads what C wrote.
 */
import { strict as assert } from 'node:assert'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { appendLine, digestOf } from '../../src/decisions/append.ts'
import {
  type Decision,
  LINE_LIMIT,
  NO_LINE,
  printBeginning,
  printDecision,
} from '../../src/decisions/line.ts'
import { parseLine } from '../../src/decisions/parse-line.ts'
import { logPlaces, numberName } from '../../src/decisions/places.ts'
import type { AskPlugin } from '../../test/support/plugin.ts'
import { NAR_HASH, PATH } from '../seeds.ts'
import type { Target } from '../target.ts'

const DECISION: Decision = {
  door: 'gate',
  asker: 'user 1000',
  path: PATH,
  narHash: NAR_HASH,
  outcome: 'untrusted',
  letIn: false,
  ground: 'rule',
  evidence: [NAR_HASH],
  policy: 'cd'.repeat(32),
  mode: 'enforce',
  message: 'needs one of "builders"; next: nixsig explain',
}
const PLACE = { number: 0, previous: NO_LINE, time: 1_790_000_000_000 }

/** The target; `state` is a directory that only this user can write to. */
export function decisionsInC(state: string, plugin: () => AskPlugin): Target {
  const places = logPlaces(state)
  const file = (number: number) => `${places.open}/${numberName(number)}`
  for (const each of [places.directory, places.open, places.segments])
    mkdirSync(each, { recursive: true, mode: 0o700 })
  let next = 0
  return {
    name: 'decision log in C',
    seeds: [
      printBeginning(PLACE, { log: '0'.repeat(32), machine: undefined }),
      printDecision(PLACE, DECISION),
      'x'.repeat(LINE_LIMIT),
      'x'.repeat(LINE_LIMIT + 1),
      '',
    ].map(seed => Buffer.from(seed)),
    tokens: ['"', '\\', '\n', '\0', 'ä', '\u2028', '\x7f', 'null', '{', '}', '"number":', '"previous":'],
    check: input => {
      const number = next
      next += 3
      writeFileSync(file(number), input)
      const message = Buffer.from(input).toString('latin1').split('\0')[0] ?? ''
      const path = `${PATH}-${number}`
      const { kind, why } = plugin().log({
        ...{ state, log: 'required', mode: 'enforce', path, hash: `sha256:${NAR_HASH}`, ground: 'gate' },
        ...{ outcome: 'trusted', letIn: true, message: message.slice(0, 2000) },
      })
      if (input.length > LINE_LIMIT) {
        assert.match(why, /has more than 4096 bytes/)
        rmSync(file(number))
        next = number
        return 'refused by C'
      }
      assert.equal(kind, 'logged', why)
      const written = readFileSync(file(number + 1))
      const line = parseLine(written.toString('latin1'))
      assert.ok(line.kind === 'decision' && line.number === number + 1)
      assert.equal(line.previous, digestOf(input))
      assert.equal(line.message ?? '', message.slice(0, 512).replace(/[^ -~]/g, '?'))
      assert.equal(line.path, path)
      const after = appendLine(state, place => printDecision(place, DECISION), { isDurable: false })
      assert.equal(after.number, number + 2)
      assert.equal(parseLine(readFileSync(file(number + 2), 'latin1')).previous, digestOf(written))
      return 'accepted'
    },
  }
}
