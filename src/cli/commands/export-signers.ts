import { printAllowedSigner } from '../../formats/ssh/allowed-signers.ts'
import { allowedSignersOf } from '../../policy/allowed-signers.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { readPolicy } from '../policy-argument.ts'
import type { Status } from '../status.ts'

/** `nixsig export allowed-signers`: the SSH keys of the trusted list that count, as ssh-keygen and git read them. */
export const exportSigners: AddCommand = yargs =>
  yargs.command(
    'allowed-signers',
    "The SSH keys of the policy's principals, as ssh-keygen and git read them",
    command => command.example('$0 export allowed-signers >allowed_signers', ''),
    runs(printSigners),
  )

async function printSigners(_options: object, { places, terminal }: Invocation): Promise<Status> {
  const now = Math.floor(Date.now() / 1000)
  for (const signer of allowedSignersOf(readPolicy(places.policy, false), now))
    terminal.print(printAllowedSigner(signer))
  return 0
}
