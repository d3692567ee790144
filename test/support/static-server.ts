import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'

export interface StaticServer {
  /** Without a trailing slash. */
  readonly url: string
  close(): Promise<void>
}

/** Serves the files of a directory on this machine's loopback. */
export async function serveDirectory(directory: string): Promise<StaticServer> {
  const http = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname)
    readFile(join(directory, path)).then(
      bytes => response.end(bytes),
      () => response.writeHead(404).end('<h1>not found</h1>'),
    )
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: () =>
      new Promise(resolve => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
}
