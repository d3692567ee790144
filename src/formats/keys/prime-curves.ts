/**
 * The curves y^2 = x^3 + ax + b over a prime field that OpenPGP keys may use, and the check that a
 * point is a valid key.
 */

/** Short Weierstrass curves by their usual names; the NIST curves by their SSH names. */
export type PrimeCurve =
  | 'nistp256'
  | 'nistp384'
  | 'nistp521'
  | 'secp256k1'
  | 'brainpoolP256r1'
  | 'brainpoolP384r1'
  | 'brainpoolP512r1'

interface Parameters {
  readonly p: bigint
  readonly a: bigint
  readonly b: bigint
}

/** Bytes of one coordinate, and of each half of a signature. */
export function coordinateSize(curve: PrimeCurve): number {
  return {
    nistp256: 32,
    nistp384: 48,
    nistp521: 66,
    secp256k1: 32,
    brainpoolP256r1: 32,
    brainpoolP384r1: 48,
    brainpoolP512r1: 64,
  }[curve]
}

/**
 * Whether bytes are a point of the curve in the only accepted form: 0x04 and both coordinates, each
 * below the prime. The curves have prime order, so every point but the one at infinity, which this
 * form cannot express, is a valid key.
 */
export function isPointOf(curve: PrimeCurve, point: Uint8Array): boolean {
  const size = coordinateSize(curve)
  if (point.length !== 1 + 2 * size || point[0] !== 4) return false
  const [x, y] = [bigIntOf(point.subarray(1, 1 + size)), bigIntOf(point.subarray(1 + size))]
  const { p, a, b } = parametersOf(curve)
  return x < p && y < p && (y * y - (x * x * x + a * x + b)) % p === 0n
}

/** FIPS 186-4, D.1.2.3 to D.1.2.5; SEC 2, section 2.4.1; RFC 5639, sections 3.4, 3.6 and 3.7. */
function parametersOf(curve: PrimeCurve): Parameters {
  switch (curve) {
    case 'nistp256':
      return {
        p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
        a: -3n,
        b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
      }
    case 'nistp384':
      return {
        p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
        a: -3n,
        b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
      }
    case 'nistp521':
      return {
        p: 2n ** 521n - 1n,
        a: -3n,
        b: 0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
      }
    case 'secp256k1':
      return { p: 2n ** 256n - 2n ** 32n - 977n, a: 0n, b: 7n }
    case 'brainpoolP256r1':
      return {
        p: 0xa9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377n,
        a: 0x7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9n,
        b: 0x26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6n,
      }
    case 'brainpoolP384r1':
      return {
        p: 0x8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53n,
        a: 0x7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826n,
        b: 0x4a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11n,
      }
    case 'brainpoolP512r1':
      return {
        p: 0xaadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3n,
        a: 0x7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94can,
        b: 0x3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723n,
      }
  }
}

/** The number that these big-endian bytes stand for. */
export function bigIntOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}
