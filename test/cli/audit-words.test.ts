// What an audit says on a terminal, whoever wrote its names.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failuresIn } from '../../src/audit/fail-on.ts'
import { auditJson } from '../../src/audit/json.ts'
import { auditMetricsText } from '../../src/audit/metrics.ts'
import { changesSince } from '../../src/audit/since.ts'
import { sayAudit } from '../../src/cli/audit-report.ts'
import { sayFleet } from '../../src/cli/fleet-words.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { openMerge } from '../../src/fleet/merge.ts'
import { randomAudit } from '../support/audits/random.ts'

/** What a terminal obeys, or does not show. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u

function printed(say: (terminal: Terminal) => void): string {
  const lines: string[] = []
  const as = (text: string) => text
  const terminal = {
    print: (text: string) => lines.push(text),
    good: as,
    bad: as,
    strong: as,
    faint: as,
    doubtful: as,
  } as unknown as Terminal
  say(terminal)
  return lines.join('\n')
}

test('attack: names with control characters and bidirectional overrides, on a terminal', () => {
  for (let seed = 0; seed < 60; seed++) {
    const before = randomAudit(seed, { hostile: 'paths' })
    const after = randomAudit(seed + 1000, { hostile: 'paths' })
    const text = printed(terminal => sayAudit(terminal, after, { changes: changesSince(before, after) }))
    assert.doesNotMatch(text.replaceAll('\n', ' '), UNSEEN, `seed ${seed}`)
    const merge = openMerge(after.time)
    for (const [index, audit] of [before, after].entries()) merge.add(`\u001b]0;${index}\u0007.json`, audit)
    const fleet = merge.report({ oldAfter: 1, expected: ['\u202eabc'] })
    assert.doesNotMatch(printed(terminal => sayFleet(terminal, fleet)).replaceAll('\n', ' '), UNSEEN)
    assert.match(auditJson(after), /^[\x20-\x7e]*$/)
  }
})

test('attack: labels of metrics cannot be broken out of, and name nobody', () => {
  for (let seed = 0; seed < 60; seed++) {
    const audit = randomAudit(seed, { hostile: 'paths' })
    const lines = auditMetricsText(audit).trimEnd().split('\n')
    const SAMPLE =
      /^nixsig_[a-z_]+(\{[a-z_]+="(?:[^"\\]|\\["\\n])*"(,[a-z_]+="(?:[^"\\]|\\["\\n])*")*\})? \d+$/
    for (const line of lines) if (!line.startsWith('# ')) assert.match(line, SAMPLE, `seed ${seed}`)
    assert.ok(lines.length < 100)
  }
})

test('attack: what makes judging slow until its time is over does not pass as nothing new', () => {
  const before = randomAudit(1)
  const after = { ...before, unjudged: 3 }
  const failures = failuresIn(after, changesSince(before, after), ['new-refused'])
  assert.deepEqual(failures, [{ failure: 'new-refused', count: 3 }])
})
