import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { explainError } from '../../src/cli/explain-error.ts'
import { FileError } from '../../src/files/regular-file.ts'
import { adviceFor } from '../../src/policy/advice.ts'

const STEPS: Readonly<Record<string, RegExp>> = {
  'ENOSPC: no space left on device, write': /make room .*df -h/,
  'EROFS: read-only file system, open': /is read-only: mount it writable/,
  "EACCES: permission denied, open '/x'": /as a user who may do that/,
  'listen EADDRINUSE: address already in use 127.0.0.1:4649': /ss -ltnp .*listen of \[gate\]/,
  "ENOENT: no such file or directory, realpath '/x'": /name a file that is there/,
  "EISDIR: illegal operation on a directory, rename 'a' -> 'b'": /a directory lies where a file has to be/,
  'EMFILE: too many open files, open': /ulimit -n/,
}

test('an error of the system has a step of its own, in whatever it is wrapped', () => {
  for (const [message, step] of Object.entries(STEPS)) {
    const code = /E[A-Z]+/.exec(message)?.[0]
    const bare = Object.assign(new Error(message), { code, syscall: 'open' })
    for (const error of [bare, new FileError(`cannot write /x: ${message}`)]) {
      const text = explainError(error, 'nixsig --help')?.text ?? ''
      assert.match(text, step)
      assert.doesNotMatch(text, /nixsig doctor/)
    }
    const trouble = { origin: '/x', detail: `cannot write /x: ${message}` }
    const advice = adviceFor({
      outcome: 'indeterminate',
      path: '/nix/store/0123456789abcdfghijklmnpqrsvwxyz-x',
      kind: 'output',
      ground: { kind: 'evidence' },
      findings: [{ code: 'unreadable', trouble }],
    })
    assert.match(advice.join('\n'), step)
    assert.doesNotMatch(advice.join('\n'), /nixsig doctor/)
  }
})

test('a real error of the system is known by the name that Node gives it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-steps-'))
  try {
    const link = join(directory, 'link')
    symlinkSync(link, link)
    assert.throws(
      () => writeFileSync(link, ''),
      error => /symbolic links that lead in a circle/.test(explainError(error, '')?.text ?? ''),
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('what is not an error of the system keeps its step', () => {
  assert.match(explainError(new FileError('line 3 is not a line'), 'help')?.text ?? '', /nixsig doctor/)
})
