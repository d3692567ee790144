import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../src/primitives/format-error.ts'
import { publicFile } from '../../src/setup/file-state.ts'
import { isAsLeft, markOf, parseRecord, printRecord, type SetupRecord } from '../../src/setup/record.ts'

const BEFORE = { ...publicFile('cores = 1\r\n\xff\0no line feed'), mode: 0o600 }
const AFTER = publicFile('sandbox = true\n')
const RECORD: SetupRecord = {
  directory: '/opt/nixsig',
  without: ['plugin'],
  finished: true,
  nixConfDirectoryMade: false,
  files: new Map([
    ['nix.conf', { path: '/etc/nix/nix.conf', before: BEFORE, after: [markOf(AFTER), undefined] }],
    ['nixsig.conf', { path: '/etc/nix/nixsig.conf', before: undefined, after: [markOf(AFTER)] }],
  ]),
}
const TEXT = printRecord(RECORD)

test('what is written can be read back, whatever bytes a file had', () => {
  assert.deepEqual(parseRecord(Buffer.from(TEXT)), RECORD)
})

test('a file is recognised by its contents, its mode and its owner', () => {
  const file = { after: [markOf(AFTER)] }
  assert.ok(isAsLeft(AFTER, file))
  for (const other of [
    publicFile('sandbox = false\n'),
    { ...AFTER, mode: 0o600 },
    { ...AFTER, uid: AFTER.uid + 1 },
    { ...AFTER, gid: AFTER.gid + 1 },
    undefined,
  ]) {
    assert.equal(isAsLeft(other, file), false)
  }
  assert.ok(isAsLeft(undefined, { after: [undefined] }))
})

const TAMPERED: Readonly<Record<string, readonly [RegExp, string, RegExp]>> = {
  'another file than those that setup changes': [/"nixsig\.conf"/, '"shadow"', /unknown field "shadow"/],
  'a file that others could write to afterwards': [/"mode": 384/, '"mode": 438', /would let others write/],
  'a mode that is none': [/"mode": 384/, '"mode": 99999', /must be a number up to/],
  'an owner that is none': [/"uid": \d+/, '"uid": -1', /must be a number up to/],
  'contents that are no base 64': [/"contents": "/, '"contents": "*', /must be base 64/],
  'a hash that is none': [/"sha256": "../, '"sha256": "XX', /64 lower-case hexadecimal/],
  'a field twice': [/"version": 1,/, '"version": 1, "version": 1,', /"version" is repeated/],
  'an unknown field': [/"version": 1,/, '"version": 1, "hook": "/tmp/x",', /unknown field "hook"/],
  'another version': [/"version": 1,/, '"version": 2,', /must be 1/],
  'a front that is none': [/"plugin"/, '"everything"', /must be one of/],
  'no end': [/\}\s*$/, '', /JSON/],
}

for (const [what, [pattern, replacement, reason]] of Object.entries(TAMPERED)) {
  test(`attack: a record with ${what} is refused`, () => {
    const text = TEXT.replace(pattern, replacement)
    assert.notEqual(text, TEXT)
    assert.throws(
      () => parseRecord(Buffer.from(text)),
      (error: unknown) => error instanceof FormatError && reason.test(error.message),
    )
  })
}

test('attack: an endless record is not read', () => {
  assert.throws(() => parseRecord(Buffer.alloc(7 * 1024 * 1024, ' ')), /longer than/)
})
