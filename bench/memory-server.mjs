// Serves answers from memory: node memory-server.mjs FILE DELAY
//
// FILE is JSON, from request path to body; DELAY is in milliseconds. Prints the port, and runs
// until its standard input ends.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [file = '', delay = '0'] = process.argv.slice(2)
const bodies = new Map(
  Object.entries(JSON.parse(readFileSync(file, 'utf8'))).map(([path, body]) => [path, Buffer.from(body)]),
)

function answer(request, response) {
  const body = bodies.get(request.url)
  if (body === undefined) return response.writeHead(404, { 'content-length': 0 }).end()
  const headers = { 'content-type': 'text/x-nix-narinfo', 'content-length': body.length }
  return response.writeHead(200, headers).end(body)
}

const handler =
  Number(delay) === 0 ? answer : (request, response) => setTimeout(answer, Number(delay), request, response)
const server = createServer({ keepAliveTimeout: 600_000 }, handler)
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit()).resume()
