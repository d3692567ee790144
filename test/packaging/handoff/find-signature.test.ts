// Looking for signatures at servers that hang, stumble, pour and hold secrets.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FileError } from '../../../src/files/regular-file.ts'
import { download, downloadTo, UnusableAnswerError } from '../../../src/http/download.ts'
import { shownUrl } from '../../../src/http/shown-url.ts'
import { openDownloads } from '../../../src/packaging/handoff/downloads.ts'
import { findBeside } from '../../../src/packaging/handoff/find-signature.ts'

const dir = mkdtempSync('/tmp/nixsig-download-test-')
const servers: Server[] = []
after(() => {
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  rmSync(dir, { recursive: true, force: true })
})

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const LIMITS = { bytes: 1000, time: 5000, silence: 300 }

/** In the form of signify's, by nobody. */
function signature(): string {
  return `untrusted comment: x\n${Buffer.concat([Buffer.from('Ed'), Buffer.alloc(72)]).toString('base64')}\n`
}

test('a server that never answers is left after the silence, and not after the whole time', async () => {
  const host = await serve(() => {})
  const started = Date.now()
  await assert.rejects(download(`http://${host}/x`, LIMITS), /cannot fetch \S+\/x: silent for 0\.3 seconds/)
  assert.ok(Date.now() - started < 3000)
})

test('a server that falls silent in the middle of a large file is left', async () => {
  const host = await serve((_, response) => response.write('begun'))
  const file = join(dir, 'begun')
  await assert.rejects(downloadTo(file, `http://${host}/x`, LIMITS), /silent for 0\.3 seconds/)
})

test('a server that drips for ever is left when the time is over', async () => {
  const timers: NodeJS.Timeout[] = []
  const host = await serve((_, response) => {
    timers.push(setInterval(() => response.write('.'), 50))
  })
  await assert.rejects(download(`http://${host}/x`, { ...LIMITS, time: 800 }), /longer than 0\.8 seconds/)
  for (const timer of timers) clearInterval(timer)
})

test('a server that pours is left at the limit', async () => {
  const host = await serve((_, response) => {
    const pour = () => {
      while (response.write(Buffer.alloc(65_536)));
      response.once('drain', pour)
    }
    pour()
  })
  await assert.rejects(download(`http://${host}/x`, LIMITS), (error: Error) => {
    assert.ok(error instanceof UnusableAnswerError)
    assert.match(error.message, /larger than 1000 bytes/)
    return true
  })
})

test('a pipe that nobody writes to is no file, and is not waited for', async () => {
  const pipe = join(dir, 'pipe')
  execFileSync('mkfifo', [pipe])
  assert.equal(await download(`file://${pipe}`, { ...LIMITS, time: 60_000, silence: 30_000 }), undefined)
})

test('credentials are sent to their server, and said nowhere', async () => {
  let sent: string | undefined
  const host = await serve((request, response) => {
    sent = request.headers.authorization
    response.writeHead(request.url === '/x' ? 200 : 500).end('hello')
  })
  const bytes = await download(`http://user:p%40ss@${host}/x`, LIMITS)
  assert.equal(bytes?.toString(), 'hello')
  assert.equal(sent, `Basic ${Buffer.from('user:p@ss').toString('base64')}`)
  await assert.rejects(download(`http://user:SECRET@${host}/y?token=SECRET`, LIMITS), (error: Error) => {
    assert.equal(error.message, `cannot fetch http://${host}/y?…: HTTP status 500`)
    return true
  })
})

test('another host that one redirects to never gets the credentials', async () => {
  let sent: string | undefined = 'nothing was asked'
  const other = await serve((request, response) => {
    sent = request.headers.authorization
    response.end('hello')
  })
  const host = await serve((_, response) => {
    response.writeHead(302, { location: `http://${other}/x` }).end()
  })
  await download(`http://user:SECRET@${host}/x`, LIMITS)
  assert.equal(sent, undefined)
})

test('redirections without end, to files and to nowhere are no answer', async () => {
  const host = await serve((request, response) => {
    const location = request.url === '/loop' ? '/loop' : 'file:///etc/hostname'
    response.writeHead(302, { location }).end()
  })
  for (const name of ['loop', 'file'])
    await assert.rejects(download(`http://${host}/${name}`, LIMITS), FileError)
})

test('a signature that was found is not forgotten where the server stumbles over another name', async () => {
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    '/x.tar.asc': response => response.end(signature()),
    '/x.tar.sig': response => response.writeHead(500).end(),
    '/x.tar.sign': response => response.socket?.destroy(),
  }
  const asked: (string | undefined)[] = []
  const host = await serve((request, response) => {
    asked.push(request.url)
    const answer = answers[request.url ?? ''] ?? (other => other.writeHead(404).end())
    answer(response)
  })
  const { found, notes } = await findBeside([`http://${host}/x.tar`], openDownloads(dir))
  assert.deepEqual(
    found.map(({ origin, kind }) => [origin, kind]),
    [[`http://${host}/x.tar.asc`, 'signify']],
  )
  assert.match(notes.join('\n'), /x\.tar\.sig: HTTP status 500\n.*x\.tar\.sign: /)
  assert.deepEqual(asked, ['/x.tar.asc', '/x.tar.sig', '/x.tar.sign'], 'who does not answer is asked no more')
})

test('a URL is shown without what only its owner should know', () => {
  const cases = {
    'https://example.org/x.tar': 'https://example.org/x.tar',
    'https://user:pw@example.org/x.tar': 'https://example.org/x.tar',
    'https://user@example.org/x.tar?sig=1#part': 'https://example.org/x.tar?…',
    '/nix/store/x': '/nix/store/x',
    'file:///tmp/\u001b[31m': 'file:///tmp/\\u{1b}[31m',
  }
  for (const [url, shown] of Object.entries(cases)) assert.equal(shownUrl(url), shown)
})
