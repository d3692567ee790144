import { printable } from '../../primitives/printable.ts'
import { keyIdOf, ringKey } from '../envelope-keys.ts'
import { verifyEnvelopeSignature } from '../envelope-signature.ts'
import type { Signer, SignerNeeds, SignerParts } from './signer.ts'
import { SignerError } from './signer-error.ts'

/**
 * Opens a signer by its name on the command line. Throws SignerError if there is not exactly one
 * signer of that name, and FileError, FormatError or PassphraseError if its key cannot be used.
 *
 *     file:PATH          a file by `nixsig keygen` or `nix key generate-secret`; or PATH alone
 *     ssh:SHA256:…       a key in the agent of SSH_AUTH_SOCK, by its fingerprint,
 *     ssh:PATH.pub         by the file of its public key,
 *     ssh:COMMENT          or by its whole comment
 *     gpg:FINGERPRINT    a key of GnuPG; with `!` at the end, exactly this subkey
 */
export async function openSigner(text: string, needs: SignerNeeds): Promise<Signer> {
  const [, scheme = 'file', rest = text] = /^([a-z][a-z0-9]*):(.*)$/s.exec(text) ?? []
  switch (scheme) {
    case 'file': {
      const { openFileSigner } = await import('./key-file.ts')
      return careful(await openFileSigner(rest, needs))
    }
    case 'ssh': {
      const { openAgentSigner } = await import('./ssh-agent.ts')
      return careful(await openAgentSigner(rest))
    }
    case 'gpg': {
      const { openGpgSigner } = await import('./gpg.ts')
      return careful(await openGpgSigner(rest))
    }
    default:
      throw new SignerError(`there is no kind of signer "${printable(scheme)}:": use file:, ssh: or gpg:`)
  }
}

/** Makes a signer that only returns signatures which verifiers accept. */
function careful(parts: SignerParts): Signer {
  const { label, key } = parts
  return {
    label,
    key,
    keyid: keyIdOf(key),
    identity: key.identity,
    close: () => parts.close(),
    sign: async message => {
      const signature = await parts.sign(message)
      const result = await verifyEnvelopeSignature(ringKey(key), message, signature)
      if (result.outcome === 'good') return signature
      const why =
        result.outcome === 'expired-since' ? 'its key has expired' : (result.detail ?? 'it does not verify')
      throw new SignerError(`the signature by ${label} would not be accepted: ${why}`)
    },
  }
}
