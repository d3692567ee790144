/**
 * SHA-1 (FIPS 180-4) for things that it names, such as OpenPGP keys of version 4. Policies are read
 * without node:crypto, because loading it takes a hook as long as everything else. Nothing is
 * trusted because of its SHA-1.
 */

/** The message schedule, allocated once: a file may hold thousands of keys. */
const WORDS = new Int32Array(80)

/** The hash of a short message: 20 bytes. For long messages use node:crypto. */
export function sha1(message: Uint8Array): Uint8Array {
  const padded = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64)
  padded.set(message)
  padded[message.length] = 0x80
  // The length in bits. Messages are shorter than 2^32 bits.
  padded.writeUInt32BE(message.length * 8, padded.length - 4)
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)
  for (let offset = 0; offset < padded.length; offset += 64) {
    for (let t = 0; t < 16; t++) WORDS[t] = padded.readInt32BE(offset + 4 * t)
    for (let t = 16; t < 80; t++) {
      WORDS[t] = rotate(at(WORDS, t - 3) ^ at(WORDS, t - 8) ^ at(WORDS, t - 14) ^ at(WORDS, t - 16), 1)
    }
    addBlock(state, WORDS)
  }
  const digest = Buffer.alloc(20)
  for (let index = 0; index < 5; index++) digest.writeInt32BE(at(state, index), 4 * index)
  return digest
}

function addBlock(state: Int32Array, words: Int32Array): void {
  let [a, b, c, d, e] = [at(state, 0), at(state, 1), at(state, 2), at(state, 3), at(state, 4)]
  for (let t = 0; t < 80; t++) {
    const next = (rotate(a, 5) + mixed(t, b, c, d) + e + at(words, t)) | 0
    e = d
    d = c
    c = rotate(b, 30)
    b = a
    a = next
  }
  state.set([at(state, 0) + a, at(state, 1) + b, at(state, 2) + c, at(state, 3) + d, at(state, 4) + e])
}

function mixed(t: number, b: number, c: number, d: number): number {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999
  if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
  return (b ^ c ^ d) + 0xca62c1d6
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function at(words: Int32Array, index: number): number {
  return words[index] ?? 0
}
