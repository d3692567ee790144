/** A Unix socket in the file system that nobody but its owner can ever have connected to. */
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { withLock } from '../files/lock.ts'
import { protectedPath } from '../files/owned-file.ts'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'

/** Milliseconds for a socket that is there already to be served or not. */
const PATIENCE = 5000

/**
 * Has a server listen at this path, mode 0600, in a directory that is made (0755) if it is missing. What a killed process
 * left there is replaced. Throws FileError if it is served, is no socket, or others could replace it.
 */
export async function listenAtPath(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const lock = `${path}.lock`
  await withLock(lock, async () => {
    protectedPath(lock)
    await clear(path)
    await listen(server, path)
  })
}

/** Removes a socket that nobody serves. */
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
      // Too many wait to be served.
      else if (error.code === 'EAGAIN') resolve(true)
      else reject(new FileError(`cannot tell who serves ${printable(path)}: ${printable(error.message)}`))
    })
  })
}

/** The file is made within this call, before anything else could be made under the same mask. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error =>
      reject(new FileError(`cannot listen at ${printable(path)}: ${error.message}`)),
    )
    const mask = process.umask(0o177)
    try {
      server.listen({ path }, resolve)
    } finally {
      process.umask(mask)
    }
  })
}
