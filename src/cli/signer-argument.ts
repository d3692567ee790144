/** Who signs: the options of every command that does. */
import { openSigner } from '../crypto/signers/open-signer.ts'
import type { Signer } from '../crypto/signers/signer.ts'
import { askPassphrase, passphraseInFile } from './passphrase.ts'
import { UsageError } from './usage-error.ts'

export interface SignerOptions {
  readonly signer: string | undefined
  readonly key: string | undefined
  readonly 'passphrase-file': string | undefined
}

export const SIGNER_OPTIONS = {
  signer: {
    type: 'string',
    requiresArg: true,
    describe: 'Who signs: file:PATH, ssh:FINGERPRINT (of a key in the SSH agent) or gpg:FINGERPRINT',
  },
  key: {
    type: 'string',
    requiresArg: true,
    describe: 'Secret key file (nixsig keygen): the same as --signer file:FILE',
  },
  'passphrase-file': {
    type: 'string',
    requiresArg: true,
    describe: "File with the secret key's passphrase, in place of being asked",
  },
} as const

/** Opens the signer that the options name, for as long as `use` takes. Throws UsageError unless they name just one. */
export async function withSigner<T>(options: SignerOptions, use: (signer: Signer) => Promise<T>): Promise<T> {
  const signer = await openSigner(nameOf(options), { passphrase: () => passphraseOf(options) })
  try {
    return await use(signer)
  } finally {
    signer.close()
  }
}

function nameOf({ signer, key }: SignerOptions): string {
  const names = [signer ?? [], key === undefined ? [] : filesOf(key)].flat()
  const [name, another] = names
  if (name === undefined) throw new UsageError('who signs? (--key FILE, or --signer ssh:… or gpg:…)')
  if (another !== undefined) throw new UsageError('who signs? --key and --signer name one signer, once')
  return name
}

/** `--key` may be repeated in other commands, and then is a list. */
function filesOf(key: string | readonly string[]): readonly string[] {
  return [key].flat().map(file => `file:${file}`)
}

async function passphraseOf({ 'passphrase-file': file }: SignerOptions): Promise<string> {
  return file === undefined ? askPassphrase('Passphrase of the key: ') : passphraseInFile(file)
}
