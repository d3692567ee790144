import { strict as assert } from 'node:assert'
import { type DeclaredSignature, declaredSignatures } from '../../src/formats/nix/declared-signatures.ts'
import type { Derivation } from '../../src/formats/nix/derivation.ts'
import { isStorePath } from '../../src/formats/nix/store-path.ts'
import { OTHER_PATH, PATH } from '../seeds.ts'
import { formatTarget, type Target } from '../target.ts'

const RECORD = { subject: 'out', signature: PATH }
const FULL = { subject: PATH, signature: PATH, kind: 'openpgp', checksums: OTHER_PATH, fileName: 'x-1.0.tar' }

const SEEDS: readonly string[] = [[], [RECORD], [RECORD, FULL]].map(list => JSON.stringify(list))

const TOKENS: readonly string[] = [
  ...['"subject"', '"signature"', '"kind"', '"checksums"', '"fileName"', '"out"', 'nixsigSignatures'],
  ...['[', ']', '{', '}', ':', ',', '\\u002f', '\\"', '../', '/nix/store/', 'minisign', PATH, OTHER_PATH],
]

function derivationWith(name: string, value: Uint8Array): Derivation {
  const env = [[name, Buffer.from(value).toString('latin1')] as const]
  const nothing = { outputs: [], inputDerivations: [], inputSources: [], args: [] }
  return { version: undefined, ...nothing, system: 'builtin', builder: 'builtin:fetchurl', env }
}

/**
 * Asserts that a reference to a file is exactly a store path, and that a name in a list has no
 * directory.
 */
function assertHarmless(records: readonly DeclaredSignature[]): void {
  assert.ok(records.length <= 64)
  for (const { subject, signature, checksums = PATH, fileName = 'x' } of records) {
    assert.ok(subject === 'out' || isStorePath(subject))
    assert.ok(isStorePath(signature) && isStorePath(checksums))
    assert.doesNotMatch(fileName, /[/\p{Cc}]/u)
  }
}

/** What derivations say about signatures, in both places where they can. */
export const DECLARED_SIGNATURES: readonly Target[] = [
  formatTarget<readonly DeclaredSignature[]>({
    name: 'declared signatures',
    seeds: SEEDS,
    tokens: TOKENS,
    read: input => declaredSignatures(derivationWith('nixsigSignatures', input)),
    print: records => JSON.stringify(records),
    also: assertHarmless,
  }),
  formatTarget<readonly DeclaredSignature[]>({
    name: 'declared signatures, structured',
    seeds: SEEDS.map(nixsigSignatures => JSON.stringify({ url: 'https://example.org/x', nixsigSignatures })),
    tokens: TOKENS,
    read: input => declaredSignatures(derivationWith('__json', input)),
    print: records => JSON.stringify({ nixsigSignatures: JSON.stringify(records) }),
    also: assertHarmless,
  }),
]
