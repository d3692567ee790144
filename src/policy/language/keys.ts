/** Keys as policies write them. This is the only place that maps each form to its parser. */

import { OWN_KEYS } from '../../formats/detached/forms.ts'
import { parsePemPublicKey } from '../../formats/keys/pem.ts'
import { isWeakPoint } from '../../formats/keys/weak-point.ts'
import { parseNixPublicKey } from '../../formats/nix/nix-key.ts'
import {
  looksLikeSshKey,
  parseSshPublicKey,
  type SshPublicKey,
  sshFingerprint,
} from '../../formats/ssh/key.ts'
import { wireMpint } from '../../formats/ssh/wire.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import { sha256 } from '../../primitives/sodium.ts'
import type { EcdsaKey, Ed25519Key, KeyIdentity, RsaKey } from '../policy.ts'

/** A key whose text is in the policy itself. */
export type TextKey = Ed25519Key | EcdsaKey | RsaKey

/**
 * Parses a public key in any textual form: Nix (`name:base64`), minisign (`minisign:RW…`) and
 * signify (`signify:RW…`), which are Ed25519; OpenSSH (`ssh-ed25519 …`) and PEM (SPKI), which are
 * Ed25519, ECDSA or RSA. Throws FormatError, also for a key with which everybody can sign.
 */
export function parseKey(text: string): TextKey {
  const key = keyOf(text)
  if (key.kind === 'ed25519' && isWeakPoint(key.publicKey)) {
    throw new FormatError('key', 'not a canonical point of large order: anybody could sign for it', key.label)
  }
  return key
}

/** Whether a text is such a key. */
export function isKey(text: string): boolean {
  try {
    parseKey(text)
    return true
  } catch (error) {
    if (error instanceof FormatError) return false
    throw error
  }
}

/**
 * The `openpgp:` identity of a primary key's fingerprint; spaces, which gpg prints, are dropped.
 * Throws FormatError.
 */
export function parseFingerprint(text: string): string {
  const fingerprint = text.replaceAll(' ', '').toUpperCase()
  if (!/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(fingerprint)) {
    throw new FormatError('key', 'not a whole OpenPGP fingerprint of 40 or 64 hexadecimal digits', 'openpgp')
  }
  return fingerprint
}

function keyOf(text: string): TextKey {
  const own = OWN_KEYS.find(({ keys }) => text.startsWith(keys.prefix))
  if (own !== undefined) {
    const { publicKey, keyNumber } = own.keys.parse(text.slice(own.keys.prefix.length))
    return { ...ed25519(publicKey), form: own.kind, label: text.slice(0, 24), keyNumber }
  }
  if (text.startsWith('-----BEGIN')) return fingerprinted('pem', parsePemPublicKey(text))
  if (looksLikeSshKey(text)) return fingerprinted('ssh', parseSshPublicKey(text))
  const { name, publicKey } = parseNixPublicKey(text)
  return { ...ed25519(publicKey), form: 'nix', label: name, name }
}

function ed25519(publicKey: Uint8Array) {
  const key = { kind: 'ed25519', publicKey } as const
  return { ...key, identity: identityOfKey(key) }
}

/** The numbers of a key that make up its identity. */
type PublicKeyNumbers =
  | Pick<Ed25519Key, 'kind' | 'publicKey'>
  | Pick<EcdsaKey, 'kind' | 'curve' | 'publicKey'>
  | Pick<RsaKey, 'kind' | 'modulus' | 'exponent'>

function fingerprinted(form: 'ssh' | 'pem', key: SshPublicKey): TextKey {
  return { ...key, form, label: sshFingerprint(key), identity: identityOfKey(key) }
}

/**
 * The identity of a key, see KeyIdentity. A security key has the identity of the key inside it.
 * ECDSA points are uncompressed.
 */
export function identityOfKey(key: PublicKeyNumbers): KeyIdentity {
  switch (key.kind) {
    case 'ed25519':
      return `ed25519:${toHex(key.publicKey)}`
    case 'ecdsa':
      return `ecdsa-${key.curve}:${toHex(key.publicKey)}`
    case 'rsa':
      return `rsa:${toHex(sha256(Buffer.concat([wireMpint(key.exponent), wireMpint(key.modulus)])))}`
  }
}

/**
 * Identifies the holder of a key: equal for two keys if whoever has one has the other. RSA keys
 * with the same modulus belong to one person whatever their exponents are, because each reveals the
 * factors. For all other keys it is the identity.
 */
export function ownershipOf(
  key: { readonly identity: KeyIdentity } | Pick<RsaKey, 'kind' | 'modulus'>,
): string {
  return 'modulus' in key ? `rsa-modulus:${toHex(sha256(key.modulus))}` : key.identity
}
