// How a hook asks the resident process: who may listen at its socket, and what each reply leads to.
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HookReply } from '../../src/formats/hook-reply.ts'
import { printReply } from '../../src/formats/hook-reply.ts'
import { type Asked, askResident } from '../../src/gate/ask-resident.ts'

const DRV = '/nix/store/8lnyx2d403hiqnqcjj8wl9j0zk56alk5-hello.drv'
const QUESTION = { kind: 'before-build', derivation: DRV } as const

const TELLING = { isByLine: true, versions: [] }
const PASS: HookReply = { outcome: 'pass', sentence: '', notice: 'noted', telling: TELLING }
const REFUSAL: HookReply = { outcome: 'refuse', sentence: 'no', notice: '', telling: TELLING }

/** Runs `use` while somebody listens at `<directory>/run/socket` and acts as the test says. */
async function withListener(
  act: (socket: Socket) => void,
  use: (place: { path: string; directory: string; asked: () => string }) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-ask-'))
  let asked = ''
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      asked += chunk
    })
    socket.on('end', () => act(socket))
  })
  try {
    mkdirSync(join(directory, 'run'))
    const path = join(directory, 'run/socket')
    await listening(server, path)
    await use({ path, directory, asked: () => asked })
  } finally {
    for (const socket of open) socket.destroy()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function listening(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177)
  await new Promise<void>(resolve => server.listen(path, resolve))
  process.umask(mask)
}

const reply =
  (...parts: readonly (string | Uint8Array)[]) =>
  (socket: Socket) => {
    for (const part of parts) socket.write(part)
    socket.end()
  }

function assertFailed(asked: Asked, why: RegExp): void {
  assert.equal(asked.kind, 'failed')
  assert.match(asked.kind === 'failed' ? asked.why : '', why)
}

for (const verdict of [PASS, REFUSAL]) {
  test(`a ${verdict.outcome} is taken as it is, and the question was as it should be`, () =>
    withListener(reply(printReply(verdict)), async ({ path, asked }) => {
      assert.deepEqual(await askResident(QUESTION, path), { kind: 'answered', reply: verdict })
      assert.equal(asked(), `nixsig1 before-build ${DRV}\n`)
    }))
}

test('a reply may arrive byte by byte', () =>
  withListener(reply(...[...printReply(PASS)].map(byte => Buffer.from([byte]))), async ({ path }) =>
    assert.equal((await askResident(QUESTION, path)).kind, 'answered'),
  ))

test('nobody is there: no directory, no socket, a socket that nobody serves any more', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-ask-'))
  try {
    assert.deepEqual(await askResident(QUESTION, join(directory, 'none/socket')), { kind: 'absent' })
    assert.deepEqual(await askResident(QUESTION, join(directory, 'socket')), { kind: 'absent' })
    // A socket at which nobody listens any more. The server deletes its file when it closes, so a
    // second name keeps it.
    const server = createServer()
    await listening(server, join(directory, 'bound'))
    const { renameSync } = await import('node:fs')
    renameSync(join(directory, 'bound'), join(directory, 'socket'))
    await new Promise(resolve => server.close(resolve))
    assert.deepEqual(await askResident(QUESTION, join(directory, 'socket')), { kind: 'absent' })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

const GARBAGE: Readonly<Record<string, readonly [act: (socket: Socket) => void, why: RegExp]>> = {
  'hangs up without a word': [reply(), /gave no reply/],
  'cuts the connection': [socket => socket.destroy(), /gave no reply|broke off/],
  'is killed in the middle of its answer': [reply(printReply(PASS).subarray(0, 12)), /has no first line/],
  'is killed before the last byte': [reply(printReply(PASS).subarray(0, -1)), /breaks off/],
  'says "pass"': [reply('pass'), /has no first line/],
  'says "pass" in a line': [reply('nixsig1 pass\n'), /does not begin as one of version nixsig1/],
  'says "pass" in another version': [reply('nixsig2 pass 0 0 6\nstatus'), /does not begin/],
  'says "pass" and goes on': [reply(printReply(PASS), 'x'), /is followed by more/],
  'says "pass" and then refuses': [reply(printReply(PASS), printReply(REFUSAL)), /is followed by more/],
  'says "pass" and sends a megabyte': [
    reply(printReply(PASS), Buffer.alloc(1 << 20)),
    /more than 65536 bytes/,
  ],
  'never ends': [
    socket => {
      const more = () => {
        if (!socket.destroyed) socket.write(Buffer.alloc(65536), more)
      }
      more()
    },
    /more than 65536 bytes/,
  ],
  'steers the terminal': [reply('nixsig1 refuse 5 0 6\n\x1b[35mstatus'), /not text/],
  'gives Nix a second line': [
    reply('nixsig1 refuse 34 0 6\nno\nextra-sandbox-paths\n/etc/shadowstatus'),
    /not text/,
  ],
  'did what nobody asked for': [reply(printReply({ ...PASS, outcome: 'done' })), /answered another question/],
  'cannot answer': [
    reply(printReply({ ...REFUSAL, outcome: 'error', sentence: 'too many questions' })),
    /too many/,
  ],
}

for (const [what, [act, why]] of Object.entries(GARBAGE)) {
  test(`attack: the hook takes no verdict from a resident process that ${what}`, () =>
    withListener(act, async ({ path }) => assertFailed(await askResident(QUESTION, path), why)))
}

const IMPOSTORS: Readonly<
  Record<string, readonly [prepare: (place: { path: string; directory: string }) => void, why: RegExp]>
> = {
  'a socket of somebody else': [({ path }) => chownSync(path, 1000, 1000), /socket belongs to user 1000/],
  'a socket that everybody may write to': [
    ({ path }) => chmodSync(path, 0o666),
    /socket is writable by others/,
  ],
  'a socket that its group may write to': [
    ({ path }) => chmodSync(path, 0o620),
    /socket is writable by others/,
  ],
  'a directory of somebody else': [
    ({ directory }) => chownSync(join(directory, 'run'), 1000, 1000),
    /run belongs to user 1000/,
  ],
  'a directory that everybody may write to': [
    ({ directory }) => chmodSync(join(directory, 'run'), 0o757),
    /run is writable by everybody/,
  ],
  'a sticky directory that everybody may write to': [
    ({ directory }) => chmodSync(join(directory, 'run'), 0o1777),
    /run is writable by everybody/,
  ],
  'a directory above it that everybody may write to': [
    ({ directory }) => chmodSync(directory, 0o777),
    /nixsig-ask-[^/]* is writable by everybody/,
  ],
}

const isRoot = process.geteuid?.() === 0

for (const [what, [prepare, why]] of Object.entries(IMPOSTORS)) {
  test(`attack: the hook asks nothing of ${what}`, { skip: !isRoot && 'needs root' }, () =>
    withListener(reply(printReply(PASS)), async place => {
      prepare(place)
      assertFailed(await askResident(QUESTION, place.path), why)
      assert.equal(place.asked(), '')
    }),
  )
}

test('attack: a link that leads to a socket, and a file in its place', () =>
  withListener(reply(printReply(PASS)), async ({ path, directory, asked }) => {
    symlinkSync(path, join(directory, 'link'))
    assertFailed(await askResident(QUESTION, join(directory, 'link')), /link is no socket/)
    writeFileSync(join(directory, 'file'), printReply(PASS))
    assertFailed(await askResident(QUESTION, join(directory, 'file')), /file is no socket/)
    assert.equal(asked(), '')
  }))

test('attack: a derivation whose name is another question is not asked about', () =>
  withListener(reply(printReply(PASS)), async ({ path, asked }) => {
    for (const derivation of [`${DRV}\nnixsig1 reload`, '', '/etc/passwd', `${DRV} x`]) {
      assertFailed(await askResident({ ...QUESTION, derivation }, path), /store path/)
    }
    assert.equal(asked(), '')
  }))

test('a reload is done or not; a verdict is no answer to it, and it is none to a question of a hook', () =>
  withListener(reply(printReply({ ...PASS, outcome: 'done' })), async ({ path, asked }) => {
    assert.equal((await askResident({ kind: 'reload' }, path)).kind, 'answered')
    assert.equal(asked(), 'nixsig1 reload\n')
    assertFailed(await askResident(QUESTION, path), /answered another question/)
  }))

test('attack: a verdict in answer to a reload', () =>
  withListener(reply(printReply(PASS)), async ({ path }) =>
    assertFailed(await askResident({ kind: 'reload' }, path), /answered another question/),
  ))

test('fault: a process that hangs, which takes connections still, is not waited for', () =>
  withListener(
    () => {},
    async ({ path }) =>
      assertFailed(await askResident(QUESTION, path, 100), /it hangs: it gave no sign of life/),
  ))

test('one that only takes its time is waited for', () => {
  let connections = 0
  const act = (socket: Socket) => {
    if (connections++ > 0) reply('nixsig1 error')(socket)
    else setTimeout(() => reply(printReply(PASS))(socket), 700)
  }
  return withListener(act, async ({ path }) => {
    assert.deepEqual(await askResident(QUESTION, path, 100), { kind: 'answered', reply: PASS })
    assert.ok(connections > 3, `${connections} connections`)
  })
})
