import type { DetachedResult } from '../crypto/detached/verify.ts'
import { narFingerprint, parseNarinfo, type SignedNar } from '../formats/nix/narinfo.ts'
import { type NixSignature, parseNixSignature } from '../formats/nix/nix-key.ts'
import type { Key } from '../policy/policy.ts'
import { printable } from '../primitives/printable.ts'
import { verifyEd25519 } from '../primitives/sodium.ts'
import { narHashOfTree } from '../store/disk-tree-nar.ts'
import { openStore } from '../store/store-client.ts'
import { validContents } from './contents.ts'
import { PackagingError } from './packaging-error.ts'

const SIGNATURE_LIMIT = 256

/** Whether a signature file holds Nix's: a narinfo, or lines of `name:base64`. */
export function looksLikeNixSignature(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('latin1')
  return text.startsWith('StorePath: ') || /^[\w.-]+:[A-Za-z0-9+/]{86}==\n?(?:$|[\w.-]+:)/.test(text)
}

/** What a Nix signature may be over. */
export interface NixSigned {
  /** The store path that it is, or lies in; undefined for what lies elsewhere. */
  readonly storePath: string | undefined
  /** Where the contents lie. */
  readonly file: string
}

/**
 * Tries all keys in Nix's form on the Nix signatures of a path: those of a narinfo over what lies
 * there, which may be a copy from elsewhere, or lines of signatures over a valid store path. Throws
 * FormatError, and PackagingError where it is not known what was signed.
 */
export async function verifyNixSignature(
  { storePath, file }: NixSigned,
  bytes: Uint8Array,
  keys: readonly Key[],
): Promise<readonly DetachedResult[]> {
  const text = Buffer.from(bytes).toString('latin1')
  const narinfo = text.startsWith('StorePath: ') ? parseNarinfo(text) : undefined
  const signed = narinfo ?? (await storedNar(storePath, file))
  const lines = narinfo?.signatures ?? text.trimEnd().split('\n')
  const signatures = lines.slice(0, SIGNATURE_LIMIT).map(parseNixSignature)
  const isOther = narinfo !== undefined && !(await isAbout(narinfo, { storePath, file }))
  const message = Buffer.from(narFingerprint(signed), 'utf8')
  return keys.flatMap(key => resultOf(key, message, signatures, isOther ? signed : undefined))
}

/**
 * Whether a path has the contents of a narinfo, and is not another store path with the same
 * contents.
 */
async function isAbout({ path, narHash }: SignedNar, { storePath, file }: NixSigned): Promise<boolean> {
  if (storePath !== undefined && storePath !== path) return false
  return (await narHashOfTree(storePath ?? file)).narHash === narHash
}

async function storedNar(path: string | undefined, file: string): Promise<SignedNar> {
  if (path === undefined) {
    throw new PackagingError(
      'wrong-kind',
      `${printable(file)} is not a store path: a signature by Nix is over what the store knows of one`,
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
