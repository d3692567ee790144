/** `nixsig audit`: what stands on whose word. */
import project from '../../../package.json' with { type: 'json' }
import type { Audit } from '../../audit/audit.ts'
import { auditJson } from '../../audit/json.ts'
import { auditHere } from '../../audit/run.ts'
import { pathsInUse, runningSystems } from '../../status/in-use.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import { sayAudit } from '../audit-report.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { openProgressHere } from '../progress-bar.ts'
import { openReadersInquiry, readerHere } from '../readable-inquiry.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { storePathOf } from '../store-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly paths: readonly string[]
  readonly store: boolean
  readonly contents: boolean
  readonly timeout: string
  readonly json: boolean
}

/** The longest time for judging. */
const MOST_SECONDS = 99_999

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
    ['audit --store --contents', 'everything, with a look at the bytes'],
  ],
  reads: EVERYWHERE,
  run: auditMachine,
})

async function auditMachine(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  const patience = millisecondsOf('--timeout', options.timeout, MOST_SECONDS)
  if (options.store && options.paths.length > 0)
    throw new UsageError('--store is everything: give no paths besides')
  const reading = openReadersInquiry(places, terminal.note)
  const progress = openProgressHere(terminal)
  try {
    const { inquiry } = reading
    const found = await auditHere(inquiry, {
      asked: await askedOf(options, inquiry),
      end: performance.now() + patience,
      version: project.version,
      reader: readerHere(),
      onBegin: progress.begin,
      onJudged: progress.step,
    })
    if (options.json) terminal.print(auditJson(found))
    else sayAudit(terminal, found)
    return statusOf(found)
  } finally {
    reading.close()
  }
}

/** The paths that were named, the whole store, or by default what this machine runs. */
async function askedOf({ paths, store, contents }: Options, inquiry: Inquiry): Promise<Audit['asked']> {
  if (store) {
    const all = await (await inquiry.store()).allValidPaths()
    return { kind: 'store', roots: [...all].sort(), contents }
  }
  if (paths.length > 0) return { kind: 'paths', roots: [...new Set(paths.map(storePathOf))], contents }
  const [system] = runningSystems()
  if (system !== undefined) return { kind: 'system', roots: [system], contents }
  const used = pathsInUse(performance.now() + ROOTS_MS)
  return { kind: 'paths', roots: used.paths, contents }
}

const ROOTS_MS = 10_000

function statusOf({ paths, unjudged }: Audit): Status {
  const codes = paths.filter(({ part }) => part === 'closure').map(({ status }) => status)
  return mostSevere(unjudged > 0 ? [...codes, 20] : codes)
}
