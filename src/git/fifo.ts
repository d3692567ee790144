/**
 * A pipe from a child process that is read into one piece of memory. Node reads the usual pipe of a
 * child into new buffers, and keeps a hundred megabytes of them before it frees any.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { findProgram } from '../files/programs.ts'
import { FileError } from '../files/regular-file.ts'
import { makeScratch, removeScratch } from '../files/scratch.ts'

const SIZE = 64 * 1024

/** A pipe. Both ends have to be closed. */
export interface Fifo {
  /** The descriptor to write to, for a child process. */
  readonly writable: number
  /** Closes this process's own copy of that, so that the pipe ends with the child. */
  closeWritable(): void
  /** What is read, in pieces that are valid until the next one is asked for. */
  readonly pieces: AsyncGenerator<Buffer>
  close(): void
}

/** Makes a pipe; undefined if the program mkfifo is not installed. Throws FileError. */
export function makeFifo(): Fifo | undefined {
  const mkfifo = findProgram('mkfifo')
  if (mkfifo === undefined) return undefined
  const directory = makeScratch('pipe')
  try {
    const name = join(directory, 'pipe')
    const { status } = spawnSync(mkfifo, ['-m', '600', name], { env: {} })
    if (status !== 0) throw new FileError('mkfifo fails')
    // To write would wait for a reader.
    const readable = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK)
    const writable = openSync(name, constants.O_WRONLY)
    return openedFifo(readable, writable)
  } finally {
    removeScratch(directory)
  }
}

function openedFifo(readable: number, writable: number): Fifo {
  // Either of them waits for the other: a piece that is there, or somebody who asks for one.
  let waiting: ((piece: Buffer | undefined) => void) | undefined
  let isOver = false
  const buffer = Buffer.alloc(SIZE)
  const answer = (piece: Buffer | undefined) => {
    const resolve = waiting
    waiting = undefined
    resolve?.(piece)
  }
  const callback = (count: number) => {
    answer(buffer.subarray(0, count))
    return false
  }
  // Node documents `onread` for connections; it is the same for every socket.
  const options = { fd: readable, readable: true, writable: false, onread: { buffer, callback } }
  const socket = new Socket(options)
  socket.pause()
  const end = () => {
    isOver = true
    answer(undefined)
  }
  socket.once('end', end).once('error', end).once('close', end)
  const next = () =>
    new Promise<Buffer | undefined>(resolve => {
      if (isOver) return resolve(undefined)
      waiting = resolve
      socket.resume()
    })
  let isOpen = true
  const closeWritable = () => {
    if (isOpen) closeSync(writable)
    isOpen = false
  }
  return {
    writable,
    closeWritable,
    pieces: piecesOf(next),
    close: () => {
      closeWritable()
      socket.destroy()
    },
  }
}

async function* piecesOf(next: () => Promise<Buffer | undefined>): AsyncGenerator<Buffer> {
  for (let piece = await next(); piece !== undefined; piece = await next()) yield piece
}
