import { printPemPublicKey } from '../../formats/keys/pem.ts'
import { printable } from '../../primitives/printable.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { keysOfArgument } from '../key-argument.ts'
import type { Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

/** `nixsig export pem KEY`: a public key as cosign and openssl read it. */
export const exportKey: AddCommand = yargs =>
  yargs.command(
    'pem <key>',
    'A public key in PEM, as cosign and openssl read it',
    command =>
      command
        .positional('key', {
          type: 'string',
          demandOption: true,
          describe: 'A key as a policy writes it, or a file that holds one',
        })
        .example('$0 export pem bob-1.pub >bob-1.pem', ''),
    runs(printKey),
  )

async function printKey({ key }: { readonly key: string }, { terminal }: Invocation): Promise<Status> {
  const [found, another] = keysOfArgument(key)
  if (found === undefined || found.kind === 'openpgp' || found.kind === 'sigstore' || another !== undefined) {
    throw new UsageError(`${printable(key)} is not one key that PEM can hold`)
  }
  terminal.print(printPemPublicKey(found).trimEnd())
  return 0
}
