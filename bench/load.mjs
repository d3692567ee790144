// Sends requests to HTTP servers and measures the time. Each line of standard input is one run, in
// JSON: { port, paths, connections }, and optionally count (requests; the paths are repeated), each
// (true: report the time of each request) and status (the expected one; by default 200). Each line
// of standard output is its result: { seconds, times? }, with times in milliseconds in the order of
// the answers.
//
// It writes to sockets and parses as little of an answer as possible, to be faster than what it
// measures.

import { connect } from 'node:net'
import { createInterface } from 'node:readline'

const END_OF_HEAD = Buffer.from('\r\n\r\n')

/** Resolves with a connection once it can be written to. */
function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Sends requests over one connection, one after the other, until `next` has no more. */
function converse(socket, next, status, onAnswer) {
  return new Promise((resolve, reject) => {
    let begun = 0
    let received
    const ask = () => {
      const request = next()
      if (request === undefined) return resolve()
      begun = performance.now()
      socket.write(request)
    }
    socket.once('error', reject).once('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', chunk => {
      received = received === undefined ? chunk : Buffer.concat([received, chunk])
      const end = received.indexOf(END_OF_HEAD)
      if (end < 0) return
      const head = received.latin1Slice(0, end)
      if (!head.startsWith(`HTTP/1.1 ${status} `)) {
        reject(new Error(`${head}\n${received.subarray(end)}`))
        return
      }
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
      if (received.length < end + 4 + length) return
      received = undefined
      onAnswer(performance.now() - begun)
      ask()
    })
    ask()
  })
}

async function run({ port, paths, connections, count = paths.length, each = false, status = 200 }) {
  const requests = paths.map(path => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`))
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const times = []
  let sent = 0
  const next = () => (sent < count ? requests[sent++ % requests.length] : undefined)
  const onAnswer = each ? time => times.push(time) : () => {}
  const start = performance.now()
  await Promise.all(sockets.map(socket => converse(socket, next, status, onAnswer)))
  const seconds = (performance.now() - start) / 1000
  for (const socket of sockets) socket.removeAllListeners('close').destroy()
  return each ? { seconds, times } : { seconds }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line))))
}
