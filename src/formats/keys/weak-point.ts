/**
 * Encodings of Ed25519 public keys that no honest key generator makes: y coordinates that are not
 * reduced modulo 2^255 - 19, and the points whose order divides eight, for which anybody can forge
 * signatures over any message. RFC 8032, section 5.1.3; test vectors are in C2SP/CCTV ed25519.
 * libsodium refuses them when it verifies; here they are reported to the author of the policy.
 */

/** Whether 32 raw bytes are such an encoding. */
export function isWeakPoint(publicKey: Uint8Array): boolean {
  const prime = 2n ** 255n - 19n
  const y = BigInt.asUintN(255, littleEndian(publicKey))
  return y >= prime || smallOrder(prime).includes(y)
}

/** The y coordinates of the eight points of small order: of orders 1, 2, 4, and two of order 8. */
function smallOrder(prime: bigint): readonly bigint[] {
  const eight = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
  return [1n, prime - 1n, 0n, eight, prime - eight]
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
