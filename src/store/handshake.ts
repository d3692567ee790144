/**
 * How a conversation with a Nix daemon begins (libstore, worker-protocol-connection). nixsig claims
 * protocol 1.35: every Nix from 2.8 on serves it, and 1.38 would add an exchange of features.
 */
import { readFrames } from './frames.ts'
import { encode, type Reader, readNumber, readString, wireError } from './wire.ts'

const CLIENT_MAGIC = 0x6e697863
const SERVER_MAGIC = 0x6478696f

const MAJOR = 1
const CLAIMED_MINOR = 35
/** The protocol of Nix 2.8, the oldest Nix that nixsig works with. */
const OLDEST_MINOR = 34

/** The client's first message. */
export const GREETING: Uint8Array = encode(CLIENT_MAGIC)

/**
 * Reads the daemon's greeting: the minor version of the protocol that both sides speak. Throws
 * FormatError if this is not a Nix daemon or if it is too old.
 */
export function* readGreeting(): Reader<number> {
  if ((yield* readNumber('greeting')) !== SERVER_MAGIC) throw wireError('not a Nix daemon', 'greeting')
  const version = yield* readNumber('version')
  const major = version >> 8
  const minor = version & 0xff
  if (major !== MAJOR || minor < OLDEST_MINOR) {
    throw wireError(`version ${major}.${minor}, needed ${MAJOR}.${OLDEST_MINOR} or later`, 'version')
  }
  return Math.min(minor, CLAIMED_MINOR)
}

/** The client's next message: the claimed version, no CPU affinity, no reserved space. */
export const INTRODUCTION: Uint8Array = encode((MAJOR << 8) | CLAIMED_MINOR, 0, 0)

/**
 * Reads the end of the handshake: the daemon's version as it states it. Whether it trusts this
 * client is not used.
 */
export function* readWelcome(minor: number): Reader<string> {
  const version = yield* readString('daemon version')
  if (minor >= 35) yield* readNumber('trust')
  yield* readFrames()
  return version
}
