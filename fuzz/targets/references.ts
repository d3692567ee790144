/** The references that the gate signs, by contents alone: docs/semantics.md, G13. */
import { strict as assert } from 'node:assert'
import { scanForHashParts } from '../../src/formats/nix/hash-parts.ts'
import { parseStorePath } from '../../src/formats/nix/store-path.ts'
import { concludeFrom, impossible, wantedFor } from '../../src/verifier/found-references.ts'
import type { Target } from '../target.ts'

const PATHS = ['self', 'dep', 'dep-1.0', 'lib', 'tool', 'doc'].map(
  (name, index) => `/nix/store/${index}c8i3rzzv5hyl4c61vmg1hq9nyr4b4zg-${name}`,
)
const [SELF = ''] = PATHS
const DIGESTS = PATHS.map(path => parseStorePath(path).digest)

/** The paths whose bits are set. */
function chosen(bits: number | undefined): readonly string[] {
  return PATHS.filter((_, index) => (((bits ?? 0) >> index) & 1) === 1)
}

/**
 * The references found in contents that arrive in pieces of at least `least` bytes, larger ones if
 * there would be too many.
 */
function scan(contents: Uint8Array, least: number, wanted: ReturnType<typeof wantedFor>) {
  const scan = scanForHashParts(wanted)
  const size = Math.max(least, Math.ceil(contents.length / 256))
  for (let at = 0; at < contents.length; at += size) scan.add(contents.subarray(at, at + size))
  return scan.end()
}

/**
 * The first bytes of a case determine the references that a cache states, those that the derivation
 * may have, whether these are known and which are certain, and the size of the pieces; the rest is
 * the contents.
 */
function check(input: Uint8Array): string {
  const [stated, possible, isKnown = 0, size = 0] = input
  const contents = input.subarray(4)
  const references = chosen(stated)
  const closure = [SELF, ...chosen(possible)]
  const parsed = closure.map(parseStorePath)
  const certainPaths = [SELF, ...chosen(isKnown >> 1)].filter(path => closure.includes(path))
  const candidates =
    isKnown % 2 === 0
      ? undefined
      : {
          names: new Map(parsed.map(({ digest, name }) => [digest, name])),
          certain: new Set(certainPaths.map(path => parseStorePath(path).digest)),
        }
  const claim = { path: SELF, references, candidates }
  const conclusion =
    impossible(claim).length > 0
      ? 'impossible'
      : concludeFrom(scan(contents, size + 1, wantedFor(claim)), claim).kind
  const text = Buffer.from(contents).toString('latin1')
  const named = PATHS.filter((_, index) => text.includes(DIGESTS[index] ?? ''))
  const isTrue = (path: string) => candidates === undefined || closure.includes(path)
  const right = named.filter(isTrue)
  if (conclusion === 'right') assert.deepEqual(references, right)
  // If the derivation is known, the true references are never refused, and what is certain is never
  // left open.
  if (candidates !== undefined) {
    assert.equal(conclusion === 'right', references.join() === right.join())
    const missing = right.filter(path => !references.includes(path))
    const isOpen = references.every(path => right.includes(path)) && missing.length > 0
    assert.equal(conclusion === 'open', isOpen && !missing.some(path => certainPaths.includes(path)))
  }
  return conclusion
}

export const REFERENCES: Target = {
  name: 'references of what is offered',
  seeds: [
    Buffer.from([0b11, 0b11, 1, 99, ...Buffer.from(`${PATHS[0]} ${PATHS[1]}\n`)]),
    Buffer.from([0b1, 0b11, 0, 7, ...Buffer.from(`${PATHS[0]} ${PATHS[1]}\n`)]),
    Buffer.from([0, 0, 1, 0]),
  ],
  tokens: [...PATHS, ...DIGESTS, '-dep', '-1.0', '/nix/store/', 'e', '\0', ' '],
  check,
}
