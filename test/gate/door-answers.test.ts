/** What is counted of the answers at each door. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorReply, type HookReply } from '../../src/formats/hook-reply.ts'
import { doorOf, outcomeAt } from '../../src/gate/door-answers.ts'

const DERIVATION = `/nix/store/${'0'.repeat(32)}-x.drv`
const telling = { isByLine: false, versions: [] }
const pass: HookReply = { outcome: 'pass', sentence: '', notice: '', telling }

test('each question belongs to a door', () => {
  const doors = (['before-build', 'may-build', 'after-build'] as const).map(kind =>
    doorOf({ kind, derivation: DERIVATION }),
  )
  assert.deepEqual(doors, ['before-build', 'before-build', 'after-build'])
  const path = DERIVATION.slice(0, -4)
  assert.equal(doorOf({ kind: 'built', path, narHash: '0'.repeat(64), derivation: DERIVATION }), 'plugin')
  assert.equal(doorOf({ kind: 'reload' }), undefined)
})

test('what passes with a warning is told from what passes, and from notices about other things', () => {
  const warned = { ...pass, notice: 'something else\nwarning, let pass until 2026: /nix/store/x: unsigned' }
  assert.equal(outcomeAt('after-build', pass), 'passed')
  assert.equal(outcomeAt('after-build', { ...pass, notice: 'something else' }), 'passed')
  assert.equal(outcomeAt('after-build', warned), 'warned')
  assert.equal(outcomeAt('plugin', pass), 'passed')
  assert.equal(outcomeAt('plugin', { ...pass, notice: '/nix/store/x: unsigned' }), 'warned')
})

test('refusals, and what is left to the hook', () => {
  assert.equal(outcomeAt('plugin', { ...pass, outcome: 'refuse', sentence: 'unsigned' }), 'refused')
  assert.equal(outcomeAt('before-build', errorReply('left')), 'left')
})
