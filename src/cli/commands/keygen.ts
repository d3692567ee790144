import { join } from 'node:path'
import { encryptKey } from '../../crypto/passphrase.ts'
import { generateKey, writeKeyPair } from '../../crypto/secret-key.ts'
import { printNixPublicKey } from '../../formats/nix/nix-key.ts'
import { printSshPublicKey, sshFingerprint } from '../../formats/ssh/key.ts'
import { printable } from '../../primitives/printable.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { askNewPassphrase, passphraseInFile } from '../passphrase.ts'
import type { Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

/** `nixsig keygen NAME`: a new key pair in two new files. */
export const keygen: AddCommand = yargs =>
  yargs.command(
    'keygen <name>',
    'Make a new key pair, to sign attestations with',
    command =>
      command
        .positional('name', { type: 'string', demandOption: true, describe: 'Name of the key, like alice-1' })
        .option('out', {
          type: 'string',
          default: '.',
          requiresArg: true,
          describe: 'Directory of the new files',
        })
        .option('passphrase', {
          type: 'boolean',
          default: false,
          describe: 'Ask for a passphrase, without which the secret key is of no use',
        })
        .option('passphrase-file', {
          type: 'string',
          requiresArg: true,
          describe: 'File with the passphrase, in place of being asked',
        })
        .example('$0 keygen alice-1', 'writes alice-1.secret (keep it) and alice-1.pub (give it away)'),
    runs(makeKey),
  )

interface Options {
  readonly name: string
  readonly out: string
  readonly passphrase: boolean
  readonly 'passphrase-file': string | undefined
}

async function makeKey(options: Options, { terminal }: Invocation): Promise<Status> {
  const { name, out } = options
  if (!/^[0-9A-Za-z_][0-9A-Za-z._-]{0,127}$/.test(name)) {
    throw new UsageError(`"${printable(name)}" cannot be the name of a key: letters, digits and . _ - only`)
  }
  const files = { secretKey: join(out, `${name}.secret`), publicKey: join(out, `${name}.pub`) }
  const passphrase = await newPassphrase(options)
  const key = generateKey(name)
  writeKeyPair(files, key, passphrase === undefined ? undefined : encryptKey(key, passphrase))
  const care =
    passphrase === undefined ? 'whoever reads it can sign as you' : 'of no use without its passphrase'
  terminal.print(
    [
      `secret key   ${printable(files.secretKey)} (mode 600: ${care})`,
      `public key   ${printNixPublicKey(key)}`,
      `as SSH       ${printSshPublicKey(key.publicKey, name)}`,
      `fingerprint  ${sshFingerprint(key.publicKey)}`,
    ].join('\n'),
  )
  return 0
}

async function newPassphrase(options: Options): Promise<string | undefined> {
  const { passphrase, 'passphrase-file': file } = options
  if (file !== undefined) return passphraseInFile(file)
  return passphrase ? askNewPassphrase() : undefined
}
