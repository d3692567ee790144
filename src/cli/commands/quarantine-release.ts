import { exitCode } from '../../policy/exit-code.ts'
import { openInquiry } from '../../verifier/inquiry.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import { sayVerdict } from '../say-verdict.ts'
import { mostSevere, type Status } from '../status.ts'
import { UsageError } from '../usage-error.ts'

/** `nixsig quarantine release ID`: judged again, and back into the store only if trusted now. */
export const quarantineRelease: AddCommand = yargs =>
  yargs.command(
    'release <id>',
    'Judge an output again, and put it back into the store if it is trusted now (root)',
    command =>
      command.positional('id', { type: 'string', demandOption: true, describe: 'As list prints it' }),
    runs(release),
  )

async function release({ id }: { id: string }, { places, terminal }: Invocation): Promise<Status> {
  if (process.geteuid?.() !== 0) throw new UsageError('only root can put anything into the store')
  const { releaseEntry } = await import('../../verifier/release-quarantined.ts')
  const inquiry = openInquiry(places, { records: true })
  try {
    const { path, refusals } = await releaseEntry(inquiry, id)
    for (const refusal of refusals) sayVerdict(terminal, refusal)
    if (refusals.length === 0) terminal.print(`${terminal.good('released')} ${path}: it is trusted now`)
    else terminal.print(`${id} stays in quarantine`)
    return mostSevere(refusals.map(exitCode))
  } finally {
    inquiry.close()
  }
}
