// Servers that never answer, and those that never come to an end.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { makeOwnRepository } from '../../src/git/own-repository.ts'
import { runRemote } from '../../src/git/remote-git.ts'

const dir = mkdtempSync('/tmp/nixsig-remote-git-')
after(() => rmSync(dir, { recursive: true, force: true }))
makeOwnRepository(dir, 20)

/** Calls back with the port of a server that treats its connections so. */
async function serving<T>(answer: (socket: Socket) => void, use: (port: number) => Promise<T>): Promise<T> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket.on('error', () => undefined))
    answer(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  try {
    return await use(typeof address === 'object' && address !== null ? address.port : 0)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

const COMMANDS = {
  fetch: ['fetch', '--progress', '--end-of-options'],
  'ls-remote': ['ls-remote', '--quiet', '--end-of-options'],
}

/** A packet of the protocol: a first reference, and then nothing. */
const BEGINNING = `003f${'a'.repeat(40)} HEAD\0 side-band-64k\n`

describe('attack: a server that goes silent is left in time, and named', () => {
  for (const protocol of ['git', 'http']) {
    for (const [command, args] of Object.entries(COMMANDS)) {
      for (const [what, answer] of [
        ['at once', () => undefined],
        [
          'after a beginning',
          (socket: Socket) => void socket.write(protocol === 'git' ? BEGINNING : 'HTTP/1.1 200'),
        ],
      ] as const) {
        it(`${command} by ${protocol}, ${what}`, { timeout: 60_000 }, async () => {
          await serving(answer, async port => {
            const url = `${protocol}://127.0.0.1:${port}/x.git`
            const patience = { stallMs: 2000, wholeMs: 60_000 }
            const started = performance.now()
            const run = runRemote({ directory: dir, url, args: [...args, url] }, patience)
            const outcome = await run.then(
              ({ status, complaint }) => `${status} ${complaint}`,
              (error: Error) => error.message,
            )
            assert.match(
              outcome,
              /127\.0\.0\.1:\d+\/x\.git.*(sent nothing for 2 seconds|too slow|timed? ?out)/i,
            )
            assert.ok(performance.now() - started < 30_000)
          })
        })
      }
    }
  }

  it('or does so slowly: the whole has an end as well', { timeout: 60_000 }, async () => {
    await serving(
      () => undefined,
      async port => {
        const url = `git://127.0.0.1:${port}/x.git`
        const run = runRemote(
          { directory: dir, url, args: ['ls-remote', url] },
          { stallMs: 60_000, wholeMs: 2000 },
        )
        await assert.rejects(run, /git:\/\/127\.0\.0\.1:\d+\/x\.git was not done after 2 seconds/)
      },
    )
  })
})
