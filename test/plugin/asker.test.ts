// Who is behind a process of nix-daemon, for the decision log: the plugin and the thin hooks find the
// same as the hooks in Node, and nobody can be taken for somebody else.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { askerAbove } from '../../src/files/asker.ts'
import { type AskPlugin, openPlugin } from '../support/plugin.ts'

const home = mkdtempSync(join(tmpdir(), 'nixsig-proc-'))
let plugin: AskPlugin
before(() => {
  plugin = openPlugin()
})
after(() => {
  plugin.close()
  rmSync(home, { recursive: true })
})

const [WORKER, CLIENT] = [300, 200]

/** A process, as proc(5) shows it. */
interface Shown {
  readonly line?: string
  readonly user?: number
  readonly began?: number
  /** Whether it has more rights than whoever started it. */
  readonly isSecure?: boolean
  readonly name?: string
}

function auxiliary(isSecure: boolean): Buffer {
  return Buffer.from(new BigUint64Array([6n, 4096n, 23n, isSecure ? 1n : 0n, 0n, 0n]).buffer)
}

let serial = 0
/** Makes a /proc of these processes. */
function proc(processes: Readonly<Record<number, Shown>>): string {
  const directory = join(home, String(serial++))
  for (const [number, shown] of Object.entries(processes)) {
    const { line = 'sh\0', user = 0, began = 10, isSecure = false, name = 'x' } = shown
    const one = join(directory, number)
    mkdirSync(one, { recursive: true })
    writeFileSync(join(one, 'cmdline'), line, 'latin1')
    writeFileSync(
      join(one, 'status'),
      `Name:\t${name}\nUmask:\t0022\nUid:\t${user}\t0\t0\t0\nGid:\t0\t0\t0\t0\n`,
    )
    writeFileSync(join(one, 'stat'), `${number} (${name}) S ${'1 '.repeat(18)}${began} 5 6\n`)
    writeFileSync(join(one, 'auxv'), auxiliary(isSecure))
  }
  return directory
}

function asker(processes: Readonly<Record<number, Shown>>): string {
  const directory = proc(processes)
  const found = plugin.askerOf(directory, String(WORKER))
  assert.equal(askerAbove(WORKER, directory), found)
  return found
}

const worker = (argument: string): Shown => ({ line: `/nix/bin/nix-daemon\0${argument}`, began: 50 })
const WORKING = worker(`${CLIENT}\0\0\0\0\0`)

test('a process of nix-daemon works for the user of its client, any other for its own', () => {
  assert.equal(asker({ [WORKER]: WORKING, [CLIENT]: { user: 1000 } }), 'user 1000')
  assert.equal(asker({ [WORKER]: WORKING, [CLIENT]: { user: 0 } }), 'root')
  assert.equal(
    asker({ [WORKER]: { line: `nix\0${CLIENT}\0\0\0`, began: 50 }, [CLIENT]: { user: 7 } }),
    'user 7',
  )
  assert.equal(asker({ [WORKER]: { line: 'nix-build\0x.nix\0', user: 1001 } }), 'user 1001')
  assert.equal(
    asker({ [WORKER]: { line: `nix-store\0${CLIENT}\0\0`, user: 0 }, [CLIENT]: { user: 9 } }),
    'root',
  )
})

test('attack: a client that has ended is nobody', () => {
  assert.equal(asker({ [WORKER]: WORKING }), 'unknown')
})

test('attack: a client whose number another process has by now is nobody', () => {
  assert.equal(asker({ [WORKER]: WORKING, [CLIENT]: { user: 0, began: 51 } }), 'unknown')
})

test('attack: a client that became a program with more rights, as sudo does, is nobody', () => {
  assert.equal(asker({ [WORKER]: WORKING, [CLIENT]: { user: 0, isSecure: true } }), 'unknown')
})

test('attack: a client whose number may be cut off, or is not there, is nobody, and not root', () => {
  for (const argument of ['', '--daemon\0', `${CLIENT}\0`, `${CLIENT}`, `0${CLIENT}\0\0`, '12345678\0\0'])
    assert.equal(asker({ [WORKER]: worker(argument), [CLIENT]: { user: 1000 } }), 'unknown', argument)
})

test('attack: a client that names itself like a line of its status is still told by its user', () => {
  for (const name of ['a) S 1 1 1', '\\nUid:\\t0\\t', ') R ('])
    assert.equal(asker({ [WORKER]: WORKING, [CLIENT]: { user: 1000, name } }), 'user 1000')
})

test('whatever stands in the command line, hooks in C and in Node find the same', () => {
  const word = fc.oneof(
    fc.constantFrom('nix-daemon', '/x/nix', 'nix', 'daemon', '--daemon', String(CLIENT), 'sh', ''),
    fc.string({ unit: 'binary-ascii', maxLength: 9 }),
  )
  const lines = fc.array(word, { maxLength: 5 }).map(words => words.join('\0'))
  const property = fc.property(lines, fc.nat({ max: 3 }), (line, began) => {
    asker({ [WORKER]: { line, user: 5, began: 2 }, [CLIENT]: { user: 1000, began } })
  })
  fc.assert(property, { numRuns: 300 })
})
