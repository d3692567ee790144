/** Creates a Unix socket in the file system with its mode from the start. */
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { withLock } from '../files/lock.ts'
import { protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/**
 * Milliseconds to wait for an existing socket to accept. If it does not fail by then, it counts as
 * served.
 */
const PATIENCE = 5000

/** The path of a Unix socket, or the descriptor of a socket that listens already. */
export type SocketOn = { readonly path: string } | { readonly fd: number }

/** Who may connect: the socket's owner alone, or every user. */
export type SocketMode = 0o600 | 0o666

/**
 * Makes a server listen there. At a path, the socket has this mode from the start. Creates its
 * directory (0755) if it is missing, and replaces a socket that a killed process left behind.
 * Throws FileError if a process serves the socket, if the file is not one, or if others could
 * replace it.
 */
export function listenOn(server: Server, on: SocketOn, mode: SocketMode): Promise<void> {
  if ('path' in on) return listenAtPath(server, on.path, mode)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ fd: on.fd }, resolve)
  })
}

async function listenAtPath(server: Server, path: string, mode: SocketMode): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const lock = `${path}.lock`
  await withLock(lock, async () => {
    protectedPath(lock)
    await clear(path)
    await listen(server, path, mode)
  })
}

/** Removes a socket that nobody serves. Throws FileError if it is served or is not a socket. */
async function clear(path: string): Promise<void> {
  const status = lstatSync(path, { throwIfNoEntry: false })
  if (status === undefined) return
  if (!status.isSocket()) throw new FileError(`${printable(path)} is there already and is no socket`)
  if (await isServed(path)) throw new FileError(`${printable(path)} is already served by another process`)
  rmSync(path, { force: true })
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const served = () => {
      socket.destroy()
      resolve(true)
    }
    socket.setTimeout(PATIENCE, served)
    socket.on('connect', served)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      // EAGAIN: the queue of waiting connections is full, so it is served.
      else if (error.code === 'EAGAIN') resolve(true)
      else reject(new FileError(`cannot tell who serves ${printable(path)}: ${printable(error.message)}`))
    })
  })
}

/**
 * The umask applies only during this call, in which the socket is created; nothing else runs
 * meanwhile.
 */
function listen(server: Server, path: string, mode: SocketMode): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error =>
      reject(new FileError(`cannot listen at ${printable(path)}: ${error.message}`)),
    )
    const mask = process.umask(0o777 & ~mode)
    try {
      server.listen({ path }, resolve)
    } finally {
      process.umask(mask)
    }
  })
}
