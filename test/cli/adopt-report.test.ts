import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cause } from '../../src/adopt/cause.ts'
import type { Decided } from '../../src/adopt/run.ts'
import { decidedLine, summaryLine } from '../../src/cli/adopt-json.ts'
import { sayCauses, sayEstimate, saySums } from '../../src/cli/adopt-report.ts'
import { barLine, openProgress } from '../../src/cli/progress-bar.ts'
import { screen } from '../support/screen.ts'

const path = (name: string) => `/nix/store/${'0'.repeat(32)}-${name}`
const cause = (name: string): Cause => ({
  code: 'not-reproducible',
  path: path(name),
  kind: 'output',
  detail: 'it differs',
  status: 13,
})
const member = (name: string, outcome: Decided['outcome'], isMember = true): Decided => ({
  path: path(name),
  kind: 'output',
  isMember,
  outcome,
})
const DECIDED: readonly Decided[] = [
  member('a', { kind: 'admitted' }),
  member('b', { kind: 'vouched', by: 'cache' }),
  member('c', { kind: 'rebuilt', derivation: path('c.drv'), seconds: 3 }),
  member('compiler', { kind: 'left', causes: [cause('compiler')] }, false),
  member('d', { kind: 'left', causes: [cause('compiler')] }),
  member('e', { kind: 'left', causes: [cause('compiler'), cause('e')] }),
]

test('sums count the closure; a cause is told once, with what it keeps back and one next step', () => {
  const { terminal, printed } = screen()
  saySums(terminal, DECIDED, false)
  sayCauses(terminal, DECIDED)
  const text = printed.join('\n')
  assert.match(
    text,
    /^adopted: 3 of 5 paths \(1 admitted before, 1 vouched for, 1 built again and the same\)$/m,
  )
  assert.match(text, /^left: 2 paths$/m)
  assert.match(text, /^built again, it came out differently \(2\):$/m)
  assert.match(text, /-compiler \[keeps 2 paths back\]\n {4}it differs$/m)
  assert.equal(text.match(/-e\n {4}it differs/g)?.length, 1)
  assert.equal(text.match(/next: /g)?.length, 1)
})

test('a group of very many names some, and how many more', () => {
  const { terminal, printed } = screen()
  const many = Array.from({ length: 500 }, (_, at) =>
    member(`x${at}`, { kind: 'left', causes: [cause(`x${at}`)] }),
  )
  sayCauses(terminal, many)
  assert.match(printed.join('\n'), /\(500\):[\s\S]*and 480 more: --json names them/)
  assert.ok(printed.length < 30)
})

test('--json: a line a path, and one for all, that is plain ASCII', () => {
  const lines = DECIDED.map(decidedLine)
  assert.deepEqual(JSON.parse(lines[2] ?? ''), {
    path: path('c'),
    kind: 'output',
    member: true,
    outcome: 'rebuilt',
    derivation: path('c.drv'),
    seconds: 3,
  })
  assert.equal(JSON.parse(lines[4] ?? '').causes[0].code, 'not-reproducible')
  const exemptions = [{ path: path('e'), reason: 'r', until: 1 }]
  const { summary } = JSON.parse(summaryLine({ decided: DECIDED, exemptions, estimate: undefined }))
  assert.deepEqual(
    [summary.admitted, summary.vouched, summary.rebuilt, summary.left, summary.causes.length],
    [1, 1, 1, 2, 2],
  )
  assert.deepEqual(summary.exemptions, exemptions)
})

test('the estimate says what it rests on', () => {
  const said = (known: number, unknown: number, assumed: number | undefined) => {
    const { terminal, printed } = screen()
    sayEstimate(terminal, { seconds: 90, known, unknown, assumed })
    return printed.join('')
  }
  assert.match(
    said(2, 0, 5),
    /^time: about 2 min \(everything is hashed; 2 builds, .*by the log that Nix kept\)$/,
  )
  assert.match(said(1, 2, 5), /3 builds, .*1 as long as .*; the others 5 s each, the median of those\)$/)
  assert.match(said(0, 1, undefined), /1 build, .*of none of them is known/)
  assert.match(said(0, 0, undefined), /nothing is built\)$/)
})

test('a bar on a terminal, as wide as it has room; lines elsewhere', () => {
  assert.equal(barLine({ done: 5, total: 10, doing: 'x', columns: 80 }), '[##########----------] 5/10 x')
  assert.equal(barLine({ done: 0, total: 0, doing: '', columns: 80 }), `[${'-'.repeat(20)}] 0/0`)
  for (const columns of [10, 39, 40, 80]) {
    const line = barLine({ done: 3, total: 9, doing: 'y'.repeat(200), columns })
    assert.ok(line.length < columns, `${columns}: ${line}`)
  }
  const plain = screen()
  const progress = openProgress(plain.terminal, { isTerminal: false, columns: 80 })
  progress.begin(2)
  progress.step()
  progress.work('building x again')
  assert.deepEqual(plain.noted, ['1 of 2: building x again'])
  const rich = screen()
  const bar = openProgress(rich.terminal, { isTerminal: true, columns: 80 })
  bar.begin(2)
  bar.work('building x again')
  assert.deepEqual(rich.noted, [])
  assert.match(rich.shown.at(-1) ?? '', /\] 0\/2 building x again$/)
})
