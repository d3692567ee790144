import { jsonLine, verdictJson } from '../../explain/verdict-json.ts'
import { type ExitCode, exitCode } from '../../policy/exit-code.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Verdict } from '../../policy/verdict.ts'
import { paragraph } from '../../policy/wording.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import { type Contents, closureOf, verifyPath } from '../../verifier/verify.ts'
import { command, EVERYWHERE, type Invocation, isUsualSetting, type PlaceName } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { finishInterrupted } from '../finish-interrupted.ts'
import { sayGrounds } from '../print-verdict.ts'
import { isRoot, needsGate, openReadableInquiry } from '../readable-inquiry.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'
import { type JudgedPath, totals } from '../totals.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly paths: readonly string[]
  readonly recursive: boolean
  readonly from: readonly string[]
  readonly json: boolean
  readonly quiet: boolean
  readonly 'by-mode': boolean
  readonly 'no-contents': boolean
  readonly 'read-only': boolean
}

/** `nixsig verify [PATH…]`: judges store paths by the evidence as it is now. */
export const verify = command({
  arguments: {
    paths: {
      count: 'any number',
      text: 'Store paths, or links to them like ./result; without any, only finish what was interrupted',
    },
  },
  options: {
    recursive: { kind: 'flag', text: 'Also judge everything that they refer to' },
    from: {
      kind: 'values',
      value: 'URL',
      text: 'Judge what this binary cache offers, before anything is fetched',
    },
    'no-contents': {
      kind: 'flag',
      text: "Do not hash what lies on the disk: take the hash in Nix's database",
    },
    'read-only': {
      kind: 'flag',
      text: 'Write nothing on this machine: what sources answer is forgotten, and nothing interrupted is finished',
    },
    json: { kind: 'flag', text: 'Print one JSON object a line for each path' },
    quiet: { kind: 'flag', text: 'Print only paths that are not trusted' },
    'by-mode': {
      kind: 'flag',
      text: 'Exit with 0 while the policy only warns, for scripts that must not be stricter than it',
    },
  },
  examples: [
    ['verify ./result', 'judges what ./result leads to'],
    ['verify /run/current-system --recursive --json', 'a whole system, for a script'],
    ['verify PATH --recursive --from https://cache.nixos.org', 'before downloading six gigabytes'],
  ],
  reads: EVERYWHERE,
  ownPolicy: 'without-another',
  run: judgePaths,
})

async function judgePaths(options: Options, invocation: Invocation<PlaceName>): Promise<Status> {
  if (!options['read-only']) return judge(options, invocation)
  const { withBorrowedMirrors } = await import('../borrowed-mirrors.ts')
  return withBorrowedMirrors(invocation.places, places => judge(options, { ...invocation, places }))
}

async function judge(options: Options, invocation: Invocation<PlaceName>): Promise<Status> {
  const { terminal, places } = invocation
  const isReadOnly = options['read-only']
  const paths = options.paths.map(storePathOf)
  if (paths.length === 0 && isReadOnly) throw new UsageError('which path? (--read-only finishes nothing)')
  if (paths.length === 0 && !isRoot()) {
    throw new UsageError('which path? (only root can finish what interrupted hooks left)')
  }
  if (paths.length === 0) return mostSevere((await finishInterrupted(invocation)).map(exitCode))
  // Judged under another policy, what was left would get a verdict that is not this machine's.
  if (isRoot() && !isReadOnly && isUsualSetting(places)) await finishInterrupted(invocation)

  const contents = options['no-contents'] ? 'registered' : 'hashed'
  const isHere = options.from.length === 0
  if (isHere && options['no-contents']) {
    terminal.note("contents are not hashed (--no-contents): the hashes in Nix's database are judged instead")
  }
  if (isHere && needsGate(places)) {
    const { verdictsByGate } = await import('../verify-by-gate.ts')
    return report(verdictsByGate(places, { ...options, paths, contents }, terminal), options, terminal)
  }
  const quietly = isReadOnly ? ({ notesConflicts: false } as const) : {}
  const inquiry = openReadableInquiry(places, { records: false, ...quietly })
  try {
    const verdicts = isHere
      ? verdictsHere(inquiry, { ...options, paths, contents }, terminal)
      : verdictsThere(inquiry, { ...options, paths }, terminal)
    const policy = await inquiry.policy().catch(() => undefined)
    const asked = inWords(verdicts, policy?.mode, isHere ? contents : undefined)
    return await report(asked, options, terminal)
  } finally {
    inquiry.close()
  }
}

async function* inWords(
  verdicts: AsyncGenerator<Verdict>,
  mode: Policy['mode'] | undefined,
  contents: Contents | undefined,
): AsyncGenerator<JudgedPath> {
  for await (const verdict of verdicts) {
    yield { json: verdictJson(verdict, contents), text: paragraph(verdict, mode), mode }
  }
}

/** Prints verdicts as they come, and how many there are of each kind. */
async function report(
  paths: AsyncGenerator<JudgedPath>,
  options: Pick<Options, 'json' | 'quiet' | 'by-mode'>,
  terminal: Terminal,
): Promise<Status> {
  const codes: ExitCode[] = []
  let isStrict = !options['by-mode']
  for await (const { json, text, mode } of paths) {
    codes.push(json.status)
    isStrict ||= mode !== 'warn'
    if (options.quiet && json.status === 0) continue
    if (options.json) terminal.print(jsonLine(json))
    else sayGrounds(terminal, text, json.outcome)
  }
  if (!options.json && codes.length > 1) terminal.note(totals(codes))
  return isStrict ? mostSevere(codes) : 0
}

/** Of what is in the store. */
async function* verdictsHere(
  inquiry: Inquiry,
  { paths, recursive, contents }: Pick<Options, 'paths' | 'recursive'> & { readonly contents: Contents },
  terminal: Terminal,
): AsyncGenerator<Verdict> {
  const all = recursive ? await closureOf(inquiry, paths) : [...new Set(paths)]
  for (const [index, path] of all.entries()) {
    terminal.progress(`judging ${index + 1} of ${all.length} paths`)
    yield await verifyPath(inquiry, path, contents)
  }
}

/** Of what binary caches offer. */
async function* verdictsThere(
  inquiry: Inquiry,
  options: Pick<Options, 'paths' | 'recursive' | 'from'>,
  terminal: Terminal,
): AsyncGenerator<Verdict> {
  const { judgeOffered, upstreamsFrom } = await import('../offered-paths.ts')
  const upstreams = upstreamsFrom(await inquiry.policy(), options.from)
  let count = 0
  try {
    for await (const verdict of judgeOffered(inquiry, upstreams, options)) {
      count++
      terminal.progress(`judged ${count} paths`)
      yield verdict
    }
  } finally {
    for (const upstream of upstreams) upstream.close()
  }
}
