import { decryptKey, encryptKey } from '../../crypto/passphrase.ts'
import { readSecretKey, readSecretText } from '../../crypto/secret-key.ts'
import { writeDurably } from '../../files/durable-file.ts'
import { looksEncrypted } from '../../formats/keys/encrypted-key.ts'
import { printNixSecretKey } from '../../formats/nix/nix-key.ts'
import { printable } from '../../primitives/printable.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { askNewPassphrase, askPassphrase, passphraseInFile } from '../passphrase.ts'
import type { Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly file: string
  readonly remove: boolean
  readonly 'passphrase-file': string | undefined
  readonly 'new-passphrase-file': string | undefined
}

/** `nixsig key passphrase FILE`: gives a secret key a passphrase, another one, or none. */
export const key: AddCommand = yargs =>
  yargs.command('key', 'Change what protects a secret key', command =>
    command
      .command(
        'passphrase <file>',
        'Give a secret key a passphrase, another one, or none',
        passphrase =>
          passphrase
            .positional('file', { type: 'string', demandOption: true, describe: 'Secret key file' })
            .option('remove', { type: 'boolean', default: false, describe: 'Leave it without one' })
            .option('passphrase-file', {
              type: 'string',
              requiresArg: true,
              describe: 'File with the passphrase that it has, in place of being asked',
            })
            .option('new-passphrase-file', {
              type: 'string',
              requiresArg: true,
              describe: 'File with the passphrase that it gets, in place of being asked',
            }),
        runs(changePassphrase),
      )
      .demandCommand(1, 'key passphrase?'),
  )

async function changePassphrase(options: Options, { terminal }: Invocation): Promise<Status> {
  const { file, remove, 'passphrase-file': oldFile, 'new-passphrase-file': newFile } = options
  if (remove && newFile !== undefined) throw new UsageError('either --remove or --new-passphrase-file')
  const text = readSecretText(file)
  const old =
    oldFile === undefined ? () => askPassphrase('Passphrase of the key: ') : () => passphraseInFile(oldFile)
  const pair = looksEncrypted(text) ? decryptKey(text, await old()) : readSecretKey(text)
  if (remove) {
    writeDurably(file, `${printNixSecretKey(pair)}\n`, { flush: true, mode: 0o600 })
    terminal.print(`${printable(file)} has no passphrase any more: whoever reads it can sign as you`)
    return 0
  }
  const passphrase = newFile === undefined ? await askNewPassphrase() : passphraseInFile(newFile)
  writeDurably(file, encryptKey(pair, passphrase), { flush: true, mode: 0o600 })
  terminal.print(`${printable(file)} has a new passphrase`)
  return 0
}
