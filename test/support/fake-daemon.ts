/** A Nix daemon that sends exactly what a test gives it, for answers that no real daemon sends. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode } from '../../src/store/wire.ts'

/** Frame and handshake numbers of the protocol. */
export const LAST = 0x616c7473
export const SERVER_MAGIC = 0x6478696f
export const WELCOME: Uint8Array = encode('2.34.8', 1, LAST)

/** The greeting of a daemon of protocol 1.`minor`. */
export function greeting(minor: number): Uint8Array {
  return encode(SERVER_MAGIC, 0x100 | minor)
}

export interface FakeDaemon {
  readonly socket: string
  /** Everything that the client has sent so far. */
  received(): Uint8Array
}

/**
 * Serves one socket while `use` runs. Each time the client sends something, the next piece of
 * `script` is sent back; a function may do anything with the connection. After the last piece
 * nothing more is answered.
 */
export async function withFakeDaemon<T>(
  script: readonly (Uint8Array | ((socket: Socket) => void))[],
  use: (daemon: FakeDaemon) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-daemon-'))
  const socket = join(directory, 'socket')
  const received: Uint8Array[] = []
  const open = new Set<Socket>()
  const server = createServer(connection => {
    open.add(connection)
    let turn = 0
    connection.on('error', () => {})
    connection.on('data', chunk => {
      received.push(chunk)
      const piece = script[turn++]
      if (typeof piece === 'function') piece(connection)
      else if (piece !== undefined) connection.write(piece)
    })
  })
  await new Promise<void>(resolve => server.listen(socket, resolve))
  try {
    return await use({ socket, received: () => Buffer.concat(received) })
  } finally {
    for (const connection of open) connection.destroy()
    await new Promise(resolve => server.close(resolve))
    rmSync(directory, { recursive: true })
  }
}
