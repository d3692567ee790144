import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { SIGNATURES } from '../../src/store/signatures.ts'
import { openStore, type Store } from '../../src/store/store-client.ts'
import { encode } from '../../src/store/wire.ts'
import { greeting, LAST, SERVER_MAGIC, WELCOME, withFakeDaemon } from '../support/fake-daemon.ts'

const PATH = '/nix/store/0c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-hello'
const OTHER = '/nix/store/1c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-other'
const DRV = '/nix/store/2c0n3p2a7zlnjs4v8y1yylrhjjxrsrb8-hello.drv'
const HASH = 'a'.repeat(64)

const NEXT = 0x6f6c6d67
const READ = 0x64617461
const WRITE = 0x64617416
const START = 0x53545254
const STOP = 0x53544f50
const RESULT = 0x52534c54
const ERROR = 0x63787470

type Piece = Uint8Array | ((socket: Socket) => void)

/** Opens a store over a fake daemon that gives these answers after a valid handshake. */
function withAnswers<T>(
  answers: readonly Piece[],
  use: (store: Store) => Promise<T>,
  timeout = 5000,
): Promise<T> {
  return withFakeDaemon([greeting(35), WELCOME, ...answers], async daemon => {
    const store = await openStore({ socket: daemon.socket, timeout })
    try {
      return await use(store)
    } finally {
      store.close()
    }
  })
}

/** The path info as bytes, field by field; `fields` replaces some. */
function info(fields: Record<string, number | string | readonly string[]> = {}): Uint8Array {
  const usual = {
    valid: 1,
    deriver: DRV,
    narHash: HASH,
    references: [PATH, OTHER],
    registrationTime: 1_700_000_000,
    narSize: 120,
    ultimate: 1,
    signatures: ['key-1:abc'],
    ca: '',
  }
  return encode(LAST, ...Object.values({ ...usual, ...fields }))
}

function refused(answer: Piece, reason: RegExp): Promise<void> {
  return withAnswers([answer], store => assert.rejects(store.pathInfo(PATH), reason))
}

test('the client claims protocol 1.35 and sends exactly the bytes that the protocol specifies', () =>
  withFakeDaemon([greeting(38), WELCOME, encode(LAST, 0), encode(LAST, [OTHER])], async daemon => {
    const store = await openStore({ socket: daemon.socket })
    await store.pathInfo(PATH)
    await store.validPaths([PATH, OTHER])
    store.close()
    const expected = [encode(0x6e697863), encode(0x123, 0, 0), encode(26, PATH), encode(31, [PATH, OTHER], 0)]
    assert.deepEqual(Buffer.from(daemon.received()), Buffer.concat(expected))
  }))

test('a daemon of protocol 1.34 does not say whether it trusts the client', () =>
  withFakeDaemon([greeting(34), encode('2.8.0', LAST), encode(LAST, 0)], async daemon => {
    const store = await openStore({ socket: daemon.socket })
    assert.equal(await store.pathInfo(PATH), undefined)
    store.close()
  }))

test('path info is read whole', async () => {
  const whole = {
    path: PATH,
    deriver: DRV,
    narHash: HASH,
    references: [PATH, OTHER],
    registrationTime: 1_700_000_000,
    narSize: 120,
    ultimate: true,
    signatures: ['key-1:abc'],
  }
  await withAnswers([info()], async store => assert.deepEqual(await store.pathInfo(PATH), whole))
  const { deriver: _, ...source } = {
    ...whole,
    references: [],
    signatures: [],
    ultimate: false,
    ca: 'text:x',
  }
  const bytes = info({ deriver: '', references: [], signatures: [], ultimate: 0, ca: 'text:x' })
  await withAnswers([bytes], async store => assert.deepEqual(await store.pathInfo(PATH), source))
})

test('an answer is read whatever pieces it arrives in', () =>
  withAnswers(
    [
      socket => {
        const bytes = info()
        let sent = 0
        const timer = setInterval(() => {
          socket.write(bytes.subarray(sent, sent + 7))
          sent += 7
          if (sent >= bytes.length) clearInterval(timer)
        }, 1)
      },
    ],
    async store => assert.equal((await store.pathInfo(PATH))?.narSize, 120),
  ))

test('log lines and progress before an answer are skipped', () => {
  const hugeActivity = Buffer.alloc(8, 0xff)
  const frames = Buffer.concat([
    encode(NEXT, 'a line'),
    encode(START),
    hugeActivity,
    encode(3, 101, 'text', 2, 0, 7, 1, 'field', 0),
    encode(RESULT),
    hugeActivity,
    encode(105, 2, 0, 1, 1, 'x'),
    encode(STOP),
    hugeActivity,
    info(),
  ])
  return withAnswers([frames], async store => assert.equal((await store.pathInfo(PATH))?.narHash, HASH))
})

test('an error is reported escaped and without colours, and the next request works', () => {
  const message = 'path \x1b[35;1m/x\x1b[0m is\x1b]0;title\x07 wrong'
  const error = encode(ERROR, 'Error', 0, 'Error', message, 0, 1, 0, 'a trace')
  return withAnswers([error, info()], async store => {
    await assert.rejects(store.pathInfo(PATH), {
      name: 'StoreError',
      message: 'the Nix store says: path /x is\\u{1b}]0;title\\u{7} wrong',
    })
    assert.equal((await store.pathInfo(PATH))?.narSize, 120)
  })
})

test('requests that are made at once are answered in turn', () =>
  withAnswers([encode(LAST, [OTHER]), encode(LAST, 0), encode(LAST, 1)], async store => {
    const all = [store.referrers(PATH), store.pathInfo(OTHER), store.addTempRoot(PATH)] as const
    assert.deepEqual(await Promise.all(all), [[OTHER], undefined, undefined])
  }))

test('outputs are returned by name; one without a path yet is undefined', () =>
  withAnswers([encode(LAST, 2, 'out', PATH, 'dev', '')], async store => {
    const expected = new Map([
      ['out', PATH],
      ['dev', undefined],
    ])
    assert.deepEqual(await store.outputs(DRV), expected)
  }))

test('a malformed path info is refused, and the connection with it', async () => {
  await refused(info({ valid: 2 }), /neither 0 nor 1 \(valid\)/)
  await refused(info({ deriver: '/etc/passwd' }), { name: 'FormatError' } as never)
  await refused(info({ narHash: HASH.toUpperCase() }), /not a SHA-256 in hex \(nar hash\)/)
  await refused(info({ narHash: `sha256:${HASH}` }), /not a SHA-256 in hex/)
  await refused(info({ references: ['/nix/store/../etc'] }), /FormatError/)
  await refused(info({ references: [''] }), /an empty path \(references\)/)
  await refused(info({ ultimate: 7 }), /neither 0 nor 1 \(ultimate\)/)
  await withAnswers([info({ valid: 2 }), info()], async store => {
    await assert.rejects(store.pathInfo(PATH), /neither 0 nor 1/)
    await assert.rejects(store.pathInfo(PATH), /neither 0 nor 1/)
  })
})

test('an answer about paths that nobody asked for is refused', () =>
  withAnswers([encode(LAST, [PATH, OTHER])], store =>
    assert.rejects(store.validPaths([PATH]), /a path that was not asked about/),
  ))

test('an output that is named twice is refused', () =>
  withAnswers([encode(LAST, 2, 'out', PATH, 'out', OTHER)], store =>
    assert.rejects(store.outputs(DRV), /an output twice/),
  ))

test('an invalid sign of success is refused', () =>
  withAnswers([encode(LAST, 0)], store =>
    assert.rejects(store.addSignatures(PATH, ['k:x']), /not the sign that it was done/),
  ))

test('frames that ask for data or send data are refused', async () => {
  await refused(encode(READ, 10), /unexpected frame 0x64617461/)
  await refused(encode(WRITE, 'data'), /unexpected frame 0x64617416/)
  await refused(encode(0), /unexpected frame 0x0/)
  await refused(encode(START, 1, 1, 1, 'x', 1, 2, 0), /neither 0 nor 1 \(activity\)/)
  await refused(encode(ERROR, 'Error', 0, 'Error', 'm', 1), /an error with a position/)
})

test('an oversized string or list is refused before it arrives', async () => {
  await refused(encode(NEXT, 2 ** 40), /a string of 1099511627776 bytes \(log line\)/)
  await refused(encode(LAST, 1, DRV, HASH, 2 ** 40), /a list of 1099511627776 items \(references\)/)
})

test('a daemon that talks without end is cut off', () => {
  const line = encode(NEXT, 'x'.repeat(1024 * 1024))
  function talk(socket: Socket): void {
    if (!socket.destroyed) socket.write(line, () => talk(socket))
  }
  return withAnswers(
    [talk],
    store => assert.rejects(store.pathInfo(PATH), /more than 134217728 bytes/),
    20_000,
  )
})

test('an error about one path of many names it', () => {
  const error = encode(ERROR, 'Error', 0, 'Error', 'signature is corrupt', 0, 0)
  return withAnswers([Buffer.concat([info(), error])], async store => {
    await assert.rejects(store.pathInfos([PATH, OTHER]), error => {
      assert.match(String(error), /^StoreError: \S+-other: .*signature is corrupt/)
      return true
    })
  })
})

test('unrequested bytes are refused at the next request', () =>
  withAnswers([Buffer.concat([info(), encode(LAST, 0)]), info()], async store => {
    await store.pathInfo(PATH)
    await assert.rejects(store.pathInfo(PATH), /bytes that nobody asked for/)
  }))

test('a truncated answer ends with the connection, at every length', async () => {
  const bytes = info()
  for (let length = 0; length < bytes.length; length += 8) {
    await refused(socket => socket.end(bytes.subarray(0, length)), /^StoreError: the Nix daemon went away/)
  }
})

test('a silent daemon is abandoned after the time limit, and stays abandoned', () => {
  const waits = async (store: Store) => {
    const started = performance.now()
    await assert.rejects(store.pathInfo(PATH), /no answer within 150 ms/)
    assert.ok(performance.now() - started < 3000)
    await assert.rejects(store.pathInfo(PATH), /no answer within 150 ms/)
  }
  return withAnswers([], waits, 150)
})

test('a daemon that drips bytes is abandoned after the time limit too', () => {
  const drip = (socket: Socket) => {
    const timer = setInterval(
      () => (socket.destroyed ? clearInterval(timer) : socket.write(encode(NEXT, '.'))),
      10,
    )
  }
  return withAnswers([drip], store => assert.rejects(store.pathInfo(PATH), /no answer within 200 ms/), 200)
})

test('closing fails pending and later requests', () =>
  withAnswers([], async store => {
    const pending = store.pathInfo(PATH)
    setImmediate(() => store.close())
    await assert.rejects(pending, /connection to the Nix daemon was closed/)
    await assert.rejects(store.pathInfo(PATH), /connection to the Nix daemon was closed/)
  }))

test('an argument that is not a store path is refused before anything is sent', () =>
  withFakeDaemon([greeting(35), WELCOME], async daemon => {
    const store = await openStore({ socket: daemon.socket })
    const before = daemon.received().length
    for (const path of ['', '/etc/passwd', '/nix/store', `${PATH}/bin`, `${PATH}\n`]) {
      await assert.rejects(store.pathInfo(path), { name: 'FormatError' }, path)
      await assert.rejects(store.validPaths([PATH, path]), { name: 'FormatError' }, path)
    }
    assert.equal(daemon.received().length, before)
    store.close()
  }))

test('whoever does not greet as a Nix daemon of a known protocol is refused', async () => {
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [encode(0x1234, 0x123), /not a Nix daemon \(greeting\)/],
    [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /worker protocol/],
    [encode(SERVER_MAGIC, 0x121), /version 1\.33, needed 1\.34 or later/],
    [encode(SERVER_MAGIC, 0x223), /version 2\.35, needed 1\.34 or later/],
  ]
  for (const [bytes, reason] of cases) {
    await withFakeDaemon([bytes], daemon => assert.rejects(openStore({ socket: daemon.socket }), reason))
  }
})

test('a daemon that refuses the client in the handshake is quoted', () =>
  withFakeDaemon(
    [greeting(35), encode('2.34.8', 2, ERROR, 'Error', 0, 'Error', 'not allowed', 0, 0)],
    daemon => assert.rejects(openStore({ socket: daemon.socket }), /^StoreError: .*says: not allowed/),
  ))

/** A directory with a nix-daemon of this text, and a socket path at which no daemon listens. */
async function withProgram<T>(
  text: string,
  use: (options: { socket: string; nixBin: string }) => Promise<T>,
) {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-bin-'))
  try {
    writeFileSync(join(directory, 'nix-daemon'), text, { mode: 0o755 })
    return await use({ socket: join(directory, 'socket'), nixBin: directory })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const asRoot = { skip: process.getuid?.() === 0 ? false : 'needs root' }

test('a nix-daemon that does not start or ends at once is reported with its last words', asRoot, async () => {
  await withProgram('#!/bin/sh\necho "error: \x1b[31mno database" >&2\nexit 1\n', options =>
    assert.rejects(
      openStore(options),
      /^StoreError: the Nix daemon went away: error: \\u\{1b\}\[31mno database/,
    ),
  )
  await withProgram('#!/no/such/interpreter\n', options =>
    assert.rejects(openStore(options), /^StoreError: the Nix daemon went away: .*ENOENT/),
  )
})

test('a nix-daemon that is started sees nothing of the environment', asRoot, async () => {
  process.env['NIX_REMOTE'] = 'unix:///nowhere'
  try {
    await withProgram('#!/bin/sh\nenv >&2; echo "$@" >&2\n', options =>
      assert.rejects(openStore(options), (error: Error) => {
        assert.match(error.message, /HOME=\//)
        assert.match(error.message, /--stdio --option store local/)
        assert.doesNotMatch(error.message, /NIX_REMOTE|NODE|npm/)
        return true
      }),
    )
  } finally {
    delete process.env['NIX_REMOTE']
  }
})

test('without a daemon, a plain user gets an error and starts none', asRoot, () =>
  withProgram('#!/bin/sh\nexit 1\n', async options => {
    process.seteuid?.(65534)
    try {
      await assert.rejects(openStore({ ...options, socket: '/nonexistent' }), /only root can open the store/)
    } finally {
      process.seteuid?.(0)
    }
  }),
)

test('a daemon whose socket this user may not use is an error, not the absence of a daemon', asRoot, () =>
  withFakeDaemon([greeting(35), WELCOME], async daemon => {
    process.seteuid?.(65534)
    try {
      await assert.rejects(openStore({ socket: daemon.socket }), /no connection to the Nix daemon: .*EACCES/)
    } finally {
      process.seteuid?.(0)
    }
  }),
)

test('attack: what anybody may choose of a path, at any length, leaves it readable, and honest signatures are read', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.nat(3_000_000).map(length => 'x'.repeat(length)),
  )
  return fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 12 }), fc.bigInt(0n, 2n ** 64n - 1n), (texts, time) => {
      const answer = Buffer.from(info({ signatures: [...texts, 'key-1:honest'] }))
      const at = encode(LAST, 1, DRV, HASH, [PATH, OTHER]).length
      answer.writeBigUInt64LE(time, at)
      return withAnswers([answer], async store => {
        const found = await store.pathInfo(PATH)
        assert.equal(found?.narHash, HASH)
        assert.equal(found?.signatures.at(-1), 'key-1:honest')
        assert.ok(found?.signatures.every(each => Buffer.byteLength(each) <= SIGNATURES.longest * 3))
        assert.ok(Number.isSafeInteger(found?.registrationTime))
      })
    }),
    { numRuns: 40 },
  )
})

test('attack: signatures of more bytes than an answer may have are passed over', () =>
  withAnswers(
    [info({ signatures: [...Array.from({ length: 150 }, () => 'x'.repeat(1024 * 1024)), 'key-1:honest'] })],
    async store => {
      const found = await store.pathInfo(PATH)
      assert.deepEqual(found?.signatures, ['key-1:honest'])
    },
    60_000,
  ))
