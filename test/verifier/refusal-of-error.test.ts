// Every error becomes a refusal, with a reason that helps its reader.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LateError } from '../../src/files/deadline.ts'
import { sentence } from '../../src/policy/wording.ts'
import { FormatError } from '../../src/primitives/format-error.ts'
import { refusalOf } from '../../src/verifier/refusal-of-error.ts'

const PATH = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello-2.12'
const said = (error: unknown) => sentence(refusalOf(error, PATH, 'output'))

test('a plain user who builds in a store of their own is told that only root can admit', () => {
  const error = Object.assign(new Error("EACCES: permission denied, mkdir '/var/lib/nixsig/expected'"), {
    code: 'EACCES',
  })
  assert.match(
    said(error),
    /undecided because of a file that cannot be read: a file: EACCES: .*only root can admit anything on this machine/,
  )
})

test('errors of nixsig itself say what could not be read; all others are reported as errors', () => {
  assert.match(said(new FormatError('derivation', 'not in the store', PATH)), /undecided .*derivation: /)
  assert.match(
    said(new TypeError('x is not a function')),
    /an error in the middle of judging: x is not a function/,
  )
  assert.match(said('thrown'), /an error in the middle of judging: thrown/)
})

test('what the Nix daemon answered is not reported as a file', () => {
  assert.match(
    said(new FormatError('worker protocol', 'more than 8589934592 bytes', 'answer')),
    /undecided because of the store: the Nix daemon's answer: worker protocol: more than/,
  )
})

test('a judgement that took too long is not reported as an unreadable file, and says what it waited for', () => {
  assert.match(
    said(new LateError('no verdict within 300 seconds: still waited for a NAR from https://a.example')),
    /, undecided because of the time that judging may take: the judgement: no verdict within 300 seconds: still waited for a NAR from https:\/\/a\.example/,
  )
})
