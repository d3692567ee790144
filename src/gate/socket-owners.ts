/**
 * Finds the owner of the other end of a local connection, from Linux's tables /proc/self/net/tcp
 * and tcp6 (proc(5)). They have a row for each socket of this network namespace, with both
 * addresses, the user and the inode.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { BlockList, isIPv6 } from 'node:net'
import { endianness } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { askTogether } from './ask-together.ts'

/** Both ends of a connection, with addresses as node:net's `Socket` gives them. */
export interface Ends {
  readonly client: { readonly address: string; readonly port: number }
  readonly server: { readonly address: string; readonly port: number }
}

/** The user of a local client, and its socket. */
export interface Owner {
  readonly user: number
  /** The inode of the client's socket, as links in /proc/pid/fd name it. */
  readonly inode: string
}

export interface SocketOwners {
  /** The owner of the client's end; undefined if it cannot be told. Never rejects. */
  ownerOf(ends: Ends): Promise<Owner | undefined>
}

/** Reads a table in pieces. Each piece is valid until the next one is read. */
export type ReadTable = (file: string) => AsyncIterable<Buffer>

const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']

/**
 * Milliseconds of pause between two looks: as long as the last one took (more for large tables),
 * within these limits.
 */
const REST_LEAST = 20
const REST_LIMIT = 100
const REST_BY_LOOK = 1

/** Bytes of a table that are read at most. */
const TABLE_LIMIT = 32 * 1024 * 1024
const PIECE = 4096
const PIECES_AT_ONCE = 64

/**
 * Only for established connections does the table give the user. One that is closing shows user 0,
 * whoever owned it.
 */
const ESTABLISHED = '01'

interface Asker {
  /** The addresses of both ends, as either table may write them. */
  readonly rows: readonly string[]
  resolve(owner: Owner | undefined): void
}

/**
 * Looks once for all who ask at about the same time. A connection whose other end is gone has no
 * owner.
 */
export function openSocketOwners(read: ReadTable = readTable): SocketOwners {
  async function look(askers: readonly Asker[]): Promise<void> {
    const wanted = new Map<string, Asker[]>()
    for (const asker of askers) {
      for (const row of asker.rows) wanted.set(row, [...(wanted.get(row) ?? []), asker])
    }
    for (const table of TABLES) {
      if (wanted.size > 0) await search(() => read(table), wanted).catch(() => {})
    }
    for (const asker of askers) asker.resolve(undefined)
  }

  const ask = askTogether(look, took => Math.min(Math.max(REST_LEAST, REST_BY_LOOK * took), REST_LIMIT))
  return {
    ownerOf: ({ client, server }) => new Promise(resolve => ask({ rows: rowsOf(client, server), resolve })),
  }
}

/** Answers those whose row is found. */
async function search(
  read: () => AsyncIterable<Buffer>,
  wanted: Map<string, readonly Asker[]>,
): Promise<void> {
  let rest = ''
  let bytes = 0
  for await (const piece of read()) {
    const lines = (rest + piece.toString('latin1')).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line, wanted)
    bytes += piece.length
    if (bytes > TABLE_LIMIT) return
  }
}

/**
 * A row, with its spaces shortened:
 *
 *     12: 0100007F:1229 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 …
 */
function take(line: string, wanted: Map<string, readonly Asker[]>): void {
  const start = line.indexOf(': ') + 2
  const end = line.indexOf(' ', line.indexOf(' ', start) + 1)
  // Most rows are about other connections, so they are parsed no further than this.
  const askers = wanted.get(line.slice(start, end))
  if (askers === undefined) return
  const [state, , , , uid = '', , inode = '0'] = line.slice(end + 1).split(/ +/, 7)
  // Inode 0: no process has the socket open any more.
  if (state !== ESTABLISHED || inode === '0' || !/^[0-9]{1,10}$/.test(uid)) return
  for (const { rows, resolve } of askers) {
    resolve({ user: Number(uid), inode })
    for (const row of rows) wanted.delete(row)
  }
}

/**
 * The kernel returns such a file a page at a time. Reading it in another thread would cost more
 * than reading does, so it is read here, and other work gets a turn now and then.
 */
async function* readTable(file: string): AsyncGenerator<Buffer, void, undefined> {
  const table = openSync(file, 'r')
  try {
    const piece = Buffer.allocUnsafe(PIECE)
    for (let pieces = 1; ; pieces++) {
      const count = readSync(table, piece, 0, PIECE, null)
      if (count === 0) return
      yield piece.subarray(0, count)
      if (pieces % PIECES_AT_ONCE === 0) await setImmediate()
    }
  } finally {
    closeSync(table)
  }
}

/**
 * How the row of the client's own socket begins: its end first. The socket may be an IPv6 one that
 * is connected to an IPv4 address.
 */
function rowsOf(client: Ends['client'], server: Ends['server']): readonly string[] {
  const [from, to] = [unmapped(client.address), unmapped(server.address)]
  const row = (write: (address: string) => string) =>
    `${write(from)}:${hexPort(client.port)} ${write(to)}:${hexPort(server.port)}`
  if (isIPv6(from) || isIPv6(to)) return [row(hexOfIPv6)]
  return [row(hexOfIPv4), row(address => `${MAPPED}${hexOfIPv4(address)}`)]
}

const MAPPED = endianness() === 'LE' ? '0000000000000000FFFF0000' : '00000000000000000000FFFF'

/** `::ffff:127.0.0.1` is an IPv4 address. */
function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}

function hexPort(port: number): string {
  return hex(port, 4)
}

function hexOfIPv4(address: string): string {
  return hexOfWord(address.split('.').map(Number))
}

function hexOfIPv6(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16))
  const [first, last] = [groups(head), groups(tail ?? '')]
  const all = [...first, ...new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0), ...last]
  const bytes = all.flatMap(group => [group >> 8, group & 255])
  return [0, 4, 8, 12].map(start => hexOfWord(bytes.slice(start, start + 4))).join('')
}

/** Four bytes as the kernel prints them: as one number in this machine's byte order. */
function hexOfWord(bytes: readonly number[]): string {
  const ordered = endianness() === 'LE' ? [...bytes].reverse() : bytes
  return ordered.map(byte => hex(byte, 2)).join('')
}

function hex(number: number, digits: number): string {
  return number.toString(16).toUpperCase().padStart(digits, '0')
}

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether both ends are on this machine. */
export function isLocal({ client, server }: Ends): boolean {
  const from = unmapped(client.address)
  return from === unmapped(server.address) || LOOPBACK.check(from, isIPv6(from) ? 'ipv6' : 'ipv4')
}
