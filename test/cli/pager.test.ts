import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePager } from '../../src/cli/pager.ts'

const LESS = '/usr/bin/less'
const asUser = { isRoot: false, less: LESS }
const asRoot = { isRoot: true, less: LESS }

test('the pager of a user is what NIXSIG_PAGER says, then PAGER, then less', () => {
  const both = choosePager({ NIXSIG_PAGER: 'most -w', PAGER: 'more' }, asUser)
  assert.deepEqual([both?.program, ...(both?.args ?? [])], ['/bin/sh', '-c', 'most -w'])
  assert.deepEqual(choosePager({ PAGER: 'more' }, asUser)?.args, ['-c', 'more'])
  const usual = choosePager({ HOME: '/home/a' }, asUser)
  assert.deepEqual(usual, { program: LESS, args: [], env: { HOME: '/home/a', LESS: 'FRX' } })
  assert.equal(choosePager({ LESS: 'S' }, asUser)?.env['LESS'], 'S')
})

test('an empty pager and cat are none, and without less there is none either', () => {
  for (const PAGER of ['', ' ', 'cat']) {
    assert.equal(choosePager({ PAGER }, asUser), undefined)
    assert.equal(choosePager({ PAGER }, asRoot), undefined)
  }
  assert.equal(choosePager({}, { isRoot: false, less: undefined }), undefined)
  assert.equal(choosePager({ PAGER: 'more' }, { isRoot: true, less: undefined }), undefined)
})

test("attack: somebody else's environment names no program that root runs", () => {
  const env = {
    NIXSIG_PAGER: 'sh -c "touch /tmp/owned"',
    PAGER: '/tmp/evil',
    LESSOPEN: '|/tmp/evil %s',
    LESSEDIT: '/tmp/evil',
    LESSKEYIN: '/tmp/keys',
    LESS: '-o/etc/passwd',
    EDITOR: '/tmp/evil',
    SHELL: '/tmp/evil',
    LD_PRELOAD: '/tmp/evil.so',
    PATH: '/tmp',
    TERM: 'xterm',
  }
  const pager = choosePager(env, asRoot)
  assert.equal(pager?.program, LESS)
  assert.deepEqual(pager?.args, [])
  assert.equal(pager?.env['LESSSECURE'], '1')
  assert.equal(pager?.env['TERM'], 'xterm')
  assert.doesNotMatch(JSON.stringify(pager), /evil|tmp|passwd/)
})
