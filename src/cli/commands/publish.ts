import { join, resolve } from 'node:path'
import { when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import type { Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly from: string
  readonly to: string
  readonly as: string
  readonly prune: boolean
}

/** `nixsig publish --to DIR --as NAME`: attestations as any server of files hands them out. */
export const publish: AddCommand = yargs =>
  yargs.command(
    'publish',
    'Put attestations where a server of files hands them out, for attestations.sources of others',
    command =>
      command
        .option('from', {
          type: 'string',
          default: 'attestations',
          requiresArg: true,
          describe: 'Directory of attestations to publish',
        })
        .option('to', {
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: 'Directory that is served, or copied to where it is',
        })
        .option('as', {
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: 'Name below it that nobody else publishes under, like alice',
        })
        .option('prune', {
          type: 'boolean',
          default: false,
          describe: 'Withdraw what was published and is there no longer',
        })
        .example('$0 publish --to public --as alice', 'then serve public, and users list https://…/alice'),
    runs(publishFiles),
  )

async function publishFiles(options: Options, { terminal }: Invocation): Promise<Status> {
  const { from, as, prune } = options
  if (!/^[0-9A-Za-z_][0-9A-Za-z._-]{0,127}$/.test(as)) {
    throw new UsageError(`"${printable(as)}" cannot be such a name: letters, digits and . _ - only`)
  }
  const to = join(options.to, as)
  if (`${resolve(to)}/`.startsWith(`${resolve(from)}/`)) {
    throw new UsageError(`${printable(to)} lies in what is published from there: choose another --to`)
  }
  const now = Math.floor(Date.now() / 1000)
  const module = await import('../../evidence/publication/publish.ts')
  const { added, changed, removed, unchanged, published } = await module.publish({ from, to, prune, now })
  const isNew = added + changed + removed > 0
  terminal.print(
    `${isNew ? terminal.good('published') : 'published before'} in ${printable(to)}: ${added} new, ` +
      `${changed} changed, ${removed} withdrawn, ${unchanged} unchanged (as of ${when(published)})`,
  )
  return 0
}
