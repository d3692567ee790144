import type { Argv } from 'yargs'
import { readSeenClaims, seenConflictPaths, withdrawSeenClaims } from '../../ledger/seen-conflicts.ts'
import { when } from '../../policy/words.ts'
import { type AddCommand, type GlobalOptions, type Invocation, runs } from '../command.ts'
import type { Status } from '../status.ts'
import { storePathOf } from '../store-argument.ts'

/** `nixsig conflicts list|withdraw`: what builders said that contradicted what was judged, until root withdraws it. */
export const conflicts: AddCommand = yargs =>
  yargs.command(
    'conflicts',
    'Look at conflicts between builders that this machine has seen, or withdraw one that is settled',
    (command: Argv<GlobalOptions>) =>
      [conflictsList, conflictsWithdraw]
        .reduce((yargs, add) => add(yargs), command)
        .demandCommand(1, 'conflicts list or withdraw?'),
  )

const conflictsList: AddCommand = yargs =>
  yargs.command(
    'list',
    'What builders said of a path that contradicted what was judged',
    command => command.example('$0 conflicts list', 'each stays evidence until it is withdrawn'),
    runs(list),
  )

async function list(_: unknown, { places, terminal }: Invocation): Promise<Status> {
  for (const path of seenConflictPaths(places.state)) {
    terminal.print(path)
    for (const { key, narHash, seen, origin } of readSeenClaims(places.state, path)) {
      terminal.print(`  sha256:${narHash} by ${key}, seen ${when(seen)} in ${origin}`)
    }
  }
  return 0
}

const conflictsWithdraw: AddCommand = yargs =>
  yargs.command(
    'withdraw <paths..>',
    'Forget what was seen of these paths: what is shown now is all that counts (root)',
    command =>
      command
        .positional('paths', {
          type: 'string',
          array: true,
          demandOption: true,
          describe: 'Store paths',
        })
        .example('$0 conflicts withdraw PATH', 'once it is known who was wrong'),
    runs(withdraw),
  )

async function withdraw(
  { paths }: { readonly paths: readonly string[] },
  { places, terminal }: Invocation,
): Promise<Status> {
  for (const path of paths.map(storePathOf)) {
    const isGone = withdrawSeenClaims(places.state, path)
    terminal.print(isGone ? `${terminal.good('withdrawn')} ${path}` : `nothing was seen of ${path}`)
  }
  return 0
}
