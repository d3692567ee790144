import { openStore } from '../../store/store-client.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { narinfoOf } from '../exchange/narinfo.ts'
import type { Status } from '../status.ts'
import { storePathOf } from '../store-argument.ts'

/** `nixsig export narinfo PATH`: the Nix signatures that this store has of a path, for `nixsig import` elsewhere. */
export const exportNarinfo: AddCommand = yargs =>
  yargs.command(
    'narinfo <path>',
    'What this store knows of a path and who signed it with Nix, as a narinfo',
    command =>
      command
        .positional('path', { type: 'string', demandOption: true, describe: 'A valid store path' })
        .example('$0 export narinfo ./result >hello.narinfo', 'elsewhere: nixsig import hello.narinfo'),
    runs(printNarinfoOf),
  )

async function printNarinfoOf(
  { path }: { readonly path: string },
  { terminal }: Invocation,
): Promise<Status> {
  const store = await openStore()
  try {
    terminal.print((await narinfoOf(store, storePathOf(path))).trimEnd())
    return 0
  } finally {
    store.close()
  }
}
