import type { DetachedResult } from '../crypto/detached/verify.ts'
import { narFingerprint, parseNarinfo, type SignedNar } from '../formats/nix/narinfo.ts'
import { type NixSignature, parseNixSignature } from '../formats/nix/nix-key.ts'
import type { Key } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'
import { openStore } from '../store/store-client.ts'
import { narHashOfTree } from '../store/tree-nar.ts'
import { validContents } from './attest/contents.ts'
import { realPathOf } from './file-argument.ts'
import { findStorePath } from './store-argument.ts'
import { UsageError } from './usage-error.ts'

const SIGNATURE_LIMIT = 256

/** Whether a signature file holds Nix's: a narinfo, or lines of `name:base64`. */
export function looksLikeNixSignature(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('latin1')
  return text.startsWith('StorePath: ') || /^[\w.-]+:[A-Za-z0-9+/]{86}==\n?(?:$|[\w.-]+:)/.test(text)
}

/**
 * Tries all keys in Nix's form on the Nix signatures of a path that the caller named: those of a narinfo over what
 * lies there, which may be a copy from elsewhere, or lines of signatures over a valid store path. Throws FormatError,
 * and UsageError where it is not known what was signed.
 */
export async function verifyNixSignature(
  argument: string,
  bytes: Uint8Array,
  keys: readonly Key[],
): Promise<readonly DetachedResult[]> {
  const text = Buffer.from(bytes).toString('latin1')
  const narinfo = text.startsWith('StorePath: ') ? parseNarinfo(text) : undefined
  const signed = narinfo ?? (await storedNar(argument))
  const lines = narinfo?.signatures ?? text.trimEnd().split('\n')
  const signatures = lines.slice(0, SIGNATURE_LIMIT).map(parseNixSignature)
  const isOther = narinfo !== undefined && !(await isAbout(narinfo, argument))
  const message = Buffer.from(narFingerprint(signed), 'utf8')
  return keys.flatMap(key => resultOf(key, message, signatures, isOther ? signed : undefined))
}

/** Whether a path has the contents that a narinfo tells, and is not another path of the store with the same. */
async function isAbout({ path, narHash }: SignedNar, argument: string): Promise<boolean> {
  const stored = findStorePath(argument)
  if (stored !== undefined && stored !== path) return false
  return (await narHashOfTree(stored ?? realPathOf(argument))).narHash === narHash
}

async function storedNar(argument: string): Promise<SignedNar> {
  const path = findStorePath(argument)
  if (path === undefined) {
    throw new UsageError(
      `${printable(argument)} is no store path: a signature by Nix is over what the store knows of one`,
    )
  }
  const store = await openStore()
  try {
    return (await validContents(store, path)).info
  } finally {
    store.close()
  }
}

function resultOf(
  key: Key,
  message: Uint8Array,
  signatures: readonly NixSignature[],
  other: SignedNar | undefined,
): readonly DetachedResult[] {
  if (key.kind !== 'ed25519' || key.form !== 'nix') return []
  const isBy = ({ signature }: NixSignature) => verifyEd25519(message, signature, key.publicKey)
  if (signatures.some(isBy)) {
    if (other === undefined) return [{ key, outcome: 'good', detail: 'as Nix signs store paths' }]
    return [
      { key, outcome: 'other-file', detail: `over another path or other contents: ${printable(other.path)}` },
    ]
  }
  const names = signatures.map(({ name }) => name)
  const outcome = names.includes(key.name ?? '') ? 'bad-signature' : 'unknown-signer'
  return [{ key, outcome, detail: printable(names.join(', '), 200) }]
}
