/** A server of S3 on this machine, which verifies signatures, and what AWS does beyond it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'

/** The only key that the server knows. */
export const S3_KEY = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
export const BUCKET = 'binaries'

type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean

export interface S3Server {
  readonly port: number
  /** The requests for objects, with their queries. */
  readonly asked: string[]
  /** Answers a request in the server's place, where it returns true. */
  intercept: Intercept
  put(key: string, contents: string | Uint8Array): Promise<void>
  close(): Promise<void>
}

interface S3rver {
  callback(): RequestListener
  configureBuckets(): Promise<unknown>
}
type S3rverClass = new (options: Readonly<Record<string, unknown>>) => S3rver

/** Answers with an error as S3 does. */
export function s3Error(response: ServerResponse, status: number, xml: string, headers = {}): true {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers })
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n<Error>${xml}</Error>`)
  return true
}

/** Nothing can be read without a signature. */
export const PRIVATE: Intercept = (request, response) => {
  const isSigned = /[?&]X-Amz-Signature=/.test(request.url ?? '') || 'authorization' in request.headers
  return !isSigned && s3Error(response, 403, '<Code>AccessDenied</Code><Message>Access Denied</Message>')
}

/** Serves an empty bucket on loopback. */
export async function serveS3(host = '127.0.0.1'): Promise<S3Server> {
  const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as S3rverClass
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-s3-'))
  const s3 = new S3rver({ directory, silent: true, configureBuckets: [{ name: BUCKET }] })
  await s3.configureBuckets()
  const callback = s3.callback()
  const http = createServer((request, response) => {
    server.asked.push(request.url ?? '')
    if (!server.intercept(request, response)) callback(request, response)
  })
  await new Promise<void>(resolve => http.listen(0, host, resolve))
  const { port } = http.address() as AddressInfo
  const server: S3Server = {
    port,
    asked: [],
    intercept: () => false,
    put: (key, contents) => putObject(`http://${host}:${port}/${BUCKET}/${key}`, contents),
    async close() {
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
      rmSync(directory, { recursive: true })
    },
  }
  return server
}

async function putObject(address: string, contents: string | Uint8Array): Promise<void> {
  const url = new URL(address)
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: S3_KEY,
    sha256: Sha256,
    uriEscapePath: false,
  })
  const headers = { host: url.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
  const { hostname, protocol, pathname: path } = url
  const signed = await signer.sign({ method: 'PUT', hostname, protocol, path, headers })
  const { status } = await fetch(url, { method: 'PUT', headers: signed.headers, body: contents as string })
  if (status !== 200) throw new Error(`PUT ${address}: ${status}`)
}
