import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasInclude, withInclude, withoutInclude } from '../../src/setup/include-line.ts'

const INCLUDED = '/etc/nix/nixsig.conf'
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom('a', '\n', '\r', '#', ' ', '\u0080', '\0') }),
)

test('the line is at the end, once, however often it is added', () => {
  fc.assert(
    fc.property(anyText, text => {
      const once = withInclude(text, INCLUDED)
      assert.ok(once.endsWith(`\ninclude ${INCLUDED}\n`))
      assert.equal(withInclude(once, INCLUDED), once)
      assert.equal(
        withInclude(`${once}cores = 1`, INCLUDED),
        withInclude(`${withoutInclude(once, INCLUDED)}cores = 1`, INCLUDED),
      )
    }),
  )
})

test('removing it restores the text, except for a line feed that it needed', () => {
  fc.assert(
    fc.property(anyText, text => {
      const rest = withoutInclude(withInclude(text, INCLUDED), INCLUDED)
      assert.ok(rest === text || rest === `${text}\n`)
      assert.equal(hasInclude(rest, INCLUDED), false)
    }),
  )
})

test('it is found after an editor added carriage returns or lines, or removed the last line feed', () => {
  const text = withInclude('cores = 1\n', INCLUDED)
  assert.equal(withoutInclude(text.replaceAll('\n', '\r\n'), INCLUDED), 'cores = 1\r\n')
  assert.equal(withoutInclude(text.trimEnd(), INCLUDED), 'cores = 1\n')
  assert.equal(withoutInclude(`${text}max-jobs = 2\n`, INCLUDED), 'cores = 1\nmax-jobs = 2\n')
})

test('other lines that include something are left alone', () => {
  for (const line of [
    `include ${INCLUDED}\n`,
    `include ${INCLUDED}.old\n`,
    '# Put here by "nixsig setup"\ninclude x\n',
  ]) {
    assert.equal(hasInclude(line, INCLUDED), false, line)
    assert.equal(withoutInclude(line, INCLUDED), line)
  }
  const longer = withInclude('', INCLUDED).replace('.conf\n', '.conf.old\n')
  assert.equal(hasInclude(longer, INCLUDED), false)
})
