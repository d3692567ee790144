import { connect, type Socket } from 'node:net'
import { printable } from '../primitives/printable.ts'
import type { Pipe } from './connection.ts'
import { StoreError } from './store-error.ts'

/** Errors that mean no daemon listens: the socket does not exist or nobody serves it any more. */
const NOBODY: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED']

/**
 * Connects to the daemon that listens on this Unix socket; undefined if none listens. Throws
 * StoreError if the socket cannot be reached or no daemon accepts the connection within `timeout`
 * milliseconds.
 */
export function connectSocket(path: string, timeout: number): Promise<Pipe | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), timeout)
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      if (NOBODY.includes(error.code)) resolve(undefined)
      else reject(new StoreError(`no connection to the Nix daemon: ${printable(error.message)}`))
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve({ input: socket, output: socket, ended: end(socket), close: () => socket.destroy() })
    })
  })
}

function end(socket: Socket): Promise<string> {
  return new Promise(resolve => {
    let words = ''
    socket.on('error', error => {
      words = error.message
    })
    socket.on('close', () => resolve(words))
  })
}
