import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { httpSource } from '../../../src/lists/tuf/source.ts'

test('a server has a file, has none, fails, or sends more than is wanted', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/list/metadata/timestamp.json') response.end('x'.repeat(100))
    else response.writeHead(request.url === '/list/failing' ? 500 : 404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { read } = httpSource(`http://127.0.0.1:${(server.address() as AddressInfo).port}/list/`)
  try {
    assert.equal((await read('metadata/timestamp.json', 100))?.length, 100)
    assert.equal(await read('metadata/2.root.json', 100), undefined)
    // What fails is not absent: a root could be hidden by it.
    await assert.rejects(read('failing', 100), /HTTP status 500/)
    await assert.rejects(read('metadata/timestamp.json', 99), /larger than 99 bytes/)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
