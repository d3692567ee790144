/**
 * Signs with a key in an SSH agent, possibly on a security key: draft-miller-ssh-agent over
 * SSH_AUTH_SOCK.
 */
import { createHash } from 'node:crypto'
import { existsSync, realpathSync } from 'node:fs'
import { readRegularFile } from '../../files/regular-file.ts'
import {
  type AgentIdentity,
  identitiesRequest,
  parseAgentSignature,
  parseIdentities,
  signRequest,
} from '../../formats/ssh/agent.ts'
import {
  parseSshKeyBlob,
  parseSshPublicKey,
  printSshPublicKey,
  sshBlobFingerprint,
  sshKeyBlob,
} from '../../formats/ssh/key.ts'
import { printSshSignatureBlob, sshSignedData } from '../../formats/ssh/sshsig.ts'
import { wireReader } from '../../formats/ssh/wire.ts'
import { parseKey } from '../../policy/language/keys.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { printable } from '../../primitives/printable.ts'
import { ENVELOPE_NAMESPACE, ringKey } from '../envelope-keys.ts'
import { askAgent } from './agent-socket.ts'
import type { SignerParts } from './signer.ts'
import { SignerError } from './signer-error.ts'

/** Milliseconds for an agent to list its keys. */
const LIST_TIME_LIMIT = 10_000
/** Milliseconds for somebody to find and touch a security key, or to confirm a dialogue. */
const SIGN_TIME_LIMIT = 120_000
const KEY_FILE_LIMIT = 16 * 1024

/**
 * Opens the key that a fingerprint, a public key file or a comment names. Throws SignerError or
 * FormatError.
 */
export async function openAgentSigner(name: string): Promise<SignerParts> {
  const socket = process.env['SSH_AUTH_SOCK']
  if (!socket) {
    const next = 'eval "$(ssh-agent)", then ssh-add the file of the key'
    throw new SignerError(`there is no SSH agent (SSH_AUTH_SOCK is not set); next: ${next}`)
  }
  const listed = parseIdentities(await askAgent(socket, identitiesRequest(), LIST_TIME_LIMIT))
  if (listed === undefined) throw new SignerError('the SSH agent does not say which keys it has')
  const { keyBlob } = chosen(listed, name)
  const key = parseKey(printSshPublicKey(knownKey(keyBlob), ''))
  const isRaw = ringKey(key).form === 'ed25519'
  return {
    label: `the SSH agent's key ${sshBlobFingerprint(keyBlob)}`,
    key,
    sign: message =>
      isRaw ? rawSignature(socket, keyBlob, message) : sshSignature(socket, keyBlob, message),
    close: () => undefined,
  }
}

function chosen(listed: readonly AgentIdentity[], name: string): AgentIdentity {
  const [found, another] = listed.filter(matcherOf(name))
  if (found === undefined) {
    const keys = listed.map(({ keyBlob }) => sshBlobFingerprint(keyBlob)).slice(0, 10)
    const has = keys.length === 0 ? 'none' : keys.join(', ')
    throw new SignerError(
      `the SSH agent has no key ${printable(name)}; it has: ${has}; next: ssh-add the file of the key`,
    )
  }
  if (another !== undefined) {
    throw new SignerError(`the SSH agent has several keys ${printable(name)}: name one by its fingerprint`)
  }
  return found
}

function matcherOf(name: string): (identity: AgentIdentity) => boolean {
  if (name.startsWith('SHA256:')) return ({ keyBlob }) => sshBlobFingerprint(keyBlob) === name
  if (!name.endsWith('.pub')) return ({ comment }) => comment === name
  const wanted = sshKeyBlob(parseSshPublicKey(publicKeyText(name).trimEnd()))
  return ({ keyBlob }) => Buffer.compare(keyBlob, wanted) === 0
}

/**
 * Reads a public key file, which may be a symbolic link: it is not trusted, since the agent must
 * have the key.
 */
function publicKeyText(file: string): string {
  const text = existsSync(file) ? readRegularFile(realpathSync(file), KEY_FILE_LIMIT) : undefined
  if (text === undefined) throw new SignerError(`there is no public key at ${printable(file)}`)
  return text.toString('utf8')
}

function knownKey(keyBlob: Uint8Array) {
  try {
    return parseSshKeyBlob(keyBlob)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new SignerError(`the key ${sshBlobFingerprint(keyBlob)} cannot sign attestations: ${error.message}`)
  }
}

/** A raw Ed25519 signature over the message itself. */
async function rawSignature(socket: string, keyBlob: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
  const reader = wireReader(await requestSignature(socket, keyBlob, message), 'signature of the SSH agent')
  const algorithm = reader.name()
  const signature = reader.string()
  reader.end()
  if (algorithm === 'ssh-ed25519') return signature
  throw new SignerError(`the SSH agent signed by ${printable(algorithm)}`)
}

/** The same signature as `ssh-keygen -Y sign -n nixsig` makes, without armour. */
async function sshSignature(socket: string, keyBlob: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
  const hash = 'sha512'
  const digest = createHash(hash).update(message).digest()
  const data = sshSignedData(ENVELOPE_NAMESPACE, hash, digest)
  const signature = await requestSignature(socket, keyBlob, data)
  return printSshSignatureBlob({ keyBlob, namespace: ENVELOPE_NAMESPACE, hash, signature })
}

async function requestSignature(socket: string, keyBlob: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
  const answer = await askAgent(socket, signRequest(keyBlob, data), SIGN_TIME_LIMIT)
  const signature = parseAgentSignature(answer)
  if (signature !== undefined) return signature
  throw new SignerError(
    `the SSH agent did not sign with ${sshBlobFingerprint(keyBlob)}: it refused or nobody agreed`,
  )
}
