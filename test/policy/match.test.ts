import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { covers } from '../../src/policy/language/shadow.ts'
import { matchesGlob } from '../../src/policy/match.ts'
import { cpuTime } from '../support/cpu-time.ts'

/** The same question, asked of a regular expression. */
function byRegExp(glob: string, name: string): boolean {
  const form = [...glob].map(part =>
    part === '*' ? '.*' : part === '?' ? '.' : part.replace(/[.+]/, '\\$&'),
  )
  return new RegExp(`^${form.join('')}$`, 's').test(name)
}

const glob = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 })
const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', 'c'), maxLength: 10 })

test('globs match what the same regular expressions match', () => {
  fc.assert(
    fc.property(glob, name, (pattern, text) => {
      assert.equal(matchesGlob(pattern, text), byRegExp(pattern, text))
    }),
    { numRuns: 5000 },
  )
})

test('all characters but the star and the question mark stand for themselves', () => {
  assert.ok(matchesGlob('*.tar.*', 'hello-2.12.tar.gz'))
  assert.ok(!matchesGlob('*.tar.*', 'hello-2.12-tar.gz'))
  assert.ok(!matchesGlob('hello', 'hello-2.12'))
  assert.ok(!matchesGlob('[a-z]', 'a'))
  assert.ok(!matchesGlob('a+', 'aa'))
  assert.ok(!matchesGlob('Hello', 'hello'))
})

test('a glob of many stars over a long name takes no noticeable time', () => {
  const start = cpuTime()
  assert.equal(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(211)), false)
  assert.ok(cpuTime() - start < 1000)
})

test('one glob covers another exactly if it matches every name that the other does', () => {
  const names = ['']
  for (let length = 0, from = 0; length < 6; length++) {
    const end = names.length
    for (; from < end; from++) for (const letter of 'abc') names.push((names[from] ?? '') + letter)
  }
  const short = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 4 })
  fc.assert(
    fc.property(short, short, (wide, narrow) => {
      const every = names.every(text => !matchesGlob(narrow, text) || matchesGlob(wide, text))
      assert.equal(covers(wide, narrow), every, `${wide} over ${narrow}`)
    }),
    { numRuns: 1000 },
  )
})

test('comparing hostile globs is given up soon', () => {
  const start = cpuTime()
  covers(`*a${'?'.repeat(60)}*b`, `*a${'?a*'.repeat(40)}`)
  assert.ok(cpuTime() - start < 5000)
})

test('a thousand rules are compared with one another quickly', () => {
  const globs = Array.from({ length: 1000 }, (_, index) => `package-${index}-*.tar.*`)
  const start = cpuTime()
  const covered = globs.filter((narrow, index) => globs.slice(0, index).some(wide => covers(wide, narrow)))
  assert.deepEqual(covered, [])
  assert.ok(cpuTime() - start < 1500)
})
