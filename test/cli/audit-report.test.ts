// What `nixsig audit` prints: how many are refused at its beginning and its end, in plain words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Audit } from '../../src/audit/audit.ts'
import { sayAudit } from '../../src/cli/audit-report.ts'
import { openProgress } from '../../src/cli/progress-bar.ts'
import { counted } from '../../src/primitives/counted.ts'
import { randomAudit } from '../support/audits/random.ts'
import { screen } from '../support/screen.ts'

function said(audit: Audit): string {
  const { terminal, printed } = screen()
  sayAudit(terminal, audit)
  return printed.join('\n')
}

test('the first lines and the last one count the same paths, whatever was found', () => {
  for (let seed = 0; seed < 60; seed++) {
    const audit = randomAudit(seed, { paths: 30 })
    const closure = audit.paths.filter(({ part }) => part === 'closure')
    const count = (outcome: string) => closure.filter(path => path.outcome === outcome).length
    const of = counted(closure.length, 'path')
    const text = said(audit)
    const [last = ''] = text.split('\n').slice(-1)
    const refused = count('untrusted') + count('indeterminate')
    if (refused > 0) assert.equal(last, `${refused} of ${of} would be refused now`)
    else assert.match(last, audit.unjudged > 0 ? /^not all of it was judged/ : /^none of /)
    const [, row = ''] = /^trusted +(.*)$/m.exec(text) ?? []
    assert.ok(row.startsWith(`${count('trusted')} of ${of}`), row)
    if (count('untrusted') > 0) assert.ok(row.includes(`${count('untrusted')} refused`), row)
    if (count('indeterminate') > 0) assert.ok(row.includes(`${count('indeterminate')} undecided`), row)
  }
})

test('a group counts paths of the closure, and what they were made of beside them', () => {
  const plain = randomAudit(3, { paths: 40 })
  const closure = plain.paths.flatMap(({ part }, place) => (part === 'closure' ? [place] : []))
  const making = plain.paths.flatMap(({ part }, place) => (part === 'making' ? [place] : []))
  const group = (paths: readonly number[]): Audit['groups'] => [
    { code: 'unapproved', title: 'nobody approved it', next: 'approve it', paths },
  ]
  const titleOf = (paths: readonly number[]) =>
    /^nobody approved it \((.*)\):$/m.exec(said({ ...plain, groups: group(paths) }))?.[1]
  assert.equal(titleOf(closure.slice(0, 2)), '2')
  assert.equal(titleOf([...closure.slice(0, 2), ...making.slice(0, 1)]), '2, and 1 that they were made of')
})

test('shares say how many of how many, in plain words', () => {
  const shares: Audit['shares'] = [
    { kind: 'derivation', role: 'packager', signed: 3, total: 6 },
    { kind: 'derivation', role: 'approver', signed: 1, total: 6 },
    { kind: 'output', role: 'builder', signed: 0, total: 23 },
  ]
  const text = said({ ...randomAudit(1), shares })
  assert.match(text, /^signed +derivations: 3 of 6 by packagers, 1 of 6 by approvers$/m)
  assert.match(text, /^ +outputs: none of 23 is signed$/m)
})

test('progress begins anew with each part, counts no more than there is, and is quiet without a terminal', () => {
  const rich = screen()
  const bar = openProgress(rich.terminal, { isTerminal: true, columns: 80 })
  bar.begin(1)
  bar.step()
  bar.step()
  assert.match(rich.shown.at(-1) ?? '', /\] 2\/2$/)
  bar.begin(3)
  bar.show('reading x')
  assert.match(rich.shown.at(-1) ?? '', /\] 0\/3 reading x$/)
  const plain = screen()
  const quiet = openProgress(plain.terminal, { isTerminal: false, columns: 80 })
  quiet.begin(3)
  quiet.show('reading x')
  assert.deepEqual(plain.noted, [])
})
