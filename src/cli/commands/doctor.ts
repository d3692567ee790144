import type { Door } from '../../doctor/doors.ts'
import type { DoorName } from '../../doctor/wording.ts'
import { ADVISORIES, namesOf } from '../../formats/nix/advisories.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { ownDirectory } from '../own-directory.ts'
import type { Paint, Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly json: boolean
  readonly quiet: boolean
  readonly gate: string | undefined
  readonly 'gate-key': readonly string[]
  readonly mended: readonly string[]
}

const LEAVE_MS = 500

/** `nixsig doctor`: whether anything can come into the store unjudged. */
export const doctor = command({
  options: {
    json: { kind: 'flag', text: 'Print one line of JSON, for programs' },
    quiet: { kind: 'flag', text: 'Print only doors that are open or unknown' },
    gate: { kind: 'value', value: 'URL', text: "The fleet's gate, in place of this machine's own" },
    'gate-key': { kind: 'values', value: 'NAME:BASE64', text: 'A public key of that gate' },
    mended: {
      kind: 'values',
      value: 'ADVISORY',
      text: 'An advisory (CVE-… or GHSA-…) that this Nix has fixed, whatever its version says',
    },
  },
  examples: [
    ['doctor', 'After every change of nix.conf'],
    ['doctor --quiet', 'From cron: silent while all doors are closed'],
  ],
  epilogue:
    'Exit status: 0 if no door is open (warnings do not count), 1 if a door is open or could not be tried, 2 for a wrong call or if there is no Nix here.',
  reads: ['policy', 'state'],
  run: examineMachine,
})

async function examineMachine(
  options: Options,
  { places, terminal }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  if (process.geteuid?.() !== 0)
    throw new UsageError(`the doctor looks at what only root can see; next: call it ${BY_ROOT}`)
  const { examine } = await import('../../doctor/examine.ts')
  const { judgeDoors } = await import('../../doctor/doors.ts')
  const { isHole } = await import('../../doctor/door.ts')
  const { parseNixPublicKey } = await import('../../formats/nix/nix-key.ts')
  const { lookAfterOwnLog } = await import('../own-log.ts')
  const installation = ownDirectory()
  // What is wrong with it then is one of the findings.
  lookAfterOwnLog(places.state, { note: () => {} })
  const keys = options['gate-key'].map(text => parseNixPublicKey(text))
  const url = options.gate?.replace(/\/$/, '')
  const doors = judgeDoors(
    await withoutInterruption(terminal, () =>
      examine({
        places: { ...places, attestations: undefined },
        installation,
        gate: { url, keys },
        mended: advisoryNames(options.mended),
        doors: 'tried',
      }),
    ),
  )
  const isWell = !doors.some(isHole)
  await tell(doors, options, terminal)
  // What never answered is waited for no longer.
  setTimeout(() => process.exit(), LEAVE_MS).unref()
  return isWell ? 0 : 1
}

/** Throws UsageError for a name that is not in the table of advisories. */
function advisoryNames(names: readonly string[]): readonly string[] {
  const known = ADVISORIES.flatMap(namesOf)
  const other = names.find(name => !known.includes(name))
  if (other !== undefined) throw new UsageError(`${printable(other)} is not an advisory that nixsig knows`)
  return names
}

/** What was tried has to be taken out again, which takes some seconds. */
async function withoutInterruption<T>(terminal: Terminal, action: () => Promise<T>): Promise<T> {
  const wait = () => terminal.note('nixsig: stopping as soon as the test paths are removed again')
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
  const kindOf = (finding: Pick<Door, 'state'>) => (isHole(finding) ? 'refusal' : 'plain')
  const { doorsJson } = await import('../../doctor/doors-json.ts')
  if (json) return terminal.print(doorsJson(doors))
  const paints: Readonly<Record<Door['state'], Paint>> = {
    closed: terminal.good,
    open: terminal.bad,
    unknown: terminal.doubtful,
    warning: terminal.doubtful,
    'not applicable': terminal.faint,
  }
  const shown = quiet ? doors.filter(isHole) : doors
  for (const { door, ...finding } of shown)
    terminal.print(doorLine(door satisfies DoorName, finding, paints[finding.state]), kindOf(finding))
  if (!quiet || shown.length > 0) terminal.print(summaryLine(doors.map(({ state }) => state)))
}
