import { createSocket } from 'node:dgram'

/** A DNS server that a world can use. */
export interface DnsServer {
  /** The names that it was asked for, one for each question. */
  readonly asked: readonly string[]
  close(): void
}

/** Listens at 127.0.0.1. Says that `known` is this machine, and answers nothing about other names. */
export async function serveName(known: string): Promise<DnsServer> {
  const asked: string[] = []
  const dns = createSocket('udp4', (message, from) => {
    const labels: string[] = []
    let at = 12
    for (let length = message[at] ?? 0; length !== 0; at += length + 1, length = message[at] ?? 0)
      labels.push(message.toString('latin1', at + 1, at + 1 + length))
    const name = labels.join('.')
    asked.push(name)
    if (name !== known) return
    const isA = message.readUInt16BE(at + 1) === 1
    const head = Buffer.from(message.subarray(0, at + 5))
    head.writeUInt16BE(0x8180, 2)
    head.writeUInt16BE(isA ? 1 : 0, 6)
    head.writeUInt32BE(0, 8)
    const answer = isA ? Buffer.from('c00c000100010000000000047f000001', 'hex') : Buffer.alloc(0)
    dns.send(Buffer.concat([head, answer]), from.port, from.address)
  })
  await new Promise<void>(resolve => dns.bind(53, '127.0.0.1', resolve))
  return { asked, close: () => dns.close() }
}
