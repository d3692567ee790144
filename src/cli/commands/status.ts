/** `nixsig status`: how this machine stands, and how far it is from enforcing. */

import project from '../../../package.json' with { type: 'json' }
import { jsonLine } from '../../explain/verdict-json.ts'
import { respiteAt } from '../../ledger/respite.ts'
import { lackOf } from '../../policy/lack.ts'
import { lookAtVersions, versionWords } from '../../setup/in-force.ts'
import { answersOfCaches, answersOfSources } from '../../status/answers.ts'
import { GROUP_CODES, groupsOf } from '../../status/groups.ts'
import { exitCodesOf, type MachineStatus, statusJson } from '../../status/status.ts'
import { lookAtOwnLog } from '../../verifier/look-at-own-log.ts'
import type { Places } from '../../verifier/places.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { ownDirectory } from '../own-directory.ts'
import { assertPolicyThere } from '../policy-argument.ts'
import { openReadersInquiry, readerHere } from '../readable-inquiry.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { sayStatus, unjudgedWords } from '../status-report.ts'
import { surveyHere } from '../survey-here.ts'

interface Options {
  readonly refused: (typeof GROUP_CODES)[number] | undefined
  readonly timeout: string
  readonly json: boolean
}

/** The longest time for judging. */
const MOST_SECONDS = 99_999
/** What is left to wait for once everything was said. */
const LEAVE_MS = 500

export const status = command({
  options: {
    refused: {
      kind: 'value',
      value: 'CAUSE',
      choices: GROUP_CODES,
      text: 'Print only the paths that would be refused for this cause, one a line',
    },
    timeout: {
      kind: 'value',
      value: 'SECONDS',
      fallback: '60',
      text: 'How long judging may take; what is not judged by then is counted',
    },
    json: { kind: 'flag', text: 'Print one JSON document (docs/schemas/status.schema.json)' },
  },
  examples: [
    ['status', 'each day of a week in warn mode'],
    ['status --json', 'for a program'],
    ['status --refused unsigned-output', 'the paths of one group, for another command'],
  ],
  epilogue: `Judges by today's evidence what this machine uses: what its systems, profiles and links such as ./result lead to,
and what was let in with a warning. Contents are not read; "nixsig verify" does that.
Systems come first. Status 0: all of it was judged, and nothing would be refused. 20: not all of it was judged,
something is undecided, or the policy requires a decision log that is not well. Otherwise the most severe status of
what would be refused, as with "nixsig verify".`,
  reads: EVERYWHERE,
  run: sayHowItStands,
})

async function sayHowItStands(options: Options, invocation: Invocation<PlaceName>): Promise<Status> {
  const { terminal } = invocation
  const patience = millisecondsOf('--timeout', options.timeout, MOST_SECONDS)
  const found = await findOut(invocation, { patience, looks: options.refused === undefined })
  if (options.refused !== undefined) {
    const groups = found.groups.filter(({ code }) => code === options.refused)
    for (const { stopped } of groups) for (const { path } of stopped) terminal.print(path)
    if (found.survey.unjudged > 0) terminal.note(`nixsig: ${unjudgedWords(found.survey)}`)
  } else if (options.json) {
    terminal.print(jsonLine(statusJson(found)))
  } else {
    sayStatus(terminal, found)
  }
  // What never answered is waited for no longer.
  setTimeout(() => process.exit(), LEAVE_MS).unref()
  return mostSevere(exitCodesOf(found.survey, found.log))
}

interface Task {
  /** Milliseconds. */
  readonly patience: number
  /** Whether to look at more than the paths. */
  readonly looks: boolean
}

async function findOut(
  { places, terminal }: Invocation<PlaceName>,
  { patience, looks }: Task,
): Promise<MachineStatus> {
  const reading = openReadersInquiry(places, looks ? terminal.note : () => {})
  try {
    const { inquiry } = reading
    assertPolicyThere(reading.places.policy)
    const policy = await inquiry.policy()
    const { state } = reading.places
    const looking = looks ? doorsOf(places) : undefined
    const { roots, survey } = await surveyHere(inquiry, terminal, patience)
    const respite = respiteAt(state, inquiry.now)
    const reader = readerHere()
    return {
      reader,
      now: Math.floor(Date.now() / 1000),
      mode: respite === undefined ? policy.mode : 'enforce',
      lack: lackOf(policy),
      respite: respite && { until: respite.until, reason: respite.reason },
      version: project.version,
      otherVersions: otherVersions(),
      doors: await looking,
      log: looks && reader === 'root' ? lookAtOwnLog(state, policy.decisions) : undefined,
      caches: answersOfCaches(state, policy),
      sources: answersOfSources(state, policy),
      roots,
      survey,
      groups: groupsOf(survey.refused, reader),
      isWhole: state === places.state,
    }
  } finally {
    reading.close()
  }
}

async function doorsOf(places: Places): Promise<MachineStatus['doors']> {
  if (readerHere() !== 'root') return undefined
  const { lookAtDoors } = await import('../../status/doors.ts')
  const { learn } = await import('../../doctor/learn.ts')
  const looked = await learn(() => lookAtDoors(places, ownDirectory()), DOORS_MS)
  return 'problem' in looked ? looked : looked.value
}

const DOORS_MS = 60_000

/** What is in force and not of this installation, in words. */
function otherVersions(): readonly string[] {
  const own = ownDirectory()
  const { programs, gates, plugin } = lookAtVersions()
  return versionWords({
    programs: programs === own ? undefined : programs,
    gates: gates.filter(gate => gate !== own),
    plugin: plugin === own ? undefined : plugin,
  })
}
