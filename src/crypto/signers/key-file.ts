import { looksEncrypted } from '../../formats/keys/encrypted-key.ts'
import type { Ed25519Key } from '../../policy/policy.ts'
import { toHex } from '../../primitives/hex.ts'
import { printable } from '../../primitives/printable.ts'
import { signEd25519, wipe } from '../../primitives/sodium.ts'
import { decryptKey } from '../passphrase.ts'
import { type KeyPair, readSecretKey, readSecretText } from '../secret-key.ts'
import { assertNoOtherKey } from './other-key.ts'
import type { SignerNeeds, SignerParts } from './signer.ts'

/**
 * Opens a key file, with or without a passphrase. Throws FileError, FormatError and
 * PassphraseError.
 */
export async function openFileSigner(file: string, needs: SignerNeeds): Promise<SignerParts> {
  assertNoOtherKey(file)
  const text = readSecretText(file)
  return pairSigner(looksEncrypted(text) ? decryptKey(text, await needs.passphrase()) : readSecretKey(text))
}

function pairSigner({ name, publicKey, secretKey }: KeyPair): SignerParts {
  const key: Ed25519Key = {
    kind: 'ed25519',
    form: 'nix',
    identity: `ed25519:${toHex(publicKey)}`,
    label: name,
    publicKey,
  }
  return {
    label: `the key ${printable(name)}`,
    key,
    sign: async message => signEd25519(message, secretKey),
    close: () => wipe(secretKey),
  }
}
