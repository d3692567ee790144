import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addAbortSignal, Readable } from 'node:stream'
import { after, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { httpUpstream } from '../../src/evidence/upstreams/http.ts'
import { findProgram } from '../../src/files/programs.ts'
import { narOfBytes } from '../../src/formats/nix/nar.ts'
import { openHttpServer } from '../../src/gate/http-server.ts'
import { deliverNar } from '../../src/gate/nar-delivery.ts'
import { NarFault, openNarFaults } from '../../src/gate/nar-faults.ts'
import { openRoom, ROOM_LIMITS } from '../../src/gate/nar-room.ts'
import type { NarFile, NarTicket } from '../../src/gate/nar-ticket.ts'
import type { DeliveryTimes } from '../../src/gate/nar-transfer.ts'
import { openNarTurns } from '../../src/gate/nar-turns.ts'
import { BREAKING, GOOD, type Mood, serveFaultyCaches, WRONG } from '../support/faulty-caches.ts'

const CASES = Number(process.env['NIXSIG_CASES'] ?? 40)
const ROOT = { name: 'root', kind: 'root' } as const
/** Milliseconds that an upstream may stand still. */
const STALL = 2000
const QUICK: DeliveryTimes = { unchecked: 30_000, pace: { bytes: 1000, ms: 100 } }

const PACKERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  none: bytes => bytes,
  gzip: gzipSync,
  br: brotliCompressSync,
  xz: bytes => execFileSync('xz', ['-0', '--stdout'], { input: bytes, maxBuffer: 4_000_000 }),
}
const COMPRESSIONS = ['none', 'gzip', 'br', ...(findProgram('xz') ? ['xz'] : [])]

const NARS = [10, 60_000, 300_000, 1_500_000].map(size => {
  const nar = Buffer.from(narOfBytes(bytesOf(size), false))
  return { nar, packed: new Map(COMPRESSIONS.map(name => [name, PACKERS[name]?.(nar) ?? nar])) }
})

/** Bytes that do not compress well. */
function bytesOf(size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, index) =>
    createHash('sha256').update(`${index}`).digest(),
  )
  return Buffer.concat(blocks).subarray(0, size)
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

const caches = await serveFaultyCaches()
const state = mkdtempSync(join(tmpdir(), 'nixsig-delivery-'))
after(async () => {
  await caches.close()
  rmSync(state, { recursive: true })
})

interface Case {
  readonly form: 'file' | 'nar'
  readonly size: number
  readonly offers: readonly { readonly compression: string; readonly mood: Mood }[]
  readonly range?: string | undefined
  readonly hasRoom?: boolean
  /** The files of the caches, if they are not those of the NAR. */
  readonly files?: readonly Buffer[]
  readonly times?: DeliveryTimes
  /** Milliseconds that an upstream may stand still. */
  readonly stall?: number
}

interface Result {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
  /** Whether the answer came to its end, as far as a client can tell. */
  readonly isComplete: boolean
  readonly log: readonly string[]
}

/** What a client gets from a gate in front of these caches, and what it should get. */
async function deliver(one: Case): Promise<Result & { readonly wanted: Buffer }> {
  const { form, size, offers, range, hasRoom = true, times = QUICK, stall = STALL } = one
  const { nar, packed } = NARS[size] ?? assert.fail()
  const [first] = offers
  const compressionOf = (own: string) => (form === 'file' ? (first?.compression ?? 'none') : own)
  const fileOf = (own: string) => packed.get(compressionOf(own)) ?? assert.fail()
  caches.stock = offers.map(({ compression, mood }, index) => ({
    file: one.files?.[index] ?? fileOf(compression),
    mood,
  }))
  const wanted = form === 'nar' ? nar : fileOf('')
  const files = offers.map(({ compression }, index) => ({
    upstream: caches.address(index),
    file: 'nar',
    compression: compressionOf(compression),
  }))
  const ticket: NarTicket = { form, hash: sha256(wanted), narSize: nar.length, files }
  const sources = files.map(file => ({
    file,
    upstream: httpUpstream({ url: file.upstream }, { timeout: stall, http: { noProxy: [] } }),
  }))
  const log: string[] = []
  const faults = openNarFaults((_level, _event, details) => log.push(String(details?.['why'])))
  const limits = { ...ROOM_LIMITS, files: hasRoom ? 128 : 0, free: 0 }
  const room = openRoom(state, error => assert.fail(error), limits)
  const parts = { room, faults, turns: openNarTurns(), times }
  const server = await openHttpServer(
    { host: '127.0.0.1', port: 0 },
    request => deliverNar(ticket, sources, request, parts),
    { findPeer: () => ROOT },
  )
  try {
    return { ...(await ask(server.address, range)), log, wanted }
  } finally {
    await server.close(0)
  }
}

/** As `deliver`; once more, with more patience, if an answer fails that a busy machine may have held up. */
async function deliverPatiently(one: Case): ReturnType<typeof deliver> {
  const result = await deliver(one)
  return result.isComplete && result.status < 400 ? result : deliver({ ...one, stall: 10 * STALL })
}

function ask(address: string, range: string | undefined): Promise<Omit<Result, 'log'>> {
  return new Promise(resolve => {
    const request = get(
      `http://${address}/nar`,
      { agent: false, headers: range ? { range } : {} },
      response => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', () => {})
        response.on('close', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(pieces),
            isComplete: response.complete,
          }),
        )
      },
    )
    // It broke off before anything was sent.
    request.on('error', () => resolve({ status: 599, headers: {}, body: Buffer.alloc(0), isComplete: false }))
  })
}

const mood = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...GOOD) },
    { weight: 4, arbitrary: fc.constantFrom(...BREAKING) },
    { weight: 4, arbitrary: fc.constantFrom(...WRONG) },
  ),
  at: fc.integer({ min: 0, max: 100 }).map(percent => percent / 100),
})
const cases = fc.record({
  form: fc.constantFrom('file' as const, 'nar' as const),
  size: fc.nat(NARS.length - 1),
  offers: fc.array(fc.record({ compression: fc.constantFrom(...COMPRESSIONS), mood }), {
    minLength: 1,
    maxLength: 4,
  }),
  range: fc.option(
    fc.constantFrom('bytes=0-', 'bytes=7-', 'bytes=20-30', 'bytes=70000-', 'bytes=9999999-', 'x'),
    {
      nil: undefined,
    },
  ),
})

const isGood = ({ mood: { kind } }: Case['offers'][number]) => GOOD.includes(kind)

/** The part of the whole that an answer claims to be. */
function claimed({ status, headers, wanted }: Awaited<ReturnType<typeof deliver>>): Buffer {
  if (status === 200) return wanted
  const [, start, end, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(headers['content-range'])) ?? []
  assert.equal(Number(size), wanted.length)
  return wanted.subarray(Number(start), Number(end) + 1)
}

function assertRight(result: Awaited<ReturnType<typeof deliver>>): void {
  const { status, body, isComplete, log } = result
  assert.ok(status === 200 || status === 206, `${status} ${body} ${log}`)
  assert.equal(isComplete, true, log.join('; '))
  assert.ok(body.equals(claimed(result)))
}

test('G15: whatever caches do, a client gets exactly the right bytes if any of them is good, and never wrong ones', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async one => {
      if (one.offers.some(isGood)) return assertRight(await deliverPatiently(one))
      const result = await deliver(one)
      if (result.status < 400) return assertRight(result)
      const areAbsent = one.offers.every(({ mood: { kind } }) => kind === 'gone' || kind === 'forbidden')
      assert.ok(areAbsent ? result.status === 404 : [502, 504].includes(result.status), `${result.status}`)
    }),
    { numRuns: CASES },
  )
  assert.deepEqual(readdirSync(state), [], 'nothing stays on the disk')
})

test('G15: without room or time to check first, no wrong bytes end as if they were whole, and a break is mended', async () => {
  const impatient = fc.record({ hasRoom: fc.boolean(), unchecked: fc.constantFrom(0, 5, 40) })
  await fc.assert(
    fc.asyncProperty(cases, impatient, async (one, { hasRoom, unchecked }) => {
      const times = { ...QUICK, unchecked }
      // The rest of a file for which there is no room is passed on as it is.
      const range = one.form === 'file' && !hasRoom ? undefined : one.range
      const firstGood = one.offers.findIndex(isGood)
      const before = one.offers.slice(0, Math.max(firstGood, 0))
      const isMendable = firstGood >= 0 && before.every(({ mood: { kind } }) => BREAKING.includes(kind))
      const given = { ...one, range, hasRoom, times }
      const result = isMendable ? await deliverPatiently(given) : await deliver(given)
      if (isMendable || (result.isComplete && result.status < 400)) assertRight(result)
    }),
    { numRuns: CASES },
  )
})

const well: Mood = { kind: 'well', at: 0 }
const offersOf = (...kinds: readonly Mood['kind'][]) =>
  kinds.map(kind => ({ compression: 'none', mood: { kind, at: 0.5 } }))

test('a NAR is served from the byte on that is asked for, so that Nix can resume', async () => {
  for (const form of ['file', 'nar'] as const) {
    const one: Case = { form, size: 2, offers: [{ compression: 'gzip', mood: well }, ...offersOf('well')] }
    const whole = await deliver(one)
    assert.equal(whole.headers['accept-ranges'], 'bytes')
    assert.equal(whole.headers['content-length'], String(whole.wanted.length))
    const rest = await deliver({ ...one, range: 'bytes=100000-' })
    assert.equal(rest.status, 206)
    assert.ok(rest.body.equals(rest.wanted.subarray(100_000)))
  }
})

test('the rest of a file for which there is no room comes from the first cache that sends just this rest', async () => {
  const offers = offersOf('gone', 'other part', 'without ranges', 'well')
  const { status, body, wanted } = await deliver({
    form: 'file',
    size: 3,
    offers,
    range: 'bytes=1000000-',
    hasRoom: false,
  })
  assert.equal(status, 206)
  assert.ok(body.equals(wanted.subarray(1_000_000)))
})

test('attack: a cache that sends a byte at a time is passed over, and waited for only if nobody else has the NAR', async () => {
  const passed = await deliver({ form: 'nar', size: 3, offers: offersOf('dripping', 'well') })
  assertRight(passed)
  assert.match(passed.log.join(), /^sent \d+ bytes in 0\.1 seconds$/)
  const alone = await deliver({ form: 'nar', size: 3, offers: offersOf('dripping', 'gone') })
  assert.equal(alone.status, 502)
  assert.match(String(alone.body), /broke off in the middle of its answer/, 'it was given its time')
})

test('attack: a cache that never begins to send is passed over', async () => {
  const { nar } = NARS[0] ?? assert.fail()
  const files = ['a', 'b'].map(upstream => ({ upstream, file: 'nar', compression: 'none' }))
  const ticket: NarTicket = { form: 'nar', hash: sha256(nar), narSize: nar.length, files }
  const log: string[] = []
  const faults = openNarFaults((_level, _event, details) => log.push(String(details?.['why'])))
  const room = openRoom(state, error => assert.fail(error), ROOM_LIMITS)
  const parts = { room, faults, turns: openNarTurns(), times: QUICK }
  const never = { stream: () => new Promise<undefined>(() => {}) }
  const atOnce = {
    stream: async () => ({ status: 200 as const, length: nar.length, body: Readable.from([nar]) }),
  }
  const sources = files.map((file, index) => ({ file, upstream: index === 0 ? never : atOnce }))
  const request = { peer: ROOT, range: undefined, signal: new AbortController().signal }
  const { status, body } = await deliverNar(ticket, sources, request, parts)
  assert.equal(status, 200)
  assert.ok(body instanceof Readable)
  assert.ok(Buffer.concat(await body.toArray()).equals(nar))
  assert.deepEqual(log, ['sent 0 bytes in 0.1 seconds'])
})

test('attack: what decompresses to more than the NAR is cut off there, and the next cache is asked', async () => {
  const { nar } = NARS[0] ?? assert.fail()
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
  const before = process.memoryUsage.rss()
  const good = offersOf('well')
  const bombed = { compression: 'gzip', mood: well }
  const result = await deliver({ form: 'nar', size: 0, offers: [bombed, ...good], files: [bomb, nar] })
  assertRight(result)
  assert.deepEqual(result.log, [`sent more than ${nar.length} bytes`])
  assert.ok(process.memoryUsage.rss() - before < 50_000_000)
})

test('when all fail, the answer names each cache with its reason', async () => {
  const { status, body } = await deliver({
    form: 'file',
    size: 1,
    offers: offersOf('gone', 'error', 'corrupt', 'cut'),
  })
  assert.equal(status, 502)
  for (const reason of [
    /0 has no such file; http/,
    /1 answered 500; http/,
    /2 sent another file, of \d+ bytes with SHA-256 [0-9a-f]{64}; http/,
    /3 broke off in the middle of its answer; next: /,
  ])
    assert.match(String(body), reason)
  assert.equal((await deliver({ form: 'file', size: 1, offers: offersOf('gone', 'forbidden') })).status, 404)
})

test('a fault is logged once, and who failed comes last until it does well', () => {
  const log: string[] = []
  let now = 0
  const faults = openNarFaults(
    (_level, event, details) => log.push(`${event}: ${details?.['why']}`),
    () => now,
  )
  const [a, b] = ['a', 'b'].map(upstream => ({ upstream, file: 'x', compression: 'none' })) as [
    NarFile,
    NarFile,
  ]
  const first = () => faults.sort([a, b])[0]?.upstream
  faults.note(a, new NarFault('failed', 'answered 500'))
  faults.note(a, new NarFault('failed', 'answered 503'))
  faults.note(a, new NarFault('absent', 'has no such file'))
  assert.deepEqual(log, [
    'no NAR from an upstream: answered 500',
    'no NAR from an upstream: has no such file',
  ])
  assert.equal(first(), 'b')
  now += 600_000
  assert.equal(first(), 'a')
  faults.note(a, new NarFault('failed', 'answered 500'))
  faults.clear(a)
  assert.equal(first(), 'a')
})

test('a client that goes away ends the work, and leaves nothing behind', async () => {
  for (const hasRoom of [true, false]) {
    const room = openRoom(state, error => assert.fail(error), {
      ...ROOM_LIMITS,
      files: hasRoom ? 1 : 0,
      free: 0,
    })
    const { nar } = NARS[3] ?? assert.fail()
    caches.stock = [{ file: nar, mood: { kind: 'stalled', at: 0.5 } }]
    const file = { upstream: caches.address(0), file: 'nar', compression: 'none' }
    const sources = [
      { file, upstream: httpUpstream({ url: file.upstream }, { timeout: 60_000, http: { noProxy: [] } }) },
    ]
    const ticket: NarTicket = { form: 'nar', hash: sha256(nar), narSize: nar.length, files: [file] }
    const leaving = new AbortController()
    const log: string[] = []
    const faults = openNarFaults((_level, event) => log.push(event))
    const request = { peer: ROOT, range: undefined, signal: leaving.signal }
    const answer = deliverNar(ticket, sources, request, {
      room,
      faults,
      turns: openNarTurns(),
      times: QUICK,
    })
    setTimeout(() => leaving.abort(), 200)
    if (hasRoom) await assert.rejects(answer)
    else {
      const { body } = await answer
      assert.ok(body instanceof Readable)
      addAbortSignal(leaving.signal, body)
      await assert.rejects(body.toArray())
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.deepEqual(log, [], 'no cache is blamed')
    if (hasRoom) assert.ok(room.take(ROOT, 1), 'the room is given back')
    assert.deepEqual(readdirSync(state), [])
  }
})

test('NARs on their way, however many, keep nobody from being asked about a path', async () => {
  const file = NARS[3]?.nar ?? assert.fail()
  caches.stock = [{ file, mood: { kind: 'stalled', at: 0.5 } }]
  const upstream = httpUpstream({ url: caches.address(0) }, { timeout: 5000, http: { noProxy: [] } })
  const leaving = new AbortController()
  const { signal } = leaving
  const streams = await Promise.all(Array.from({ length: 60 }, () => upstream.stream('nar', { signal })))
  assert.equal(streams.filter(stream => stream?.status === 200).length, 60)
  assert.equal((await upstream.narinfo('0ks1qw2pm5bbzi7jg1xwyrz9cdqwfhv1')).kind, 'absent')
  leaving.abort()
})
