/** SSH agents for tests: the real one, and one that gives arbitrary answers. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, unlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { wireString, wireUint32 } from '../../src/formats/ssh/wire.ts'
import { ed25519KeyPair, sha256, signEd25519 } from '../../src/primitives/sodium.ts'
import { eventually } from './eventually.ts'

export interface SshAgent {
  /** The agent's directory; secret keys are only in the agent, public ones in `<name>.pub`. */
  readonly dir: string
  readonly socket: string
  /** Makes and adds a key; returns its public line, without a newline. */
  add(name: string, ...options: readonly string[]): string
  close(): void
}

/** Starts OpenSSH's agent. */
export async function startSshAgent(): Promise<SshAgent> {
  const dir = mkdtempSync('/tmp/nixsig-agent-')
  const socket = join(dir, 'socket')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
  const env = { PATH: process.env['PATH'], SSH_AUTH_SOCK: socket }
  await eventually('ssh-agent listens', () => spawnSync('ssh-add', ['-D'], { env }).status === 0)
  return {
    dir,
    socket,
    add: (name, ...options) => {
      const file = join(dir, name)
      execFileSync('ssh-keygen', ['-q', '-N', '', '-C', name, ...options, '-f', file], { stdio: 'ignore' })
      execFileSync('ssh-add', ['-q', file], { env, stdio: 'ignore' })
      unlinkSync(file)
      return readFileSync(`${file}.pub`, 'utf8').trimEnd()
    },
    close: () => {
      agent.kill()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/**
 * An agent that answers each message with the result of a function, or with raw bytes that need not
 * be a message.
 */
export async function fakeAgent(
  answer: (message: Buffer) => Uint8Array | { readonly raw: Uint8Array } | undefined,
): Promise<{ readonly socket: string; close(): void }> {
  const dir = mkdtempSync('/tmp/nixsig-agent-')
  const socket = join(dir, 'socket')
  const server = createServer(connection => {
    let received = Buffer.alloc(0)
    connection.on('error', () => undefined)
    connection.on('data', piece => {
      received = Buffer.concat([received, piece])
      if (received.length < 4 || received.length < 4 + received.readUInt32BE(0)) return
      const said = answer(received.subarray(4))
      if (said === undefined) connection.end()
      else connection.write('raw' in said ? said.raw : wireString(said))
    })
  })
  await new Promise<void>(resolve => server.listen(socket, resolve))
  return {
    socket,
    close: () => {
      server.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A security key in software: an Ed25519 key that signs as in PROTOCOL.u2f, with a counter. */
export function softwareSecurityKey(application = 'ssh:') {
  const { publicKey, secretKey } = ed25519KeyPair(Buffer.alloc(32, 'security key'))
  const algorithm = 'sk-ssh-ed25519@openssh.com'
  const blob = Buffer.concat([algorithm, publicKey, application].map(wireString))
  let counter = 0
  return {
    blob,
    publicKey,
    line: `${algorithm} ${blob.toString('base64')}`,
    /** Signs a message; the first bit of the flags says whether the user was present. */
    sign: (message: Uint8Array, flags = 1): Uint8Array => {
      const presence = Buffer.concat([Buffer.of(flags), wireUint32(++counter)])
      const hashes = [sha256(Buffer.from(application)), presence, sha256(message)]
      const signature = signEd25519(Buffer.concat(hashes), secretKey)
      return Buffer.concat([wireString(algorithm), wireString(signature), presence])
    },
  }
}

/** An agent with one security key; `flags` are the key's statement about its user's presence. */
export function securityKeyAgent(key: ReturnType<typeof softwareSecurityKey>, flags = 1) {
  return fakeAgent(message => {
    if (message[0] === 11) {
      const identity = [key.blob, 'security key'].map(wireString)
      return Buffer.concat([Buffer.of(12), wireUint32(1), ...identity])
    }
    const [, data] = stringsOf(message.subarray(1))
    return Buffer.concat([Buffer.of(14), wireString(key.sign(data ?? new Uint8Array(), flags))])
  })
}

/** The first two strings of a message. */
export function stringsOf(bytes: Buffer): readonly Buffer[] {
  const first = bytes.readUInt32BE(0)
  const rest = bytes.subarray(4 + first)
  return [bytes.subarray(4, 4 + first), rest.subarray(4, 4 + rest.readUInt32BE(0))]
}
