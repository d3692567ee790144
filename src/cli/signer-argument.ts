/** Who signs: the options of every command that does. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openSigner } from '../crypto/signers/open-signer.ts'
import type { Signer } from '../crypto/signers/signer.ts'
import { ownPlaces } from '../files/own-places.ts'
import { printable } from '../primitives/printable.ts'
import type { Options } from './command.ts'
import { askPassphrase, passphraseInFile } from './passphrase.ts'
import { UsageError } from './usage-error.ts'

export interface SignerOptions {
  readonly signer: string | undefined
  readonly key: string | undefined
  readonly 'passphrase-file': string | undefined
}

export const SIGNER_OPTIONS = {
  signer: {
    kind: 'value',
    value: 'SIGNER',
    text: 'Who signs: file:PATH, ssh:FINGERPRINT (a key in the SSH agent) or gpg:FINGERPRINT',
  },
  key: {
    kind: 'value',
    value: 'FILE',
    text: 'Secret key file (nixsig keygen), or the NAME of a key of your own: short for --signer file:FILE',
  },
  'passphrase-file': {
    kind: 'value',
    value: 'FILE',
    text: 'Read the passphrase of the secret key from this file instead of asking for it',
  },
} as const satisfies Options

/**
 * Opens the signer that the options name, for as long as `use` takes. Throws UsageError unless they
 * name just one.
 */
export async function withSigner<T>(options: SignerOptions, use: (signer: Signer) => Promise<T>): Promise<T> {
  const signer = await openSigner(nameOf(options), { passphrase: () => passphraseOf(options) })
  try {
    return await use(signer)
  } finally {
    signer.close()
  }
}

function nameOf({ signer, key }: SignerOptions): string {
  if (signer !== undefined && key !== undefined) {
    throw new UsageError('who signs? Give one of --key and --signer')
  }
  if (key !== undefined) return `file:${keyFile(key)}`
  if (signer !== undefined) return signer
  throw new UsageError('who signs? (--key FILE, or --signer ssh:… or gpg:…)')
}

/**
 * The file that `--key` means: one of this name or, for a name without a slash, the key that
 * `keygen --own` made.
 */
function keyFile(key: string): string {
  if (key.includes('/') || existsSync(key)) return key
  const { keys } = ownPlaces()
  const own = [join(keys, key), join(keys, `${key}.secret`)].find(file => existsSync(file))
  if (own !== undefined) return own
  throw new UsageError(`there is no key ${printable(key)}, here or in ${printable(keys)}`)
}

async function passphraseOf({ 'passphrase-file': file }: SignerOptions): Promise<string> {
  return file === undefined ? askPassphrase('Passphrase of the key: ') : passphraseInFile(file)
}
