// What one hand-off downloads, at a server that counts.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UnusableAnswerError } from '../../../src/http/download.ts'
import { openDownloads } from '../../../src/packaging/handoff/downloads.ts'
import { findBeside } from '../../../src/packaging/handoff/find-signature.ts'

const MIB = 1024 * 1024
const asked = new Map<string, number>()
const server = createServer((request, response) => {
  const path = request.url ?? ''
  asked.set(path, (asked.get(path) ?? 0) + 1)
  if (path === '/hangs-up.asc') response.socket?.destroy()
  else if (path === '/large.tar') response.end(Buffer.alloc(5 * MIB))
  else if (path === '/small') response.end('small')
  else response.writeHead(404).end()
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
const dir = mkdtempSync('/tmp/nixsig-downloads-test-')
after(() => {
  server.close()
  server.closeAllConnections()
  rmSync(dir, { recursive: true, force: true })
})

const SMALL = { bytes: MIB, time: 5000, silence: 1000 }
const ANY = { ...SMALL, bytes: 100 * MIB }

test('an address is asked once, whoever asks, whatever it answers, also at the same time', async () => {
  const heard: number[] = []
  const downloads = openDownloads(dir, (_, bytes) => heard.push(bytes))
  const [one, two] = await Promise.all([
    downloads.bytes(`http://${host}/small`, SMALL),
    downloads.bytes(`http://${host}/small`, SMALL),
  ])
  assert.deepEqual([`${one}`, `${two}`], ['small', 'small'])
  const file = await downloads.file(`http://${host}/small`, ANY)
  assert.equal(readFileSync(file ?? '', 'utf8'), 'small')
  for (const _ of [1, 2]) assert.equal(await downloads.bytes(`http://${host}/none`, SMALL), undefined)
  assert.deepEqual([asked.get('/small'), asked.get('/none'), heard], [1, 1, [5]])
})

test('what is too large for one is not kept from another, and goes when nobody needs it any longer', async () => {
  const downloads = openDownloads(mkdtempSync(join(dir, 'large-')))
  const url = `http://${host}/large.tar`
  downloads.expect([url])
  downloads.expect([url])
  await assert.rejects(downloads.bytes(url, SMALL), UnusableAnswerError)
  const file = (await downloads.file(url, ANY)) ?? ''
  assert.equal(await downloads.file(url, ANY), file)
  assert.equal(asked.get('/large.tar'), 2)
  await assert.rejects(downloads.bytes(url, SMALL), UnusableAnswerError)
  downloads.done([url])
  assert.ok(existsSync(file))
  downloads.done([url])
  await new Promise(resolve => setTimeout(resolve, 10))
  assert.equal(existsSync(file), false)
})

test('a server that does not answer is asked no more in the whole run, and every source hears so', async () => {
  const downloads = openDownloads(mkdtempSync(join(dir, 'silent-')))
  const first = await findBeside([`http://${host}/hangs-up`], downloads)
  assert.deepEqual([first.found, first.asked.length, first.notes.length], [[], 1, 1])
  const second = await findBeside([`http://${host}/other`, `http://${host}/mirror`], downloads)
  assert.deepEqual(second, {
    found: [],
    asked: [],
    notes: [`${host} did not answer before, and was not asked`],
  })
})

test('two sources of one directory ask for its lists of checksums once', async () => {
  asked.clear()
  const downloads = openDownloads(mkdtempSync(join(dir, 'lists-')))
  const one = await findBeside([`http://${host}/a/x.tar.xz`], downloads)
  const two = await findBeside([`http://${host}/a/y.tar.xz`], downloads)
  assert.equal(asked.get('/a/SHA256SUMS'), 1)
  assert.ok([...asked.values()].every(times => times === 1))
  assert.ok(one.asked.length > 15 && one.asked.length === two.asked.length)
})
