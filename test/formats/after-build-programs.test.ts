// The list of programs that run after a build: one absolute path a line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAfterBuild } from '../../src/formats/after-build-programs.ts'

test('programs are read line by line, without comments and empty lines', () => {
  assert.deepEqual(parseAfterBuild(''), [])
  assert.deepEqual(parseAfterBuild('# upload\n\n/opt/upload \n  /opt/a b\n'), ['/opt/upload', '/opt/a b'])
})

const BAD: Readonly<Record<string, readonly [text: string, reason: RegExp]>> = {
  'a program that is looked for': ['upload\n', /not an absolute path \(line 1\)/],
  'a path without a name': ['/opt/upload\n/\n', /not an absolute path \(line 2\)/],
  'a character that is not text': ['/opt/\x1b[2J\n', /not an absolute path/],
  'a letter beyond ASCII': ['/opt/hochl\u00e4den\n', /not an absolute path/],
  'too many': [
    Array.from({ length: 33 }, (_, index) => `/opt/${index}`).join('\n'),
    /is too long \(line 33\)/,
  ],
}

for (const [what, [text, reason]] of Object.entries(BAD)) {
  test(`a list is refused that has ${what}`, () => assert.throws(() => parseAfterBuild(text), reason))
}
