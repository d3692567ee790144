// Attestations fetched over HTTP into a mirror, from a server of our own.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { openSources } from '../../../src/evidence/remote/sources.ts'
import type { Patience } from '../../../src/http/patience.ts'
import type { Trouble } from '../../../src/policy/verdict.ts'
import { until } from '../../support/eventually.ts'
import {
  type Files,
  listed,
  publicationOf,
  type Server,
  serve,
  type Trick,
} from '../../support/publication.ts'

const IMPATIENT: Patience = { headers: 1500, body: 2000, pauses: [5, 10] }

const DIGEST = `0c${'x'.repeat(30)}`
const PATH = `/nix/store/${DIGEST}-hello`
const NAME = `${DIGEST}.intoto.jsonl`
const OTHER = `0c${'y'.repeat(30)}`
const OTHER_PATH = `/nix/store/${OTHER}-hello`
const NOW = Math.floor(Date.now() / 1000)

interface Scene {
  readonly server: Server
  readonly state: string
  readonly mirror: string
  /** Asks about a path as a hook of its own would. */
  ask(path?: string, maxAge?: number): Promise<readonly Trouble[]>
  /** Changes the publication. */
  publish(files: Files, published: number): void
  /** A file of the mirror. */
  read(name: string): string | undefined
}

async function scene(context: TestContext, files: Files, published = NOW - 1000): Promise<Scene> {
  const state = mkdtempSync(join(tmpdir(), 'nixsig-remote-'))
  const server = await serve(publicationOf(files, published))
  context.after(async () => {
    await server.close()
    rmSync(state, { recursive: true, force: true })
  })
  const [mirror = ''] = openSources(state, [{ url: server.url, maxAge: 0 }]).directories
  return {
    server,
    state,
    mirror,
    ask: (path = PATH, maxAge = 0) =>
      openSources(state, [{ url: server.url, maxAge }], IMPATIENT).refresh(path),
    publish: (files, published) => {
      server.files = publicationOf(files, published)
    },
    read: name => {
      const file = join(mirror, name.slice(0, 2), name)
      return existsSync(file) ? readFileSync(file, 'utf8') : undefined
    },
  }
}

test('what is published about a path is fetched, and nothing about others', async context => {
  const files = { [NAME]: 'one\n', [`${DIGEST}.asc`]: 'two', [`${OTHER}.asc`]: 'three' }
  const { server, ask, read } = await scene(context, files)
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'one\n')
  assert.equal(read(`${DIGEST}.asc`), 'two')
  assert.equal(read(`${OTHER}.asc`), undefined)
  assert.deepEqual(server.log.toSorted(), [
    `0c/${DIGEST}.asc 200`,
    `0c/${NAME} 200`,
    '0c/index 200',
    'index 200',
  ])
})

test('the names of what is published are learnt from the lists, and no file is fetched', async context => {
  const other = `zz${'y'.repeat(30)}.intoto.jsonl`
  const { server, state, publish } = await scene(context, { [NAME]: 'one\n', [other]: 'two\n' })
  const names = async () =>
    (await openSources(state, [{ url: server.url, maxAge: 0 }], IMPATIENT).published()).files
  const before = await names()
  assert.deepEqual([...before.keys()], [NAME, other])
  assert.deepEqual(server.log.toSorted(), ['0c/index 200', 'index 200', 'zz/index 200'])

  publish({ [NAME]: 'one\ntwo\n', [other]: 'two\n' }, NOW)
  server.log.length = 0
  const after = await names()
  assert.notEqual(after.get(NAME), before.get(NAME))
  assert.equal(after.get(other), before.get(other))
  assert.deepEqual(server.log, ['index 200', '0c/index 200'])
})

test('a source whose lists cannot be had is named as what keeps names from being known', async context => {
  const { server, state } = await scene(context, { [NAME]: 'one\n' })
  server.files = new Map([...server.files].filter(([name]) => name === 'index'))
  const sources = openSources(state, [{ url: server.url, maxAge: 0 }], IMPATIENT)
  const { files, troubles } = await sources.published()
  assert.equal(files.size, 0)
  assert.match(troubles.map(({ detail }) => detail).join(), /0c\/index is listed and not there/)
})

test('a path that nobody published anything about takes one request', async context => {
  const { server, ask } = await scene(context, { [NAME]: 'one\n' })
  assert.deepEqual(await ask(`/nix/store/zz${'x'.repeat(30)}-other`), [])
  assert.deepEqual(server.log, ['index 200'])
})

for (const validator of ['etag', 'last-modified'] as const) {
  test(`by ${validator} one request tells that nothing has changed`, async context => {
    const { server, ask } = await scene(context, { [NAME]: 'one\n' })
    server.validator = validator
    await ask()
    server.log.length = 0
    assert.deepEqual(await ask(), [])
    assert.deepEqual(await ask(), [])
    assert.deepEqual(server.log, ['index 304', 'index 304'])
  })
}

test('without either the index is read again, and the files are not', async context => {
  const { server, ask } = await scene(context, { [NAME]: 'one\n' })
  server.validator = 'none'
  await ask()
  server.log.length = 0
  assert.deepEqual(await ask(), [])
  assert.deepEqual(server.log, ['index 200'])
})

test('a time of change that is too young to tell two changes apart is not relied upon', async context => {
  const { server, ask } = await scene(context, { [NAME]: 'one\n' })
  server.trick = (request, response) => {
    assert.equal(request.headers['if-modified-since'], undefined)
    response.setHeader('last-modified', new Date().toUTCString())
    return false
  }
  server.validator = 'none'
  assert.deepEqual(await ask(), [])
  assert.deepEqual(await ask(), [])
})

test('within max-age the mirror answers alone, past it the source has to', async context => {
  const { server, ask, mirror, read } = await scene(context, { [NAME]: 'one\n' })
  assert.deepEqual(await ask(PATH, 60), [])
  await server.close()
  assert.deepEqual(await ask(PATH, 60), [])
  assert.equal(read(NAME), 'one\n')
  const record = readFileSync(join(mirror, 'source'), 'utf8')
  writeFileSync(join(mirror, 'source'), record.replace(/checked \d+/, `checked ${NOW - 61}`))
  const [trouble, ...rest] = await ask(PATH, 60)
  assert.deepEqual(rest, [])
  assert.equal(trouble?.origin, server.url)
  assert.match(
    trouble.detail,
    /^index: .*ECONNREFUSED.* \(it last answered 20.*Z\): nixsig sync, by root, tries again$/,
  )
})

test('attack: a clock that was set back makes no answer of the future count', async context => {
  const { server, ask, mirror } = await scene(context, { [NAME]: 'one\n' })
  await ask(PATH, 60)
  await server.close()
  const record = readFileSync(join(mirror, 'source'), 'utf8')
  writeFileSync(join(mirror, 'source'), record.replace(/checked \d+/, `checked ${NOW + 3600}`))
  assert.match((await ask(PATH, 60))[0]?.detail ?? '', /ECONNREFUSED/)
})

test('a source that never answered says so, and the next time it is up it is asked', async context => {
  const { server, ask, read } = await scene(context, { [NAME]: 'one\n' })
  server.trick = (_, response) => response.writeHead(503).end() !== undefined
  assert.match((await ask())[0]?.detail ?? '', /^index: answered 503 \(it has never answered\)/)
  assert.equal(server.log.length, 3)
  server.trick = undefined
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'one\n')
})

test('errors that pass are passed over: 500, 503 and a broken connection, then an answer', async context => {
  const { server, ask, read } = await scene(context, { [NAME]: 'one\n' })
  let count = 0
  server.trick = (request, response) => {
    count++
    if (count === 1 || count === 4) response.writeHead(count === 1 ? 500 : 503).end()
    else if (count === 2 || count === 6) request.socket.destroy()
    else return false
    return true
  }
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'one\n')
  assert.equal(count, 7)
})

test('a program asks a source that failed once, however many paths it asks about', async context => {
  const { server, state } = await scene(context, { [NAME]: 'one\n' })
  server.trick = (_, response) => response.writeHead(403).end() !== undefined
  const sources = openSources(state, [{ url: server.url, maxAge: 60 }], IMPATIENT)
  assert.match((await sources.refresh(PATH))[0]?.detail ?? '', /answered 403/)
  assert.match((await sources.refresh(OTHER_PATH))[0]?.detail ?? '', /answered 403/)
  assert.deepEqual(server.log, ['index 403'])
})

test('attack: a source that gives its index and hangs on all else is waited for once, however many paths', async context => {
  const { server, state, ask } = await scene(context, { [NAME]: 'one\n', [`${OTHER}.asc`]: 'two' })
  assert.deepEqual(await ask(PATH, 60), [])
  server.log.length = 0
  server.trick = (_request, _response, path) => path !== 'index'
  const sources = openSources(state, [{ url: server.url, maxAge: 60 }], IMPATIENT)
  for (let count = 0; count < 3; count++) {
    assert.match((await sources.refresh(OTHER_PATH))[0]?.detail ?? '', /\.asc: no answer within/)
  }
  // The server notes a question when its connection closes.
  await until(() => server.log.length === 3)
  assert.deepEqual(await sources.refresh(PATH), [], 'what the mirror has counts all the same')
})

test('what was added, changed and withdrawn since is so in the mirror, for the path asked about', async context => {
  const { ask, publish, read } = await scene(context, { [NAME]: 'one\n', [`${DIGEST}.asc`]: 'a' })
  await ask()
  publish({ [NAME]: 'one\ntwo\n', [`${DIGEST}.sig`]: 's' }, NOW)
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'one\ntwo\n')
  assert.equal(read(`${DIGEST}.sig`), 's')
  assert.equal(read(`${DIGEST}.asc`), undefined)
})

test('a path of which all was withdrawn has nothing in the mirror', async context => {
  const { ask, publish, mirror } = await scene(context, { [NAME]: 'one\n' })
  await ask()
  publish({}, NOW)
  assert.deepEqual(await ask(), [])
  assert.deepEqual(readdirSync(mirror).toSorted(), ['index', 'source'])
})

test('a publisher who is at work: files that grew are read as far as they are listed', async context => {
  const { server, ask, read } = await scene(context, { [NAME]: 'one\n' })
  server.files = new Map([...server.files, [`0c/${NAME}`, Buffer.from('one\ntwo\n')]])
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'one\n')
})

test('a publisher who is at work: where files and lists do not agree, the index is asked for once more', async context => {
  const { server, ask, read } = await scene(context, { [NAME]: 'old\n' })
  const next = publicationOf({ [NAME]: 'new\n' }, NOW)
  const first = server.files.get('index') ?? Buffer.alloc(0)
  let count = 0
  server.files = next
  server.trick = (_, response, path) => {
    if (path !== 'index' || ++count > 1) return false
    response.end(first)
    return true
  }
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'new\n')
  assert.deepEqual(server.log, ['index 200', '0c/index 200', 'index 200', '0c/index 200', `0c/${NAME} 200`])
})

test('what is damaged in the mirror is fetched again, whatever it is', async context => {
  const { ask, read, mirror } = await scene(context, { [NAME]: 'one\n' })
  for (const file of [`0c/${NAME}`, '0c/index', 'source']) {
    await ask(PATH, 60)
    writeFileSync(join(mirror, file), 'xxx\n')
    assert.deepEqual(await ask(PATH, 60), [], file)
    assert.equal(read(NAME), 'one\n')
  }
})

test('an index that is damaged in the mirror could hide that the source went back: it is a trouble', async context => {
  const { ask, mirror } = await scene(context, { [NAME]: 'one\n' })
  await ask()
  writeFileSync(join(mirror, 'index'), 'xxx\n')
  assert.match((await ask())[0]?.detail ?? '', /its mirror is damaged .*: to begin anew, rm -r \//)
})

/** Each thing that a server can do wrong, and what is said of it. */
const WRONGS: Readonly<Record<string, readonly [Trick, RegExp]>> = {
  'no answer': [() => true, /^index: no answer within 1\.5 seconds/],
  'an answer drop by drop': [
    (_, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'), 20)
      response.once('close', () => clearInterval(timer))
      return true
    },
    /^index: did not come to the end of its answer within 2 seconds/,
  ],
  'headers drop by drop': [
    request => {
      request.socket.write('HTTP/1.1 200 OK\r\n')
      const timer = setInterval(() => request.socket.write('x: y\r\n'), 20)
      request.socket.once('close', () => clearInterval(timer))
      return true
    },
    /^index: no answer within 1\.5 seconds/,
  ],
  'a huge body': [
    (_, response) => response.writeHead(200).end(Buffer.alloc(200_000)) !== undefined,
    /^index: answered with more than 131072 bytes/,
  ],
  'a body that is said to be huge': [
    (_, response) => response.writeHead(200, { 'content-length': 1e12 }).write('x') !== undefined,
    /^index: answered with more than 131072 bytes/,
  ],
  'a body that is shorter than it says': [
    (request, response) => {
      response.writeHead(200, { 'content-length': 5000 }).write('nixsig-publication-1 ')
      setTimeout(() => request.socket.destroy(), 20)
      return true
    },
    /^index: broke off in the middle of its answer/,
  ],
  'what is not there': [(_, response) => response.writeHead(404).end() !== undefined, /^index is not there/],
  'no permission': [(_, response) => response.writeHead(401).end() !== undefined, /^index: answered 401/],
  'a part of an answer': [(_, response) => response.writeHead(206).end('x') !== undefined, /answered 206/],
  'that nothing changed, unasked': [
    (_, response) => response.writeHead(304).end() !== undefined,
    /^index: says that nothing has changed, and was not asked that/,
  ],
  'a page of a portal': [
    (_, response) => response.end('<html>\n') !== undefined,
    /^index: publication: not the/,
  ],
  'a compressed bomb': [
    (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000))) !==
      undefined,
    /^index: answered in the encoding "gzip", which was not asked for/,
  ],
  'a loop of redirections': [
    (_, response) => response.writeHead(302, { location: '/alice/index' }).end() !== undefined,
    /^index: redirects more than 3 times/,
  ],
  'a redirection to another host': [
    (_, response) => response.writeHead(302, { location: 'http://localhost:1/index' }).end() !== undefined,
    /redirects to "http:\/\/localhost:1\/index", which is not the same host/,
  ],
  'a redirection to another port': [
    (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/index' }).end() !== undefined,
    /which is not the same host/,
  ],
  'a redirection to a file': [
    (_, response) => response.writeHead(301, { location: 'file:///etc/passwd' }).end() !== undefined,
    /redirects to "file:\/\/\/etc\/passwd", which is not the same host/,
  ],
  'a redirection to nowhere': [
    (_, response) => response.writeHead(301, { location: 'http://' }).end() !== undefined,
    /redirects to "http:\/\/", which is not the same host/,
  ],
  'a redirection with a password': [
    (request, response) =>
      response.writeHead(301, { location: `http://a:b@${request.headers.host}/alice/index` }).end() !==
      undefined,
    /which is not the same host/,
  ],
  'an index with a file above it': [
    (_, response) => response.end('nixsig-publication-1 2026-01-01T00:00:00Z\n.. 1 ab\n') !== undefined,
    /^index: publication: not a name, a size and a SHA-256/,
  ],
  'something that is no HTTP': [
    request => {
      request.socket.end('SSH-2.0-OpenSSH\r\n')
      return true
    },
    /^index: /,
  ],
  'endless headers': [
    request => {
      request.socket.write(`HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(40)}`)
      return true
    },
    /^index: .*[Hh]eader/,
  ],
}

for (const [wrong, [trick, problem]] of Object.entries(WRONGS)) {
  test(`attack: a server that answers with ${wrong} is a trouble, and nothing is kept`, async context => {
    const { server, ask, mirror } = await scene(context, { [NAME]: 'one\n' })
    server.trick = trick
    const troubles = await ask()
    assert.equal(troubles.length, 1)
    assert.equal(troubles[0]?.origin, server.url)
    assert.match(troubles[0]?.detail ?? '', problem)
    assert.deepEqual(readdirSync(mirror), ['failure'])
  })
}

test('three redirections on the same host are followed', async context => {
  const { server, ask, read } = await scene(context, { [NAME]: 'one\n' })
  let count = 0
  server.trick = (_, response, path) => {
    if (path !== 'index' || ++count > 3) return false
    response.writeHead(308, { location: count % 2 === 0 ? 'index' : '/alice/index' }).end()
    return true
  }
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'one\n')
})

test('attack: an older index than was seen before is a trouble, and the newer one stays', async context => {
  const { ask, publish, read } = await scene(context, { [NAME]: 'good\n', [`${DIGEST}.asc`]: 'a' })
  await ask()
  publish({ [NAME]: 'old\n' }, NOW - 2000)
  const detail = (await ask())[0]?.detail ?? ''
  assert.match(
    detail,
    /^index went back to 20.*Z from 20.*Z: if its publisher meant to, rm -r \/.*\/mirror\/127/,
  )
  assert.equal(read(NAME), 'good\n')
  publish({ [NAME]: 'new\n' }, NOW)
  assert.deepEqual(await ask(), [])
  assert.equal(read(NAME), 'new\n')
})

test('attack: two indexes of the same time are a trouble', async context => {
  const { ask, publish } = await scene(context, { [NAME]: 'one\n' })
  await ask()
  publish({ [NAME]: 'two\n' }, NOW - 1000)
  assert.match((await ask())[0]?.detail ?? '', /^index went back to .* from another one of that time/)
})

test('attack: an index of a far future shuts out no later one', async context => {
  const { ask, publish } = await scene(context, { [NAME]: 'one\n' })
  await ask()
  publish({ [NAME]: 'bad\n' }, NOW + 48 * 3600)
  assert.match((await ask())[0]?.detail ?? '', /^index is of 20.*Z, more than a day ahead/)
  publish({ [NAME]: 'two\n' }, NOW)
  assert.deepEqual(await ask(), [])
})

for (const [wrong, contents, problem] of [
  ['other contents', 'two\n', /0c\/.*\.intoto\.jsonl is not what is listed \(size or SHA-256\)/],
  ['less', 'on', /is not what is listed/],
  ['nothing', '', /is not what is listed/],
] as const) {
  test(`attack: a file with ${wrong} than its list says is a trouble`, async context => {
    const { server, ask, read } = await scene(context, { [NAME]: 'one\n' })
    server.files = new Map([...server.files, [`0c/${NAME}`, Buffer.from(contents)]])
    assert.match((await ask())[0]?.detail ?? '', problem)
    assert.equal(read(NAME), undefined)
    assert.equal(server.log.filter(line => line.startsWith('index')).length, 2, 'asked once more')
  })
}

test('attack: a file that is listed and not there is a trouble', async context => {
  const { server, ask } = await scene(context, { [NAME]: 'one\n' })
  server.files = new Map([...server.files].filter(([path]) => path !== `0c/${NAME}`))
  assert.match((await ask())[0]?.detail ?? '', /0c\/.* is listed and not there/)
})

test('attack: a list of a part that names files above it is a trouble, and writes nothing', async context => {
  const { server, ask, mirror } = await scene(context, { [NAME]: 'one\n' })
  const bad = Buffer.from(`nixsig-publication-part-1 0c\n../../../pwned 4 ${'ab'.repeat(32)}\n`)
  const index = `nixsig-publication-1 2026-01-01T00:00:00Z\n0c ${bad.length} ${listed(bad).sha256}\n`
  server.files = new Map([
    ['index', Buffer.from(index)],
    ['0c/index', bad],
  ])
  assert.match(
    (await ask())[0]?.detail ?? '',
    /0c\/index: publication: "\.\.\/\.\.\/\.\.\/pwned" is not a name/,
  )
  assert.deepEqual(readdirSync(mirror).toSorted(), ['index', 'source'])
})

test('a source that fails in the middle is asked for the rest only', async context => {
  const { server, ask, read } = await scene(context, { [NAME]: 'one\n', [`${DIGEST}.asc`]: 'two' })
  server.trick = (_, response, path) => path.endsWith('.asc') && response.writeHead(403).end() !== undefined
  assert.match((await ask(PATH, 60))[0]?.detail ?? '', /\.asc: answered 403/)
  server.trick = undefined
  server.log.length = 0
  assert.deepEqual(await ask(PATH, 60), [])
  assert.deepEqual(server.log, [`0c/${DIGEST}.asc 200`])
  assert.equal(read(`${DIGEST}.asc`), 'two')
})

test('many who ask at once ask the source once, also where it does not answer', async context => {
  const { server, ask } = await scene(context, { [NAME]: 'one\n' })
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(PATH, 60)))
  assert.deepEqual(answers.flat(), [])
  assert.deepEqual(server.log.toSorted(), [`0c/${NAME} 200`, '0c/index 200', 'index 200'])

  server.log.length = 0
  server.trick = () => true
  const refused = await Promise.all(Array.from({ length: 8 }, () => ask(PATH, 0)))
  assert.equal(refused.flat().length, 8)
  for (const { detail } of refused.flat()) assert.match(detail, /no answer within/)
  // The server notes a question when its connection closes.
  await until(() => server.log.length === 3)
})

test('the address of another source is another mirror, and its name tells the host', async () => {
  const sources = [
    { url: 'https://a.example/x', maxAge: 1 },
    { url: 'https://a.example/y', maxAge: 1 },
    { url: 'http://[::1]:80/', maxAge: 1 },
  ]
  const { directories } = openSources('/state', sources)
  assert.equal(new Set(directories).size, 3)
  for (const directory of directories.slice(0, 2))
    assert.match(directory, /^\/state\/mirror\/a\.example-[0-9a-f]{16}$/)
  assert.match(directories[2] ?? '', /^\/state\/mirror\/---1--[0-9a-f]{16}$/)
})

test('a state directory that cannot be written is a trouble that says what to do', async context => {
  const { server } = await scene(context, { [NAME]: 'one\n' })
  const [trouble] = await openSources('/sys', [{ url: server.url, maxAge: 0 }]).refresh(PATH)
  assert.match(trouble?.detail ?? '', /cannot write its mirror: .* \(run as root, or name a state directory/)
})

test('nothing is asked where no path is asked about', async context => {
  const { server, state } = await scene(context, { [NAME]: 'one\n' })
  openSources(state, [{ url: server.url, maxAge: 0 }])
  await sleep(20)
  assert.deepEqual(server.log, [])
  assert.equal(existsSync(join(state, 'mirror')), false)
})
