import fc from 'fast-check'
import { FormatError } from '../../src/primitives/format-error.ts'
import { appendedTo, assertNoGain, BASES } from '../../test/support/appended-packets.ts'
import { refusalOf, type Target } from '../target.ts'

const SEEDS = BASES.flatMap((base, index) => fc.sample(appendedTo(base), { seed: index, numRuns: 30 }))

/**
 * Packets appended to OpenPGP certificates never turn a refusal into trust. The bytes also choose
 * the certificate.
 */
export const APPENDED_PACKETS: Target = {
  name: 'packets behind openpgp certificates',
  seeds: SEEDS,
  tokens: ['\xc2\x06', '\x1f', '\x18', '\x20', '\x28', '\x30', '\xb4\x01', '\xce', '\xff'],
  check: input => {
    const base = BASES[input.reduce((sum, byte) => sum + byte, 0) % BASES.length]
    if (base === undefined) throw new TypeError('there is no certificate to append to')
    try {
      assertNoGain(base, input)
      return `accepted behind one ${base.what}`
    } catch (error) {
      return refusalOf(error, [FormatError])
    }
  },
}
