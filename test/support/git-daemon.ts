import { type ChildProcess, spawn } from 'node:child_process'
import { createConnection, createServer } from 'node:net'
import { eventually } from './eventually.ts'

export interface GitDaemon {
  /** The URL of a repository by its directory below the base. */
  url(name: string): string
  close(): void
}

/** Serves all repositories below a directory with git's own protocol, on a free port. */
export async function gitDaemon(base: string): Promise<GitDaemon> {
  const port = await freePort()
  const options = [
    '--reuseaddr',
    '--export-all',
    '--listen=127.0.0.1',
    `--port=${port}`,
    `--base-path=${base}`,
  ]
  const args = ['-c', 'safe.directory=*', 'daemon', ...options, base]
  const daemon: ChildProcess = spawn('git', args, { stdio: 'ignore' })
  await eventually('git daemon answers', () => answers(port))
  return { url: name => `git://127.0.0.1:${port}/${name}`, close: () => daemon.kill() }
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
