import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { after, beforeEach, test } from 'node:test'
import { openAttempts } from '../../src/adopt/attempts.ts'

const state = mkdtempSync('/tmp/nixsig-attempts-')
after(() => rmSync(state, { recursive: true }))
beforeEach(() => rmSync(`${state}/adopt`, { recursive: true, force: true }))

const DIGEST = '0123456789abcdfghijklmnpqrsvwxyz'
const TRIED = {
  path: `/nix/store/${DIGEST}-x`,
  narHash: 'ab'.repeat(32),
  derivation: `/nix/store/${DIGEST}-x.drv`,
}
const open = (again = false) => openAttempts(state, { again })

test('a run that was killed goes on: what failed in it is not tried again', () => {
  const first = open()
  assert.equal(first.isResumed, false)
  first.note(TRIED, { outcome: 'failed', why: 'error: no\nroom\u001b[31m' })
  const second = open()
  assert.equal(second.isResumed, true)
  assert.deepEqual(second.known(TRIED), { outcome: 'failed', why: 'error: no\\u{a}room\\u{1b}[31m' })
})

test('a run that came to its end does not: what failed is tried again, what differed is not', () => {
  const other = { ...TRIED, path: `/nix/store/${DIGEST.replace('0', '1')}-y` }
  const first = open()
  first.note(TRIED, { outcome: 'failed', why: 'x' })
  first.note(other, { outcome: 'differs', why: 'y' })
  first.end()
  const second = open()
  assert.equal(second.isResumed, false)
  assert.equal(second.known(TRIED), undefined)
  assert.equal(second.known(other)?.outcome, 'differs')
  const again = open(true)
  assert.equal(again.known(other), undefined)
  again.note(other, { outcome: 'differs', why: 'y' })
  assert.equal(again.known(other)?.outcome, 'differs')
})

test('it holds for these contents by this derivation, until they are adopted', () => {
  const attempts = open()
  attempts.note(TRIED, { outcome: 'differs', why: 'x' })
  assert.equal(attempts.known({ ...TRIED, narHash: 'cd'.repeat(32) }), undefined)
  assert.equal(
    attempts.known({ ...TRIED, derivation: TRIED.derivation.replace('x.drv', 'z.drv') }),
    undefined,
  )
  attempts.forget(TRIED.path)
  assert.equal(attempts.known(TRIED), undefined)
  attempts.end()
  assert.deepEqual(readdirSync(`${state}/adopt`), [])
})

test('what a power failure left, or somebody else wrote, is not believed', () => {
  const attempts = open()
  const file = `${state}/adopt/${DIGEST}`
  for (const text of ['', '\0'.repeat(100), 'nixsig1 x\n', 'nixsig2 y\noutcome same\nwhy z\n']) {
    writeFileSync(file, text, { mode: 0o600 })
    assert.equal(attempts.known(TRIED), undefined)
  }
  chmodSync(file, 0o666)
  assert.throws(() => attempts.known(TRIED), /writable by others/)
  writeFileSync(`${state}/adopt/run`, 'x'.repeat(40))
  assert.equal(open().isResumed, false)
  assert.ok(existsSync(`${state}/adopt/run`))
})
