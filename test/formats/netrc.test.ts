/** Netrc files, compared with what curl sends for them. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { netrcCredentials } from '../../src/formats/netrc.ts'

const HOST = '127.0.0.1'
const CASES = Number(process.env['NIXSIG_CASES'] ?? 60)

test('what people write', () => {
  for (const [text, expected] of [
    ['machine cache.example.org login a password b', ['a', 'b']],
    ['machine cache.example.org\n  login a\n  password b\n', ['a', 'b']],
    ['machine cache.example.org password token\n', ['', 'token']],
    ['machine cache.example.org login a\n', ['a', '']],
    ['MACHINE CACHE.example.org LOGIN a Password b', ['a', 'b']],
    ['# machine cache.example.org login x password y\ndefault login d password e', ['d', 'e']],
    ['machine other login x password y\nmachine cache.example.org login a password b', ['a', 'b']],
    ['machine cache.example.org login a account z password b', ['a', 'b']],
    ['machine cache.example.org login "a \\"q\\"" password "t\\tn\\nr\\\\"', ['a "q"', 't\tn\nr\\']],
    ['macdef init\nmachine cache.example.org login x password y\n\ndefault login d password e', ['d', 'e']],
    ['machine cache.example.org login a password #b', undefined],
    ['machine cache.example.org.evil login a password b', undefined],
    ['', undefined],
  ] as const) {
    const found = netrcCredentials(text, 'cache.example.org')
    assert.deepEqual(found && [found.login, found.password], text.includes('#b') ? ['a', ''] : expected, text)
  }
})

test('an entry never lends its name or its password to another', () => {
  const text = 'machine a login x\nmachine b login y password z\ndefault login d password e\n'
  assert.deepEqual(netrcCredentials(text, 'a'), { login: 'd', password: 'e' })
  assert.deepEqual(netrcCredentials('machine a password p\ndefault login d password e', 'a'), {
    login: '',
    password: 'p',
  })
})

test('a file that curl would not read whole is an error, which quotes nothing of it', () => {
  for (const text of [
    'machine a login "hush',
    'machine a login "hush\\',
    `machine a login ${'hush'.repeat(2000)}`,
  ]) {
    assert.throws(
      () => netrcCredentials(text, 'a'),
      (error: Error) => !error.message.includes('hush'),
    )
  }
})

const word = fc.stringMatching(/^[a-zA-Z0-9!$%&()*+,./;<=>?@_~-]{1,8}$/).filter(isNoKeyword)
const quoted = fc
  .array(fc.constantFrom('a', 'B', ' ', '\\"', '\\\\', '\\t', '\\x', '#', 'machine', "'"), { minLength: 1 })
  .map(parts => `"${parts.join('')}"`)
  .filter(text => text !== '"machine"')
const value = fc.oneof(word, quoted)
const blank = fc.constantFrom(' ', '\n', '\n  ', '\t', ' \t ', '\r\n', ' # a comment\n', '\n\n')
const machine = fc.oneof(
  fc.constantFrom(`machine ${HOST}`, `Machine ${HOST}`, 'machine other', `machine x${HOST}`),
  fc.constant('default'),
)
const entry = fc
  .tuple(machine, value, value, blank, blank, fc.constantFrom('', ' account z', ' port 1'), fc.boolean())
  .map(([head, login, password, one, two, more, isTurned]) => {
    const parts = [`login ${login}`, `password ${password}`]
    return `${head}${one}${(isTurned ? parts.reverse() : parts).join(two)}${more}`
  })
const macro = fc.constant(`macdef init\nmachine ${HOST} login m password m\n`)
const file = fc
  .array(fc.tuple(fc.oneof({ weight: 5, arbitrary: entry }, { weight: 1, arbitrary: macro }), blank), {
    maxLength: 5,
  })
  .map(entries => entries.map(([text, end]) => `${text}${end}\n`).join(''))

function isNoKeyword(text: string): boolean {
  return !/^(?:machine|login|password|default|macdef|account)$/i.test(text)
}

test('for entries that are complete, curl sends the same', async t => {
  if (spawnSync('curl', ['--version']).status !== 0) return t.skip('curl is not installed')
  const directory = mkdtempSync('/tmp/nixsig-netrc-')
  t.after(() => rmSync(directory, { recursive: true }))
  const sent: (string | undefined)[] = []
  const server = createServer(({ headers }, response) => {
    sent.push(headers.authorization)
    response.end()
  })
  await new Promise<void>(resolve => server.listen(0, HOST, resolve))
  t.after(() => server.close())
  const url = `http://${HOST}:${(server.address() as AddressInfo).port}/`
  const netrc = join(directory, 'netrc')
  await fc.assert(
    fc.asyncProperty(file, async text => {
      writeFileSync(netrc, text)
      sent.length = 0
      await promisify(execFile)('curl', ['-qs', '--netrc-file', netrc, url])
      const found = netrcCredentials(text, HOST)
      const ours = found && `Basic ${Buffer.from(`${found.login}:${found.password}`).toString('base64')}`
      assert.deepEqual([ours], sent, text)
    }),
    { numRuns: CASES },
  )
})
