// Caches in S3, against a server that verifies signatures.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openUpstream } from '../../../../src/evidence/upstreams/open-upstream.ts'
import type { Said } from '../../../../src/evidence/upstreams/upstream.ts'
import { cachedPath } from '../../../support/cache-of-many.ts'
import { BUCKET, PRIVATE, S3_KEY, type S3Server, s3Error, serveS3 } from '../../../support/s3-server.ts'

const HELLO = cachedPath('hello', 'hello\n', [])
const ABSENT = '0'.repeat(32)
const DENIED = '<Code>AccessDenied</Code><Message>Access Denied</Message>'

/** A bucket with a cache; this process has no AWS configuration but what a test gives it. */
async function bucket(t: TestContext): Promise<S3Server> {
  const before = { ...process.env }
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  Object.assign(process.env, {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    AWS_CONFIG_FILE: '/nonexistent',
  })
  const server = await serveS3()
  t.after(async () => {
    process.env = before
    await server.close()
  })
  await server.put('nix-cache-info', 'StoreDir: /nix/store\n')
  await server.put(`${HELLO.digest}.narinfo`, HELLO.narinfo)
  await server.put(HELLO.url, HELLO.nar)
  return server
}

function setKey(key = S3_KEY): void {
  process.env['AWS_ACCESS_KEY_ID'] = key.accessKeyId
  process.env['AWS_SECRET_ACCESS_KEY'] = key.secretAccessKey
}

const open = ({ port }: S3Server, more = '') =>
  openUpstream({ url: `s3://${BUCKET}?scheme=http&endpoint=127.0.0.1:${port}${more}` }, { timeout: 2000 })

function words(said: Said): string {
  return 'detail' in said ? `${said.kind}: ${said.detail}` : said.kind
}

async function nar(said: Said, range?: string): Promise<string> {
  assert.ok(said.kind === 'offer', words(said))
  const streamed = await said.offer.open(range === undefined ? {} : { range })
  assert.ok(streamed)
  const pieces = await streamed.body.toArray()
  assert.equal(streamed.status, range === undefined ? 200 : 206)
  return Buffer.concat(pieces).toString('latin1')
}

test('a private bucket is read with a signature that the server verifies, NARs and parts of them too', async t => {
  const server = await bucket(t)
  server.intercept = PRIVATE
  setKey()
  const upstream = open(server)
  const said = await upstream.narinfo(HELLO.digest)
  assert.ok(said.kind === 'offer', words(said))
  assert.deepEqual(said.offer.nar, { kind: 'streamed', url: HELLO.url })
  const whole = Buffer.from(HELLO.nar).toString('latin1')
  assert.equal(await nar(said), whole)
  assert.equal(await nar(said, 'bytes=5-'), whole.slice(5))
  assert.equal((await upstream.narinfo(ABSENT)).kind, 'absent')
  assert.equal(await upstream.stream('nar/absent.nar', {}), undefined)
})

test('a public bucket is read by whoever has no credentials', async t => {
  const server = await bucket(t)
  assert.equal((await open(server).narinfo(HELLO.digest)).kind, 'offer')
  assert.ok(!server.asked.some(url => url.includes('X-Amz') && url.includes('narinfo')))
})

test('credentials of a profile in the file of the user who runs it', async t => {
  const server = await bucket(t)
  server.intercept = PRIVATE
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-aws-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'credentials')
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = file
  writeFileSync(file, '[nix]\naws_access_key_id = S3RVER\naws_secret_access_key = S3RVER\n')
  assert.equal((await open(server, '&profile=nix').narinfo(HELLO.digest)).kind, 'offer')
  const other = words(await open(server, '&profile=other').narinfo(HELLO.digest))
  assert.match(
    other,
    /^silent: answered 403 \(AccessDenied\): .*there are none for the profile "other"; next: /,
  )
})

test('a key that the server takes for nobody, and one with another secret', async t => {
  const server = await bucket(t)
  for (const key of [
    { accessKeyId: 'NOBODY', secretAccessKey: 'x' },
    { ...S3_KEY, secretAccessKey: 'x' },
  ]) {
    setKey(key)
    assert.match(
      words(await open(server).narinfo(HELLO.digest)),
      /^silent: .*the server does not take these AWS/,
    )
  }
})

test('403 for a miss means absent where nix-cache-info answers, and is told where it does not', async t => {
  const server = await bucket(t)
  setKey()
  const deny = (response: ServerResponse) => s3Error(response, 403, DENIED)
  server.intercept = ({ url = '' }, response) => url.includes(ABSENT) && deny(response)
  assert.equal((await open(server).narinfo(ABSENT)).kind, 'absent')
  assert.equal((await open(server).narinfo(HELLO.digest)).kind, 'offer')
  server.intercept = (_, response) => deny(response)
  assert.match(
    words(await open(server).narinfo(ABSENT)),
    /^silent: answered 403 \(AccessDenied\): the AWS credentials may not read it/,
  )
})

const REGION = { 'x-amz-bucket-region': 'eu-west-1' }
const TROUBLES: Readonly<Record<string, readonly [(response: ServerResponse) => true, RegExp]>> = {
  'another region, as AWS redirects': [
    response => s3Error(response, 301, '<Code>PermanentRedirect</Code>', REGION),
    /^silent: answered 301: the bucket is in the region "eu-west-1", not "us-east-1"; next: add region=eu-west-1/,
  ],
  'another region, as AWS finds in the signature': [
    response =>
      s3Error(response, 400, '<Code>AuthorizationQueryParametersError</Code><Region>eu-west-1</Region>'),
    /^silent: answered 400: the bucket is in the region "eu-west-1"/,
  ],
  'a token that has expired': [
    response => s3Error(response, 400, '<Code>ExpiredToken</Code><Message>expired</Message>'),
    /^silent: answered 400 \(ExpiredToken\): the AWS credentials have expired/,
  ],
  "a clock that differs from the server's": [
    response => s3Error(response, 403, DENIED, { date: new Date(Date.now() + 3_600_000).toUTCString() }),
    /^silent: answered 403: this machine's clock is 60 minutes behind the server's/,
  ],
  'no such bucket': [
    response => s3Error(response, 404, '<Code>NoSuchBucket</Code>'),
    /^silent: answered 404 \(NoSuchBucket\): there is no bucket "binaries"/,
  ],
  'an error that hides an escape sequence': [
    response => s3Error(response, 400, '<Code>Bad\x1b[31m</Code>'),
    /^silent: answered 400 \(Bad\\u\{1b\}\[31m\)$/,
  ],
  'too many requests': [response => s3Error(response, 503, '<Code>SlowDown</Code>'), /^silent: answered 503/],
}
for (const [name, [answer, expected]] of Object.entries(TROUBLES))
  test(`${name}: said in words`, async t => {
    const server = await bucket(t)
    setKey()
    server.intercept = (_, response) => answer(response)
    assert.match(words(await open(server).narinfo(HELLO.digest)), expected)
  })

test('a token that expires while the gate runs: said, and taken up again when it was renewed', async t => {
  const server = await bucket(t)
  setKey()
  const upstream = open(server)
  assert.equal((await upstream.narinfo(HELLO.digest)).kind, 'offer')
  server.intercept = (_, response) => s3Error(response, 400, '<Code>ExpiredToken</Code>')
  assert.match(words(await upstream.narinfo(HELLO.digest)), /^silent: .*have expired/)
})

test('attack: a bucket that redirects to another host gets no request sent there', async t => {
  const server = await bucket(t)
  const other = await bucket(t)
  setKey()
  server.intercept = ({ url = '' }, response) => {
    if (url.includes('nix-cache-info')) return false
    response.writeHead(307, { location: `http://localhost:${other.port}${url}` }).end()
    return true
  }
  const asked = other.asked.length
  assert.match(words(await open(server).narinfo(HELLO.digest)), /^(?:silent|malformed): answered 307$/)
  assert.equal(other.asked.length, asked)
})

test('attack: an answer without end, and one that stalls, end in time', async t => {
  const server = await bucket(t)
  setKey()
  server.intercept = ({ url = '' }, response) => {
    if (!url.includes('.narinfo')) return false
    const timer = setInterval(() => response.write(Buffer.alloc(65536, 'x')), 1)
    response.on('close', () => clearInterval(timer))
    return true
  }
  assert.match(
    words(await open(server).narinfo(HELLO.digest)),
    /^malformed: answered with more than 1048576 bytes/,
  )
  server.intercept = ({ url = '' }) => url.includes('.narinfo')
  assert.match(words(await open(server).narinfo(HELLO.digest)), /^silent: no answer within 2 seconds/)
})

/** Answers 403, and never comes to the end of it. */
function endless(response: ServerResponse): true {
  response.writeHead(403, { 'content-type': 'application/xml' }).write('<Error>')
  return true
}

test('attack: a server whose refusal never ends is waited for as long as any other', async t => {
  const server = await bucket(t)
  server.intercept = (_request, response) => endless(response)
  const started = performance.now()
  assert.match(words(await open(server).narinfo(HELLO.digest)), /^silent: /)
  assert.ok(performance.now() - started < 10_000)
})

test('attack: nor is one whose refusal of a NAR never ends', async t => {
  const server = await bucket(t)
  server.intercept = ({ url = '' }, response) => url.includes('/nar/') && endless(response)
  const said = await open(server).narinfo(HELLO.digest)
  assert.ok(said.kind === 'offer', words(said))
  assert.equal(await said.offer.open({}), undefined)
})
