import { type ExitCode, exitCode } from '../../policy/exit-code.ts'
import type { Verdict } from '../../policy/verdict.ts'
import { paragraph } from '../../policy/wording.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import type { Contents } from '../../verifier/verify.ts'
import { type AddCommand, type Invocation, isUsualSetting, runs } from '../command.ts'
import { openReadableInquiry } from '../readable-inquiry.ts'
import { sayVerdict } from '../say-verdict.ts'
import { mostSevere, type Status } from '../status.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { verdictLine } from '../verdict-json.ts'

interface Options {
  readonly paths: readonly string[]
  readonly recursive: boolean
  readonly from: readonly string[] | undefined
  readonly json: boolean
  readonly quiet: boolean
  readonly 'by-mode': boolean
  readonly 'no-contents': boolean
}

/** `nixsig verify [PATH…]`: judges paths of the store by the evidence as it is now. */
export const verify: AddCommand = yargs =>
  yargs.command(
    'verify [paths..]',
    'Judge paths of the store, and first finish what killed hooks left (root)',
    command =>
      command
        .positional('paths', {
          type: 'string',
          array: true,
          default: [] as string[],
          describe: 'Store paths, or links to them like ./result; none: only finish what was left',
        })
        .option('recursive', { type: 'boolean', default: false, describe: 'With all that they refer to' })
        .option('from', {
          type: 'string',
          array: true,
          requiresArg: true,
          describe: 'Judge what this binary cache offers, before anything is fetched; may be repeated',
        })
        .option('no-contents', {
          type: 'boolean',
          default: false,
          describe: "Do not hash what lies on the disk: take the word of Nix's database for it",
        })
        .option('json', { type: 'boolean', default: false, describe: 'One JSON object a line and path' })
        .option('quiet', { type: 'boolean', default: false, describe: 'Tell only what is not trusted' })
        .option('by-mode', {
          type: 'boolean',
          default: false,
          describe: 'End with 0 while the policy only warns, for scripts that must not be stricter than it',
        })
        .example('$0 verify ./result', 'judges what ./result leads to')
        .example('$0 verify /run/current-system --recursive --json', 'a whole system, for a script')
        .example('$0 verify PATH --recursive --from https://cache.nixos.org', 'before six gigabytes come'),
    runs(judgePaths),
  )

async function judgePaths(options: Options, invocation: Invocation): Promise<Status> {
  const { terminal, places } = invocation
  const paths = options.paths.map(storePathOf)
  if (paths.length === 0 && !isRoot()) {
    throw new UsageError('which path? (only root can finish what killed hooks left)')
  }
  if (paths.length === 0) return mostSevere((await finishInterrupted(invocation)).map(exitCode))
  // Judged under another policy, what was left would get a verdict that is not this machine's.
  if (isRoot() && isUsualSetting(places)) await finishInterrupted(invocation)

  const contents = options['no-contents'] ? 'registered' : 'hashed'
  const isHere = options.from === undefined
  if (isHere && options['no-contents']) {
    terminal.note(
      "contents are not hashed (--no-contents): what is judged is what Nix's database says of them",
    )
  }
  const inquiry = openReadableInquiry(places, { records: false })
  try {
    const verdicts =
      options.from === undefined
        ? verdictsHere(inquiry, { ...options, paths, contents }, terminal)
        : verdictsThere(inquiry, { ...options, paths, from: options.from }, terminal)
    const codes: ExitCode[] = []
    for await (const verdict of verdicts) {
      const code = exitCode(verdict)
      codes.push(code)
      if (options.quiet && code === 0) continue
      if (options.json) terminal.print(verdictLine(verdict, isHere ? contents : undefined))
      else sayVerdict(terminal, verdict)
    }
    const isOnlyTold = options['by-mode'] && (await inquiry.policy()).mode === 'warn'
    return isOnlyTold ? 0 : mostSevere(codes)
  } finally {
    inquiry.close()
  }
}

/** Of what is in the store. */
async function* verdictsHere(
  inquiry: Inquiry,
  { paths, recursive, contents }: Pick<Options, 'paths' | 'recursive'> & { readonly contents: Contents },
  terminal: Terminal,
): AsyncGenerator<Verdict> {
  const { closureOf, verifyPath } = await import('../../verifier/verify.ts')
  const all = recursive ? await closureOf(inquiry, paths) : [...new Set(paths)]
  for (const [index, path] of all.entries()) {
    terminal.progress(`judging ${index + 1} of ${all.length} paths`)
    yield await verifyPath(inquiry, path, contents)
  }
}

/** Of what binary caches offer. */
async function* verdictsThere(
  inquiry: Inquiry,
  options: Pick<Options, 'paths' | 'recursive'> & { readonly from: readonly string[] },
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

/** Tells on standard error what became of what hooks left unfinished; what was refused of it. */
async function finishInterrupted({ terminal, places }: Invocation): Promise<readonly Verdict[]> {
  const { finishWhatWasInterrupted } = await import('../../verifier/interrupted.ts')
  const { takenOutLines } = await import('../../quarantine/wording.ts')
  const inquiry = openReadableInquiry(places, { records: true })
  const outcomes = await finishWhatWasInterrupted(inquiry, 'all').finally(() => inquiry.close())
  for (const { admitted, refusals, taken } of outcomes) {
    for (const path of admitted)
      terminal.note(`finished: ${path} had been built and not judged, and is trusted`)
    for (const refusal of refusals) terminal.note(`finished: ${paragraph(refusal)}`)
    for (const line of takenOutLines(taken)) terminal.note(`  ${line}`)
  }
  return outcomes.flatMap(({ refusals }) => refusals)
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}
