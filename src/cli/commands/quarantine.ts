import type { Argv } from 'yargs'
import type { AddCommand, GlobalOptions } from '../command.ts'
import { quarantinePurge } from './quarantine-purge.ts'
import { quarantineRelease } from './quarantine-release.ts'
import { quarantineList, quarantineShow } from './quarantine-show.ts'

/** `nixsig quarantine list|show|release|purge`: outputs that were refused after they were built. */
export const quarantine: AddCommand = yargs =>
  yargs.command(
    'quarantine',
    'Look at refused outputs, release or delete them',
    (command: Argv<GlobalOptions>) =>
      [quarantineList, quarantineShow, quarantineRelease, quarantinePurge]
        .reduce((yargs, add) => add(yargs), command)
        .demandCommand(1, 'quarantine list, show, release or purge?'),
  )
