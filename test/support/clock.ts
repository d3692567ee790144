/** The clock of a world, moved without moving this machine's. */
import { cpSync, existsSync } from 'node:fs'
import type { World } from './world.ts'

/** Where Debian's package `libfaketime` has it, on the architectures that the tests run on. */
const LIBRARIES = ['x86_64', 'aarch64'].map(
  machine => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`,
)
const COPY = '/usr/local/lib/libfaketime.so'

/**
 * From now on every program that starts in this world sees a clock that is `days` days ahead. One
 * that runs already may go on with the old one: restart it.
 */
export function moveClock(world: Pick<World, 'path' | 'write' | 'exists'>, days: number): void {
  if (!world.exists(COPY)) {
    const library = LIBRARIES.find(existsSync)
    if (library === undefined) throw new Error('libfaketime is missing: apt-get install faketime')
    world.write(COPY, '')
    cpSync(library, world.path(COPY))
  }
  world.write('/etc/faketimerc', `+${days}d\n`)
  world.write('/etc/ld.so.preload', `${COPY}\n`)
}
