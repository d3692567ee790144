import { realpathSync } from 'node:fs'
import type { DetachedResult } from '../crypto/detached/verify.ts'
import { narFingerprint, parseNarinfo, type SignedNar } from '../formats/narinfo.ts'
import { type NixSignature, parseNixSignature } from '../formats/nix-key.ts'
import { isStorePath } from '../formats/store-path.ts'
import type { Key } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'
import { openStore } from '../store/store-client.ts'
import { narHashOfTree } from '../store/tree-nar.ts'
import { validContents } from './attest/contents.ts'
import { UsageError } from './usage-error.ts'

const SIGNATURE_LIMIT = 256

/** Whether a signature file holds Nix's: a narinfo, or lines of `name:base64`. */
export function looksLikeNixSignature(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('latin1')
  return text.startsWith('StorePath: ') || /^[\w.-]+:[A-Za-z0-9+/]{86}==\n?(?:$|[\w.-]+:)/.test(text)
}

/**
 * Tries all keys in Nix's form on the Nix signatures of a path: those of a narinfo over what lies at `file`, or lines of
 * signatures over a valid store path. Throws FormatError, and UsageError where it is not known what was signed.
 */
export async function verifyNixSignature(
  file: string,
  bytes: Uint8Array,
  keys: readonly Key[],
): Promise<readonly DetachedResult[]> {
  const text = Buffer.from(bytes).toString('latin1')
  const narinfo = text.startsWith('StorePath: ') ? parseNarinfo(text) : undefined
  const signed = narinfo ?? (await storedNar(file))
  const lines = narinfo?.signatures ?? text.trimEnd().split('\n')
  const signatures = lines.slice(0, SIGNATURE_LIMIT).map(parseNixSignature)
  const isOther = narinfo !== undefined && (await narHashOfTree(file)).narHash !== narinfo.narHash
  const message = Buffer.from(narFingerprint(signed), 'utf8')
  return keys.flatMap(key => resultOf(key, message, signatures, isOther ? signed : undefined))
}

async function storedNar(file: string): Promise<SignedNar> {
  const path = realpathSync(file)
  if (!isStorePath(path)) {
    throw new UsageError(
      `${printable(file)} is no store path: a signature by Nix is over what the store knows of one`,
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
    return [{ key, outcome: 'other-file', detail: `over other contents of ${printable(other.path)}` }]
  }
  const names = signatures.map(({ name }) => name)
  const outcome = names.includes(key.name ?? '') ? 'bad-signature' : 'unknown-signer'
  return [{ key, outcome, detail: printable(names.join(', '), 200) }]
}
