// docs/semantics.md, H8: a respite, read by TypeScript and by the plugin's C code, which have to
// agree on every file.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  endRespite,
  giveRespite,
  LONGEST_RESPITE,
  readRespite,
  respiteAt,
  respiteFile,
  underRespite,
} from '../../src/ledger/respite.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { asRoot, ROW, type State, usePlugin } from '../support/plugin-state.ts'

const { admitting, ask, letsIn, stateWith } = usePlugin()

const now = () => Math.floor(Date.now() / 1000)
const text = (since: number, until: number, reason = '') =>
  `nixsig1 respite\nsince ${since}\nuntil ${until}\nreason ${reason}\n`

/** What happens to a path that would otherwise be refused, according to both readers. */
function isWarned(where: State): boolean {
  const byPlugin = ask(where, ROW).outcome
  const inTypeScript = underRespite<Pick<Policy, 'mode'>>({ mode: 'enforce' }, where.state, now()).mode
  assert.equal(byPlugin, inTypeScript === 'warn' ? 'warned' : 'refused')
  return byPlugin === 'warned'
}

function withText(contents: string): State {
  const where = stateWith()
  writeFileSync(respiteFile(where.state), contents, { mode: 0o644 })
  return where
}

test('H8: during a respite a refused path is let in with a warning, an admitted path without one', () => {
  const where = admitting()
  giveRespite(where.state, { since: now() - 1, until: now() + 3600, reason: 'the cache is down' })
  letsIn(where, ROW)
  const other = stateWith()
  assert.equal(isWarned(other), false)
  giveRespite(other.state, { since: now() - 1, until: now() + 3600, reason: '' })
  assert.equal(isWarned(other), true)
  endRespite(other.state)
  assert.equal(isWarned(other), false)
})

test('a respite is read back as it was given', () => {
  const { state } = stateWith()
  assert.equal(readRespite(state), undefined)
  const respite = { since: 100, until: 200, reason: 'the cache is down' }
  giveRespite(state, respite)
  assert.deepEqual(readRespite(state), respite)
  assert.equal(readFileSync(respiteFile(state), 'utf8'), text(100, 200, 'the cache is down'))
})

test('H8: a respite begins and ends at its exact seconds', () => {
  const { state } = stateWith()
  giveRespite(state, { since: 100, until: 200, reason: '' })
  const inForce = [99, 100, 199, 200].map(at => respiteAt(state, at) !== undefined)
  assert.deepEqual(inForce, [false, true, true, false])
})

test('attack: setting the clock back to before a respite began ends it', () => {
  assert.equal(isWarned(withText(text(now() + 600, now() + 1200))), false)
})

test('attack: a respite that is over stays over', () => {
  assert.equal(isWarned(withText(text(now() - 600, now() - 1))), false)
})

test('attack: a respite of more than a week is not in force', () => {
  assert.equal(isWarned(withText(text(now() - 1, now() - 1 + LONGEST_RESPITE))), true)
  assert.equal(isWarned(withText(text(now() - 1, now() + LONGEST_RESPITE))), false)
})

test('a reason that does not fit into a line is shortened and made printable', () => {
  const { state } = stateWith()
  giveRespite(state, { since: 1, until: 2, reason: `a\nuntil 9\x1b[31m\u00e9${'x'.repeat(300)}` })
  assert.equal(readRespite(state)?.reason, `a?until 9?[31m?${'x'.repeat(185)}`)
})

const good = () => text(now() - 1, now() + 3600, 'why')

for (const [what, damage] of [
  ['cut off anywhere', () => good().slice(0, -1)],
  ['empty', () => ''],
  ['with a line more', () => `${good()}until 99999999999\n`],
  ['with a line less', () => good().replace(/since .*\n/, '')],
  ['with lines in another order', () => good().replace(/(since .*\n)(until .*\n)/, '$2$1')],
  ['of another version', () => good().replace('nixsig1', 'nixsig2')],
  ['with a sign', () => good().replace('since ', 'since +')],
  ['with a number that is too long', () => good().replace('until ', 'until 0000000000')],
  ['with no number', () => good().replace(/until .*\n/, 'until \n')],
  ['with a control character', () => good().replace('why', 'w\x1bhy')],
  ['with a byte beyond ASCII', () => good().replace('why', 'w\u00ffhy')],
  ['with a NUL', () => good().replace('why', 'w\0hy')],
  ['with a carriage return', () => good().replaceAll('\n', '\r\n')],
  ['with a reason that is too long', () => good().replace('why', 'y'.repeat(201))],
  ['that is huge', () => good() + ' '.repeat(100_000)],
] as const) {
  test(`attack: a file ${what} lets nothing pass`, () => {
    assert.equal(isWarned(withText(good())), true)
    const where = withText(damage())
    assert.equal(isWarned(where), false)
    assert.throws(() => readRespite(where.state), /respite/)
  })
}

test('attack: a file that others can write lets nothing pass', () => {
  const where = withText(good())
  chmodSync(respiteFile(where.state), 0o666)
  assert.equal(isWarned(where), false)
  assert.throws(() => readRespite(where.state), /writable by others/)
})

test('attack: a file that belongs to another user lets nothing pass', asRoot, () => {
  const where = withText(good())
  chownSync(respiteFile(where.state), 1000, 1000)
  assert.equal(isWarned(where), false)
  assert.throws(() => readRespite(where.state), /belongs to user 1000/)
})

test('attack: a symbolic link in place of the file lets nothing pass', () => {
  const [where, other] = [stateWith(), withText(good())]
  symlinkSync(respiteFile(other.state), respiteFile(where.state))
  assert.equal(isWarned(where), false)
})

test('P9: if the policy was changed and not read since, a respite changes nothing in the plugin', () => {
  const where = withText(good())
  assert.equal(ask(where, ROW).outcome, 'warned')
  writeFileSync(where.policy, 'another')
  assert.equal(ask(where, ROW).outcome, 'refused')
})
