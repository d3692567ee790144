/** Whoever signs attestations: a key file, a key in an SSH agent, a key of GnuPG's. Reached by the command line alone. */
import type { KeyIdentity } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import { type EnvelopeKey, keyIdOf, ringKey } from '../envelope-keys.ts'
import { verifyEnvelopeSignature } from '../envelope-signature.ts'
import { SignerError } from './signer-error.ts'

export interface Signer {
  /** For messages; escaped. */
  readonly label: string
  /** What its envelopes call it: see keyIdOf. */
  readonly keyid: string
  readonly identity: KeyIdentity
  /** The key as a policy would list it; usable until the signer is closed. */
  readonly key: EnvelopeKey
  /**
   * A signature over a message, in the one form in which envelopes by this key are opened. It was verified before it is
   * given out. Throws SignerError if the agent does not answer, refuses, or answers with anything else.
   */
  sign(message: Uint8Array): Promise<Uint8Array>
  /** Forgets the key and removes what was kept on the disk meanwhile. */
  close(): void
}

/** What a kind of signer brings: all the rest follows from its key. */
export interface SignerParts {
  readonly label: string
  readonly key: EnvelopeKey
  sign(message: Uint8Array): Promise<Uint8Array>
  close(): void
}

export interface SignerNeeds {
  /** Asked at most once, and only for a key file that has a passphrase. */
  passphrase(): Promise<string>
}

/**
 * Opens a signer by how the command line names it. Throws SignerError if there is none of that name or not just one, and
 * FileError, FormatError or PassphraseError if its key cannot be used.
 *
 *     file:PATH          a file by `nixsig keygen` or `nix key generate-secret`; a bare path is the same
 *     ssh:SHA256:…       a key in the agent of SSH_AUTH_SOCK, by its fingerprint,
 *     ssh:PATH.pub         by the file of its public key,
 *     ssh:COMMENT          or by its whole comment
 *     gpg:FINGERPRINT    a key of GnuPG's; with `!` at the end, this very subkey
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
      throw new SignerError(`no signers are called "${printable(scheme)}:": file:, ssh: and gpg: are`)
  }
}

/** A signer that gives out nothing which others would not accept. */
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
      throw new SignerError(`what ${label} signed would not be accepted by anybody: ${why}`)
    },
  }
}
