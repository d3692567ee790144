/** `nixsig audit`: what stands on whose word. */
import { setPriority } from 'node:os'
import { resolve } from 'node:path'
import project from '../../../package.json' with { type: 'json' }
import type { Audit } from '../../audit/audit.ts'
import { FAILURES, type Failure, failuresIn } from '../../audit/fail-on.ts'
import { auditJson } from '../../audit/json.ts'
import { type AuditAsked, auditHere } from '../../audit/run.ts'
import type { AuditChanges } from '../../audit/since.ts'
import { STORE_DIR } from '../../formats/nix/store-path.ts'
import { pathWord } from '../../policy/words.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { GROUP_CODES } from '../../status/groups.ts'
import { pathsInUse, runningSystems } from '../../status/in-use.ts'
import { printedReport, REPORT_OPTIONS, type ReportFiles, writeReports } from '../audit-reports.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import type { EarlierAudit } from '../earlier-audit.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { namedByFailOn } from '../fail-on.ts'
import { openProgressHere } from '../progress-bar.ts'
import { openReadersInquiry, readerHere } from '../readable-inquiry.ts'
import { SARIF_PLACE_OPTIONS, type SarifPlaceValues } from '../sarif-places.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends ReportFiles, SarifPlaceValues {
  readonly paths: readonly string[]
  readonly store: boolean
  readonly contents: boolean
  readonly since: string | undefined
  readonly 'fail-on': readonly string[]
  readonly refused: (typeof GROUP_CODES)[number] | undefined
  readonly timeout: string
  readonly json: boolean
}

/** The longest time for judging. */
const MOST_SECONDS = 99_999
/** Of the time for judging, what following roots may take where there is no running system. */
const ROOTS_MS = 10_000
/** What takes longer than this gives way to others who want the processor. */
const POLITE_AFTER_MS = 3000
const POLITE = 10

export const audit = command({
  arguments: {
    paths: {
      count: 'any number',
      text: 'Store paths, or links to them like /run/current-system; without any, the running system, or what is in use',
    },
  },
  options: {
    store: { kind: 'flag', text: 'Audit every path that the store has' },
    contents: {
      kind: 'flag',
      text: 'Also read the contents from the disk, and tell which are not what the store registered',
    },
    since: {
      kind: 'value',
      value: 'FILE',
      text: 'Tell what changed since the audit in this file (--json made it)',
    },
    'fail-on': {
      kind: 'values',
      value: 'WHAT',
      text: `Exit with 1 if there is any of this, else with 0; several with commas: ${Object.keys(FAILURES).join(', ')}`,
    },
    refused: {
      kind: 'value',
      value: 'CAUSE',
      choices: GROUP_CODES,
      text: 'Print only the paths that are refused for this cause, one a line',
    },
    ...REPORT_OPTIONS,
    ...SARIF_PLACE_OPTIONS,
    timeout: {
      kind: 'value',
      value: 'SECONDS',
      fallback: '600',
      text: 'How long judging may take; what is not judged by then is counted',
    },
    json: { kind: 'flag', text: 'Print one JSON document (docs/schemas/audit.schema.json)' },
  },
  examples: [
    ['audit', 'the running system: whom it depends on, and what ends soon'],
    ['audit ./result --json', 'for a program'],
    ['audit --since monday.json --fail-on new-refused,ends', 'in CI, or for a mail once a week'],
    ['audit --store --contents', 'everything, with a look at the bytes'],
    ['audit ./result --sarif audit.sarif --sarif-policy policy.toml', "for GitHub's code scanning"],
    ['audit ./result --cyclonedx -', 'a bill of materials'],
  ],
  epilogue: `Verdicts are those of this machine now: the ledger's where its entries are current, else by today's evidence.
Without --fail-on the status is the most severe one of what is refused, as with "nixsig verify"; 20: something is
undecided or was not judged.`,
  reads: EVERYWHERE,
  run: auditMachine,
})

async function auditMachine(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  const patience = millisecondsOf('--timeout', options.timeout, MOST_SECONDS)
  const failures = failuresNamed(options)
  if (options.store && options.paths.length > 0)
    throw new UsageError('--store is everything: give no paths besides')
  const printed = printedReport(options)
  const before = await earlierOf(options.since)
  const reading = openReadersInquiry(places, terminal.note)
  const knowsLetIn = reading.places.state === places.state
  const progress = openProgressHere(terminal)
  const polite = setTimeout(giveWay, POLITE_AFTER_MS)
  if (options.contents) giveWay()
  try {
    if (failures.includes('let-in') && !knowsLetIn)
      throw new UsageError(`--fail-on let-in needs what only root may read; next: call it ${BY_ROOT}`)
    const { inquiry } = reading
    const { left, ...asked } = askedOf(options)
    const judged = await auditHere(inquiry, {
      ...asked,
      contents: options.contents,
      again: againOf(options),
      end: performance.now() + patience,
      version: project.version,
      reader: readerHere(),
      onBegin: progress.begin,
      onJudged: progress.step,
      onHashing: path => progress.show(`reading ${pathWord(path)}`),
      onHashed: progress.step,
    })
    // What is behind roots that were not followed is not judged either.
    const found = { ...judged, unjudged: judged.unjudged + left }
    const changes = before?.changesTo(found)
    for (const words of before?.odditiesOf(found) ?? [])
      terminal.note(`warning: ${printable(options.since ?? '')} is compared, although ${words}`)
    const policy = await inquiry.policy()
    await writeReports(options, found, { policy, places: options, inquiry, print: terminal.print })
    if (options.refused !== undefined) sayRefused(terminal, found, options.refused)
    else if (options.json) terminal.print(auditJson(found, changes && { changes }))
    else if (printed === undefined)
      (await import('../audit-report.ts')).sayAudit(terminal, found, { changes, knowsLetIn })
    return failures.length === 0 ? statusOf(found) : failed(found, changes, failures, terminal)
  } finally {
    clearTimeout(polite)
    reading.close()
  }
}

/** Others who want the processor come first from now on. */
function giveWay(): void {
  try {
    setPriority(POLITE)
  } catch {
    // Somebody made it politer already.
  }
}

function failuresNamed({ 'fail-on': named, since, contents }: Options): readonly Failure[] {
  const failures = namedByFailOn(named, Object.keys(FAILURES) as Failure[])
  if (failures.includes('new-refused') && since === undefined)
    throw new UsageError('--fail-on new-refused needs an earlier audit: --since FILE')
  if (failures.includes('differing') && !contents)
    throw new UsageError('--fail-on differing needs a look at the contents: --contents')
  return failures
}

/** Most audits have none, and print either words or JSON: what they do not need is not loaded. */
async function earlierOf(file: string | undefined): Promise<EarlierAudit | undefined> {
  return file === undefined ? undefined : (await import('../earlier-audit.ts')).openEarlier(file)
}

interface AskedHere extends Pick<AuditAsked, 'kind' | 'roots'> {
  /** At least how many roots were not followed. */
  readonly left: number
}

/** The paths that were named, the whole store, or by default what this machine runs. */
function askedOf({ paths, store }: Options): AskedHere {
  if (store) return { kind: 'store', roots: [], left: 0 }
  if (paths.some(path => resolve(path) === STORE_DIR))
    throw new UsageError(`${STORE_DIR} is the whole store; next: nixsig audit --store`)
  if (paths.length > 0) return { kind: 'paths', roots: [...new Set(paths.map(storePathOf))], left: 0 }
  const [system] = runningSystems()
  if (system !== undefined) return { kind: 'system', roots: [system], left: 0 }
  const { paths: roots, left } = pathsInUse(performance.now() + ROOTS_MS)
  // An audit of nothing would find nothing wrong.
  if (roots.length === 0) {
    const more = left === 0 ? '' : `, as far as they were followed (${left} were not)`
    throw new UsageError(
      `there is no running system (/run/current-system), and no profile or root that leads into the store${more}; next: name paths, or nixsig audit --store`,
    )
  }
  return { kind: 'paths', roots, left }
}

/** Paths that are named in a next step; with more of them somebody has to. */
const NAMED_AGAIN = 8

/** The command that makes the same audit again. */
function againOf({ paths, store, contents }: Options): string {
  const named = paths.length > NAMED_AGAIN ? ['PATH...'] : paths.map(storePathOf)
  return ['nixsig audit', ...(store ? ['--store'] : named), ...(contents ? ['--contents'] : [])].join(' ')
}

function sayRefused(terminal: Terminal, { groups, paths }: Audit, code: string): void {
  for (const group of groups.filter(one => one.code === code))
    for (const place of group.paths) terminal.print(paths[place]?.path ?? '')
}

function statusOf({ paths, unjudged }: Audit): Status {
  const codes = paths.filter(({ part }) => part === 'closure').map(({ status }) => status)
  return mostSevere(unjudged > 0 ? [...codes, 20] : codes)
}

function failed(
  found: Audit,
  changes: AuditChanges | undefined,
  failures: readonly Failure[],
  terminal: Terminal,
): Status {
  const all = failuresIn(found, changes, failures)
  for (const { failure, count } of all) terminal.warn(`nixsig: ${failure} (${count}): ${FAILURES[failure]}`)
  return all.length === 0 ? 0 : 1
}
