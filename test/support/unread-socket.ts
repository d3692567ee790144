/**
 * A client of the daemon that never reads: once its socket is full, the daemon blocks, whatever it
 * is doing.
 */
import type { World } from './world.ts'

/**
 * The worker protocol of Nix 2.8 and later as a client of 1.21 speaks it; nothing depends on the
 * answers.
 */
const PROGRAM = `
import { connect } from 'node:net'
const [drv, questions] = process.argv.slice(2)
const number = value => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(value)); return bytes }
const text = value => Buffer.concat([number(value.length), Buffer.from(value), Buffer.alloc((8 - (value.length % 8)) % 8)])
const options = [0, 0, 0, 3, 1, 0, 1, 0, 0, 0, 0, 1, 0].map(number)
const question = Buffer.concat([number(1), text('/nix/store/' + '0'.repeat(32) + '-x')])
const socket = connect('/nix/var/nix/daemon-socket/socket')
socket.pause()
socket.write(Buffer.concat([
  number(0x6e697863), number((1 << 8) | 21), number(0), number(0),
  number(19), ...options,
  ...Array.from({ length: Number(questions) }, () => question),
  number(9), number(1), text(drv + '!*'), number(0),
]))
setTimeout(() => process.exit(), 60_000)
`

/**
 * Requests a build as a plain user with a client that reads nothing, after so many questions that
 * their answers fill the socket. Runs until the world ends.
 */
export async function buildWithoutReading(world: World, drv: string, questions: number): Promise<void> {
  world.write('/srv/unread.mjs', PROGRAM)
  await world.output(`node /srv/unread.mjs ${drv} ${questions} >/dev/null 2>&1 &`, { user: 'alice' })
}

const COLLECTING = `
import { connect } from 'node:net'
const number = value => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(value)); return bytes }
const options = [0, 0, 0, 3, 1, 0, 1, 0, 0, 0, 0, 1, 0].map(number)
const socket = connect('/nix/var/nix/daemon-socket/socket')
socket.pause()
socket.write(Buffer.concat([
  number(0x6e697863), number((1 << 8) | 21), number(0), number(0),
  number(19), ...options,
  number(20), number(2), number(0), number(0), number(1n << 62n), number(0), number(0), number(0),
]))
setTimeout(() => process.exit(), 300_000)
`

/**
 * Collects garbage as a plain user, with so much output that the daemon blocks in the middle of it,
 * holding Nix's lock. Runs until the world ends.
 */
export async function collectWithoutReading(world: World): Promise<void> {
  world.write('/srv/collecting.mjs', COLLECTING)
  const texts = `builtins.genList (n: builtins.toFile "garbage-\${toString n}" "x") 1500`
  await world.output(['nix-instantiate', '--eval', '--strict', '--read-write-mode', '-E', texts], {
    user: 'alice',
  })
  await world.output('node /srv/collecting.mjs >/dev/null 2>&1 &', { user: 'alice' })
  for (let left = 100; ; left--) {
    const locks = world.read('/proc/locks')
    const lock = await world.output('stat --format %i /nix/var/nix/gc.lock 2>/dev/null || true')
    if (lock !== '' && locks.split('\n').some(line => line.includes(' WRITE ') && line.includes(`:${lock} `)))
      return
    if (left === 0) throw new Error('garbage is not being collected')
    await world.output('sleep 0.1')
  }
}
