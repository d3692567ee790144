import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { keepLastAnswers, readLastAnswer } from '../../src/evidence/upstreams/last-answer.ts'
import { readLetIn } from '../../src/ledger/let-in.ts'
import { pathsInUse } from '../../src/status/in-use.ts'

const dir = mkdtempSync(join(tmpdir(), 'nixsig-status-'))
after(() => rmSync(dir, { recursive: true, force: true }))

test('attack: roots that lead nowhere, in circles or out of the store are no roots', () => {
  const at = (name: string) => join(dir, name)
  for (const name of ['profiles', 'users/alice', 'auto', 'home']) mkdirSync(at(name), { recursive: true })
  symlinkSync(at('auto/circle'), at('auto/circle'))
  symlinkSync('/etc/passwd', at('auto/outside'))
  symlinkSync('/nix/store/../../etc', at('auto/above'))
  symlinkSync(at('gone'), at('auto/gone'))
  writeFileSync(at('auto/file'), '')
  const places = { systems: [at('gone')], profiles: [at('profiles')], users: at('users'), links: at('auto') }
  assert.deepEqual(pathsInUse(places), [])
  assert.deepEqual(
    pathsInUse({ systems: [], profiles: [at('none')], users: at('none'), links: at('none') }),
    [],
  )
})

test('records of what was let in are read; what is no such record is passed over', () => {
  const state = join(dir, 'state')
  mkdirSync(join(state, 'let-in'), { recursive: true })
  assert.deepEqual(readLetIn(join(dir, 'none')), [])
  const path = `/nix/store/${'0'.repeat(32)}-x`
  const put = (name: string, text: string) =>
    writeFileSync(join(state, 'let-in', name), text, { mode: 0o644 })
  put('0'.repeat(32), `nixsig1 ${path} sha256:${'0'.repeat(64)}\ntime 1\nwhy x\n`)
  put('1'.repeat(32), 'nixsig1 /etc/passwd sha256:0\n')
  put('2'.repeat(32), '')
  put('3'.repeat(32), 'x'.repeat(10_000))
  put(`${'4'.repeat(32)}~`, `nixsig1 ${path} \n`)
  assert.deepEqual(readLetIn(state), [path])
})

test('the last answer and the last failure of a cache are kept, once a minute and when that changes', () => {
  const state = join(dir, 'answers')
  let now = 1000
  const keep = keepLastAnswers(state, () => now)
  const url = 'https://cache.example.org'
  const last = () => readLastAnswer(state, url)
  assert.equal(last(), undefined)
  keep(url, { kind: 'absent' })
  assert.deepEqual(last(), { answered: 1000, failed: undefined })
  now = 1030
  keep(url, { kind: 'absent' })
  assert.equal(last()?.answered, 1000)
  keep(url, { kind: 'silent', detail: 'no route\nanswered 9' })
  assert.deepEqual(last(), {
    answered: 1000,
    failed: { at: 1030, detail: String.raw`no route\u{a}answered 9` },
  })
  now = 1031
  keep(url, { kind: 'malformed', detail: 'odd' })
  assert.equal(last()?.answered, 1031)
  now = 900
  keep(url, { kind: 'absent' })
  assert.equal(last()?.answered, 900)
  assert.equal(readLastAnswer(state, 'https://other.example.org'), undefined)
})
