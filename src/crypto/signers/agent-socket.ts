import { connect } from 'node:net'
import { AGENT_MESSAGE_LIMIT } from '../../formats/ssh/agent.ts'
import { printable } from '../../primitives/printable.ts'
import { SignerError } from './signer-error.ts'

const LENGTH_BYTES = 4
const START = 'start one (eval "$(ssh-agent)"), and ssh-add the file of the key'

/**
 * Sends one request to the agent at a Unix socket and returns its answer without the length. Throws
 * SignerError if the agent cannot be reached, does not answer within `timeout` milliseconds, or
 * answers with less or more than one message.
 */
export function askAgent(path: string, request: Uint8Array, timeout: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let received = Buffer.alloc(0)
    const finish = (settle: () => void) => {
      clearTimeout(timer)
      socket.destroy()
      settle()
    }
    const fail = (problem: string) => finish(() => reject(new SignerError(`the SSH agent ${problem}`)))
    const timer = setTimeout(() => fail(`gave no answer for ${timeout / 1000} seconds`), timeout)
    socket.on('error', error => fail(`cannot be reached: ${printable(error.message)}; next: ${START}`))
    socket.on('close', () => fail('ended before it had answered'))
    socket.on('connect', () => socket.write(request))
    socket.on('data', piece => {
      received = Buffer.concat([received, piece])
      if (received.length < LENGTH_BYTES) return
      const length = received.readUInt32BE(0)
      if (length === 0 || length > AGENT_MESSAGE_LIMIT) {
        fail(`answers with a message of ${length} bytes`)
      } else if (received.length > LENGTH_BYTES + length) {
        fail('answers with more than one message')
      } else if (received.length === LENGTH_BYTES + length) {
        finish(() => resolve(new Uint8Array(received.subarray(LENGTH_BYTES))))
      }
    })
  })
}
