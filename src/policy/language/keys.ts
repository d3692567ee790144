/** Keys as a policy writes them. The one place that knows which form is read by which parser. */
import { parseMinisignPublicKey } from '../../formats/minisign.ts'
import { parseNixPublicKey } from '../../formats/nix-key.ts'
import { parsePemPublicKey } from '../../formats/pem.ts'
import { parseSshPublicKey, sshFingerprint } from '../../formats/ssh-key.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { toHex } from '../../primitives/hex.ts'
import type { Ed25519Form, Ed25519Key } from '../policy.ts'
import { isWeakPoint } from './weak-point.ts'

const MINISIGN = 'minisign:'

/**
 * An Ed25519 public key in any of its forms: Nix (`name:base64`), OpenSSH (`ssh-ed25519 …`), PEM (SPKI), minisign
 * (`minisign:RW…`). Throws FormatError, also for a key with which everybody can sign.
 */
export function parseEd25519Key(text: string): Ed25519Key {
  const key = keyOf(text)
  if (isWeakPoint(key.publicKey)) {
    throw new FormatError('key', 'not a canonical point of large order: anybody could sign for it', key.label)
  }
  return { ...key, kind: 'ed25519', identity: `ed25519:${toHex(key.publicKey)}` }
}

/** `openpgp:` identity of a primary key's fingerprint; spaces as gpg prints them are left out. Throws FormatError. */
export function parseFingerprint(text: string): string {
  const fingerprint = text.replaceAll(' ', '').toUpperCase()
  if (!/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(fingerprint)) {
    throw new FormatError('key', 'not a whole OpenPGP fingerprint of 40 or 64 hexadecimal digits', 'openpgp')
  }
  return fingerprint
}

function keyOf(text: string): Omit<Ed25519Key, 'kind' | 'identity'> {
  if (text.startsWith(MINISIGN)) {
    const encoded = text.slice(MINISIGN.length)
    const { publicKey, keyNumber } = parseMinisignPublicKey(encoded)
    return { form: 'minisign', label: text.slice(0, 24), publicKey, keyNumber }
  }
  if (text.startsWith('-----BEGIN')) return fingerprinted('pem', parsePemPublicKey(text))
  if (/^(?:sk-)?(?:ssh|ecdsa)-\S* /.test(text)) return fingerprinted('ssh', parseSshPublicKey(text))
  const { name, publicKey } = parseNixPublicKey(text)
  return { form: 'nix', label: name, publicKey, name }
}

function fingerprinted(form: Ed25519Form, publicKey: Uint8Array) {
  return { form, label: sshFingerprint(publicKey), publicKey }
}
