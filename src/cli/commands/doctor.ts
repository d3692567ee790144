import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Door } from '../../doctor/doors.ts'
import type { DoorName } from '../../doctor/wording.ts'
import { ADVISORIES, namesOf } from '../../formats/nix/advisories.ts'
import { printable } from '../../primitives/printable.ts'
import { type AddCommand, type Invocation, runs } from '../command.ts'
import type { Status } from '../status.ts'
import type { Paint, Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly json: boolean
  readonly quiet: boolean
  readonly gate: string | undefined
  readonly 'gate-key': string | undefined
  readonly mended: readonly string[]
}

const LEAVE_MS = 500

/** `nixsig doctor`: whether anything can come into the store unjudged. */
export const doctor: AddCommand = yargs =>
  yargs.command(
    'doctor',
    'Try every door of this machine by which something could come into its store unjudged (root)',
    command =>
      command
        .option('json', { type: 'boolean', default: false, describe: 'One line of JSON, for programs' })
        .option('quiet', { type: 'boolean', default: false, describe: 'Only what is open or unknown' })
        .option('gate', {
          type: 'string',
          requiresArg: true,
          describe: "The fleet's gate, in place of this machine's own",
        })
        .option('gate-key', { type: 'string', requiresArg: true, describe: 'Its public key, NAME:BASE64' })
        .option('mended', {
          type: 'string',
          array: true,
          requiresArg: true,
          default: [] as string[],
          describe: 'An advisory that this Nix has mended, whatever its number says: CVE-… or GHSA-…',
        })
        .example('$0 doctor', 'after every change of nix.conf')
        .example('$0 doctor --quiet', 'from cron: silent while all doors are closed')
        .epilogue(
          'Exit status: 0 no door is open, warnings or not, 1 a door is open or could not be tried, 2 wrong call or no Nix here.',
        ),
    runs(examineMachine, ['mended']),
  )

async function examineMachine(options: Options, { places, terminal }: Invocation): Promise<Status> {
  if (process.geteuid?.() !== 0)
    throw new UsageError('the doctor looks at what only root can see: run it as root')
  const { examine } = await import('../../doctor/examine.ts')
  const { judgeDoors } = await import('../../doctor/doors.ts')
  const { isHole } = await import('../../doctor/door.ts')
  const { parseNixPublicKey } = await import('../../formats/nix/nix-key.ts')
  const installation = dirname(realpathSync(process.argv[1] ?? ''))
  const key = options['gate-key'] === undefined ? undefined : parseNixPublicKey(options['gate-key'])
  const url = options.gate?.replace(/\/$/, '')
  const doors = judgeDoors(
    await withoutInterruption(terminal, () =>
      examine({ places, installation, gate: { url, key }, mended: advisoryNames(options.mended) }),
    ),
  )
  const isWell = !doors.some(isHole)
  await tell(doors, options, terminal)
  // What never answered is waited for no longer.
  setTimeout(() => process.exit(), LEAVE_MS).unref()
  return isWell ? 0 : 1
}

/** Throws UsageError for what is no advisory of the table. */
function advisoryNames(names: readonly string[]): readonly string[] {
  const known = ADVISORIES.flatMap(namesOf)
  const other = names.find(name => !known.includes(name))
  if (other !== undefined) throw new UsageError(`${printable(other)} is not an advisory that nixsig knows`)
  return names
}

/** What was tried has to be taken out again, which takes some seconds. */
async function withoutInterruption<T>(terminal: Terminal, action: () => Promise<T>): Promise<T> {
  const wait = () => terminal.note('nixsig: ends as soon as what was tried is taken out again')
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, wait)
  try {
    return await action()
  } finally {
    for (const signal of signals) process.off(signal, wait)
  }
}

async function tell(doors: readonly Door[], { json, quiet }: Options, terminal: Terminal): Promise<void> {
  const { doorLine, summaryLine } = await import('../../doctor/wording.ts')
  const { isHole } = await import('../../doctor/door.ts')
  const { doorsJson } = await import('../../doctor/doors-json.ts')
  if (json) return terminal.print(doorsJson(doors))
  const paints: Readonly<Record<Door['state'], Paint>> = {
    closed: terminal.good,
    open: terminal.bad,
    unknown: terminal.doubtful,
    warning: terminal.doubtful,
    'not applicable': terminal.faint,
  }
  const told = quiet ? doors.filter(isHole) : doors
  for (const { door, ...finding } of told)
    terminal.print(doorLine(door satisfies DoorName, finding, paints[finding.state]))
  if (!quiet || told.length > 0) terminal.print(summaryLine(doors.map(({ state }) => state)))
}
