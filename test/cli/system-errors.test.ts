// No error of the system reaches a user as Node words it: which file, what was wrong, and what to
// do next.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { getSystemErrorMap } from 'node:util'
import fc from 'fast-check'
import { explainError } from '../../src/cli/explain-error.ts'
import { ArgumentError, FileError } from '../../src/files/regular-file.ts'
import { PackagingError } from '../../src/packaging/packaging-error.ts'
import { printable } from '../../src/primitives/printable.ts'
import { withSystemErrorsInWords } from '../../src/primitives/system-error-words.ts'

const ERRORS = [...getSystemErrorMap().values()].filter(([name]) => /^E[A-Z0-9]/.test(name))
const CALLS = [
  ...[
    'access',
    'chmod',
    'chown',
    'close',
    'copyfile',
    'fdatasync',
    'fstat',
    'fsync',
    'ftruncate',
    'lchown',
    'link',
  ],
  ...[
    'lstat',
    'lutime',
    'mkdir',
    'mkdtemp',
    'open',
    'opendir',
    'read',
    'readlink',
    'realpath',
    'rename',
    'rmdir',
  ],
  ...['scandir', 'stat', 'statfs', 'symlink', 'unlink', 'utime', 'watch', 'write', 'writev', 'some_new_call'],
]
/** What would not be there in a sentence of plain words. */
const RAW =
  /\bE[A-Z0-9_]{2,}\b|\b(?:lstat|fstat|scandir|realpath|mkdtemp|copyfile|fdatasync|ftruncate|lchown|lutime)\b/

const path = fc.oneof(
  fc.constantFrom(
    '/etc/nixsig/policy.toml',
    'result',
    '/a b/c',
    '/tmp/\u001b[2J',
    '/tmp/line\nbreak',
    '/tmp/\\n',
  ),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 20 })
    .filter(text => !text.includes("'") && !text.includes('E')),
)

/** An error as Node makes it. */
function nodeError([code, words]: readonly [string, string], syscall: string, at: string, dest?: string) {
  const places = dest === undefined ? `'${at}'` : `'${at}' -> '${dest}'`
  const fields = { code, syscall, path: at, errno: -1, ...(dest === undefined ? {} : { dest }) }
  return Object.assign(new Error(`${code}: ${words}, ${syscall} ${places}`), fields)
}

test('every error of every call, bare or in another message, names the file, says what was wrong and what is next', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ERRORS),
      fc.constantFrom(...CALLS),
      path,
      fc.boolean(),
      (error, call, at, moves) => {
        const bare = nodeError(error, call, at, moves ? '/srv/there' : undefined)
        const wrapped = `cannot read the key: ${printable(bare.message)}`
        const texts = [
          bare,
          new FileError(wrapped),
          new ArgumentError(wrapped),
          new PackagingError('no-derivation' as never, wrapped),
        ].map(each => explainError(each, 'nixsig verify --help')?.text ?? '')
        for (const text of texts) {
          const withoutPath = text.replaceAll(printable(at), '')
          assert.doesNotMatch(withoutPath, RAW, text)
          assert.ok(text.includes(printable(at)), `${text} names ${printable(at)}`)
          assert.match(text, /cannot [a-z]/)
          assert.match(text, /\bnext: \S/)
          assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
        }
      },
    ),
    { numRuns: 3_000 },
  )
})

test('errors of connections and of programs that cannot be started', () => {
  const spoken: readonly (readonly [string, string])[] = [
    ['connect ECONNREFUSED 127.0.0.1:80', 'cannot connect to 127.0.0.1:80: nobody listens there'],
    ['spawn git ENOENT', 'cannot run git: it is not there'],
    [
      'getaddrinfo ENOTFOUND cache.example.org',
      'cannot find the address of cache.example.org: no such name is known',
    ],
    [
      'listen EADDRINUSE: address already in use 127.0.0.1:4649',
      'cannot listen at 127.0.0.1:4649: the address is taken',
    ],
    [
      "cannot follow x: ENOENT: no such file or directory, lstat '/x'; next: y",
      'cannot follow x: cannot look at /x: it is not there; next: y',
    ],
    [
      "ENOTEMPTY: directory not empty, rename '/a' -> '/b'",
      'cannot move /a to /b: the directory is not empty',
    ],
    [
      'ENOSPC: no space left on device, write',
      'cannot write a file or a connection: the file system is full',
    ],
  ]
  for (const [raw, words] of spoken) assert.equal(withSystemErrorsInWords(raw), words)
})

test('a real error: a directory in place of a file, and a file in place of a directory', () => {
  for (const [file, words] of [
    ['/proc', /^cannot (?:read|open) .*: it is a directory; next: /],
    [
      '/proc/version/x',
      /^cannot open \/proc\/version\/x: something in its path is a file, not a directory; next: /,
    ],
  ] as const) {
    assert.throws(
      () => readFileSync(file),
      error => words.test(explainError(error, 'help')?.text ?? ''),
    )
  }
})

test('other text stays as it is', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }).filter(text => !/E[A-Z]/.test(text)),
      text => {
        assert.equal(withSystemErrorsInWords(text), text)
      },
    ),
  )
})
