import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openUpstream } from '../../../src/evidence/upstreams/open-upstream.ts'
import { cachedPath, writeCache } from '../../support/cache-of-many.ts'

const HELLO = cachedPath('hello', 'hello\n', [])

function directoryOf(t: TestContext) {
  const directory = mkdtempSync('/tmp/nixsig-upstream-')
  t.after(() => rmSync(directory, { recursive: true }))
  writeCache(directory, [HELLO])
  return { directory, upstream: openUpstream({ url: `file://${directory}` }, { timeout: 1000 }) }
}

async function detailOf(upstream: ReturnType<typeof openUpstream>): Promise<string> {
  const said = await upstream.narinfo(HELLO.digest)
  return `${said.kind}: ${'detail' in said ? said.detail : ''}`
}

test('a directory offers what lies in it, to be streamed', async t => {
  const { directory, upstream } = directoryOf(t)
  const said = await upstream.narinfo(HELLO.digest)
  assert.ok(said.kind === 'offer')
  assert.equal(said.offer.narinfo.path, HELLO.path)
  assert.deepEqual(said.offer.nar, { kind: 'streamed', url: HELLO.url })
  assert.deepEqual(await upstream.narinfo('0'.repeat(32)), { kind: 'absent' })
  rmSync(directory, { recursive: true })
  assert.match(await detailOf(upstream), /^silent: .* is not there$/)
  mkdirSync(directory)
})

const HOSTILE: Readonly<Record<string, readonly [make: (file: string) => void, RegExp]>> = {
  'a link out of it': [file => symlinkSync('/etc/shadow', file), /^malformed: .* leads out of /],
  'a pipe': [file => execFileSync('mkfifo', [file]), /^malformed: .* is not a regular file$/],
  'a directory': [file => mkdirSync(file), /^malformed: .* is not a regular file$/],
  'ten megabytes': [
    file => writeFileSync(file, Buffer.alloc(10 << 20, 'a')),
    /^malformed: .* is larger than 1048576 bytes$/,
  ],
  'another path': [
    file => writeFileSync(file, cachedPath('other', 'x', []).narinfo),
    /^malformed: narinfo: it is about another path/,
  ],
}

for (const [what, [make, words]] of Object.entries(HOSTILE)) {
  test(`attack: where a narinfo should be there is ${what}`, async t => {
    const { directory, upstream } = directoryOf(t)
    const file = join(directory, `${HELLO.digest}.narinfo`)
    rmSync(file)
    make(file)
    assert.match(await detailOf(upstream), words)
  })
}

test('a file is streamed whole or in part', async t => {
  const { directory, upstream } = directoryOf(t)
  const read = async (range?: string) => {
    const streamed = await upstream.stream(HELLO.url, range === undefined ? {} : { range })
    assert.ok(streamed !== undefined)
    const body = Buffer.concat(await streamed.body.toArray())
    return { ...streamed, body }
  }
  const whole = await read()
  assert.deepEqual([whole.status, whole.length], [200, HELLO.nar.length])
  assert.deepEqual(whole.body, Buffer.from(HELLO.nar))
  const part = await read('bytes=8-15')
  assert.deepEqual([part.status, part.length, part.contentRange], [206, 8, `bytes 8-15/${HELLO.nar.length}`])
  assert.deepEqual(part.body, Buffer.from(HELLO.nar).subarray(8, 16))
  for (const range of ['bytes=9999999-', 'bytes=5-2', 'bytes=-5', 'bytes=0-1,4-5', 'lines=1-2']) {
    assert.equal((await read(range)).status, 200, range)
  }
  writeFileSync(join(directory, 'nar/empty'), '')
  const empty = await upstream.stream('nar/empty', {})
  assert.deepEqual([empty?.length, Buffer.concat((await empty?.body.toArray()) ?? []).length], [0, 0])
})

test('attack: nothing outside is streamed', async t => {
  const { directory, upstream } = directoryOf(t)
  symlinkSync('/etc/passwd', join(directory, 'nar/link'))
  await assert.rejects(upstream.stream('nar/link', {}), { name: 'FileError', message: /leads out of/ })
  await assert.rejects(upstream.stream('nar/%2e%2e/%2e%2e/etc/passwd', {}), { name: 'FormatError' })
  await assert.rejects(upstream.stream('nar', {}), { name: 'FileError', message: /is not a regular file/ })
  assert.equal(await upstream.stream('nar/%00', {}), undefined)
  assert.equal(await upstream.stream('nar/nothing', {}), undefined)
})
