/** `nixsig fleet report DIR`: the audits of many machines, and in what they differ. */
import { resolve } from 'node:path'
import { FINDING_KINDS, type FindingKind, type Fleet } from '../../fleet/fleet.ts'
import { fleetJson } from '../../fleet/json.ts'
import { openMerge } from '../../fleet/merge.ts'
import { readAudits, readExpected } from '../../fleet/read-directory.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { namedByFailOn } from '../fail-on.ts'
import { sayFleet } from '../fleet-words.ts'
import { assertReplaceable, writeReport } from '../replaceable.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly directory: string
  readonly html: string | undefined
  readonly json: boolean
  readonly expect: string | undefined
  readonly 'older-than': string
  readonly 'fail-on': readonly string[]
}

const KINDS = [...FINDING_KINDS, 'never'] as const

/** What is wrong for certain, or hides something. */
const FAILING = ['bytes', 'altered', 'identity', 'revoked-key', 'missing', 'unreadable'] as const

const STATUS: Readonly<Record<FindingKind, 12 | 13 | 14 | 20>> = {
  bytes: 13,
  altered: 13,
  identity: 13,
  'revoked-key': 14,
  policy: 12,
  verdict: 12,
  lenient: 12,
  unexpected: 12,
  missing: 20,
  unreadable: 20,
  old: 20,
  superseded: 20,
}

/** Compares what machines say of themselves; asks none of them. */
export const fleetReport = command({
  arguments: {
    directory: { count: 'one', text: 'What nixsig audit --json printed: a file *.json for each machine' },
  },
  options: {
    html: { kind: 'value', value: 'FILE', text: 'Write one page of HTML as well' },
    json: JSON_OPTION,
    expect: {
      kind: 'value',
      value: 'FILE',
      text: 'Names of the machines that there should be, one a line: tells which are missing',
    },
    'older-than': {
      kind: 'value',
      value: 'SPAN',
      fallback: '8d',
      text: 'From what age on an audit is old: 36h, 8d',
    },
    'fail-on': {
      kind: 'values',
      value: 'KIND',
      text: `Which kinds of findings make the exit status other than 0, several with commas: ${KINDS.join(', ')}; without it ${FAILING.join(', ')}`,
    },
  },
  examples: [
    ['fleet report audits --html fleet.html', 'The differences between machines first'],
    [
      'fleet report audits --expect machines.txt --fail-on missing,old',
      'Whether each machine has sent its audit of late',
    ],
  ],
  epilogue: `Audits are files that nobody signed: the report says what they say, and which of them contradict one another.
Bring them together by a way on which nobody can change them, such as SSH.
Status 0: nothing that --fail-on names. 13: bytes, altered or identity. 14: revoked-key. 12: policy, verdict, lenient
or unexpected. 20: missing, unreadable, old or superseded. Of several, the first of these.`,
  run: reportFleet,
})

async function reportFleet(options: Options, { terminal }: Invocation): Promise<Status> {
  const oldAfter = secondsOf(options['older-than'])
  const failing = failingKinds(options)
  const expected = options.expect === undefined ? undefined : readExpected(resolve(options.expect))
  if (options.html !== undefined) assertReplaceable('--html', options.html)
  const merge = openMerge(Math.floor(Date.now() / 1000))
  readAudits(resolve(options.directory), merge, (read, of) =>
    terminal.progress(`reading audit ${read + 1} of ${of}`),
  )
  const fleet = merge.report({ oldAfter, expected })
  if (options.html !== undefined) {
    const { fleetHtml } = await import('../../fleet/html.ts')
    await writeReport('--html', resolve(options.html), fleetHtml(fleet))
  }
  if (options.json) terminal.print(fleetJson(fleet))
  else sayFleet(terminal, fleet)
  if (options.html !== undefined) terminal.note(`the page is in ${printable(options.html)}`)
  return statusOf(fleet, failing)
}

type Failing = readonly (typeof KINDS)[number][]

function failingKinds({ 'fail-on': named, expect }: Options): Failing {
  if (named.length === 0) return FAILING
  const kinds = namedByFailOn(named, KINDS)
  for (const kind of ['missing', 'unexpected'] as const)
    if (kinds.includes(kind) && expect === undefined)
      throw new UsageError(
        `--fail-on ${kind} needs the names of the machines that there should be: --expect FILE`,
      )
  return kinds
}

function statusOf({ findings }: Fleet, kinds: Failing): Status {
  if (kinds.includes('never')) return 0
  return mostSevere(findings.filter(({ kind }) => kinds.includes(kind)).map(({ kind }) => STATUS[kind]))
}

const UNITS = { h: 3600, d: 86_400 } as const

/** Throws UsageError for what is no span. */
function secondsOf(text: string): number {
  const [, count, unit] = /^([1-9]\d{0,4})([hd])$/.exec(text) ?? []
  if (count === undefined) {
    throw new UsageError(`--older-than ${printable(text, 60)} is no span such as 36h or 8d`)
  }
  return Number(count) * UNITS[unit as keyof typeof UNITS]
}
