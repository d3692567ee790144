import { judgeRevision, type RevisionVerdict } from '../../expressions/judge-revision.ts'
import { type Nearest, nearestTrusted } from '../../expressions/nearest.ts'
import { titleOf } from '../../expressions/sign-revision.ts'
import { escapedDiff } from '../../git/diff.ts'
import { NIXSIG_NOTES } from '../../git/notes.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { counted } from '../../primitives/counted.ts'
import { printable } from '../../primitives/printable.ts'
import { adviceFor } from '../advice.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { sayGroundsOf } from '../print-verdict.ts'
import {
  type Judged,
  judging,
  REPOSITORY_ARGUMENTS,
  REQUIREMENT_OPTIONS,
  repositoryArguments,
} from '../repository-argument.ts'
import { revisionJson, saySigners } from '../say-revision.ts'
import { saySection } from '../say-section.ts'
import type { Terminal } from '../terminal.ts'
import { jsonLine } from '../verdict-json.ts'

interface Options {
  readonly revisions: readonly string[]
  readonly url: string | undefined
  readonly require: readonly string[]
}

/** `nixsig git status [REPOSITORY] [REVISION]`: what is missing, and since which commit. */
export const gitStatus = command({
  arguments: REPOSITORY_ARGUMENTS,
  options: {
    ...REQUIREMENT_OPTIONS,
    json: { kind: 'flag', text: 'Print one JSON object in a line' },
  },
  examples: [['git status', 'What is missing on the commit here, and the last one that has it all']],
  reads: ['policy'],
  ownPolicy: 'first',
  run: (options: Options & { readonly json: boolean }, invocation) =>
    withHistory(options, invocation, async search => {
      if (options.json) invocation.terminal.print(jsonLine(statusJson(search)))
      else await sayStatus(invocation.terminal, search)
      return exitCode(search.head.verdict)
    }),
})

/** `nixsig git diff [REPOSITORY] [REVISION]`: what is new, for whoever signs next. */
export const gitDiff = command({
  arguments: REPOSITORY_ARGUMENTS,
  options: {
    ...REQUIREMENT_OPTIONS,
    stat: { kind: 'flag', text: 'Only which files changed, and how much' },
  },
  examples: [['git diff', 'What there is to read since the last commit that enough people signed']],
  reads: ['policy'],
  ownPolicy: 'first',
  run: (options: Options & { readonly stat: boolean }, invocation) =>
    withHistory(options, invocation, async ({ repository, head, nearest }) => {
      const { terminal } = invocation
      if (nearest.found === undefined) {
        const next = 'next: nixsig git status tells what is missing'
        terminal.note(`nothing to compare with: ${noneWords(nearest)}; ${next}`)
        return exitCode(head.verdict)
      }
      const range = { from: nearest.found.commit, to: head.commit, summary: options.stat }
      for await (const text of escapedDiff(repository, range)) terminal.print(text)
      return 0
    }),
})

interface Searched extends Judged {
  readonly head: RevisionVerdict
  readonly nearest: Nearest
}

/** Judges a commit and its history by ids: `nixsig git verify` hashes the contents as well. */
async function withHistory(
  { revisions: words, url, require }: Options,
  { places }: Invocation<'policy'>,
  use: (searched: Searched) => Promise<Status>,
): Promise<Status> {
  const { place, revisions } = repositoryArguments(words, 1)
  return judging({ place, url, require, policyFile: places.policy }, async judged => {
    const { repository, policy } = judged
    const commit = await repository.resolve(revisions[0] ?? 'HEAD')
    const question = { ...judged, commit, contents: 'by-id' } as const
    const now = Math.floor(Date.now() / 1000)
    const head = await judgeRevision(policy, question, now)
    const isEnough = head.verdict.outcome === 'trusted'
    const nearest = isEnough ? { found: head, walked: 1 } : await nearestTrusted(policy, question, now)
    return use({ ...judged, head, nearest })
  })
}

async function sayStatus(terminal: Terminal, { repository, head, nearest }: Searched): Promise<void> {
  await saySigners(terminal, repository, head)
  sayGroundsOf(terminal, head.verdict)
  const { found, walked } = nearest
  if (found === undefined) {
    terminal.print(`nearest trusted commit: ${noneWords(nearest)}`)
  } else if (found.commit !== head.commit) {
    const title = titleOf(await repository.objects.read(found.commit, 'commit'))
    terminal.print(
      `nearest trusted commit: ${counted(walked - 1, 'commit')} back (nixsig git diff shows what changed since)`,
    )
    terminal.print(`  ${found.commit} ${printable(title, 120)}`)
  }
  saySection(terminal, 'what to do', adviceFor(head.verdict))
  if (head.verdict.outcome !== 'trusted' && !repository.refs.has(NIXSIG_NOTES)) {
    terminal.note("a clone comes without notes, which may have others' signatures: nixsig git fetch origin")
  }
  terminal.note("judged by git's ids: nixsig git verify hashes the contents as well")
}

function noneWords({ walked, gaveUp }: Nearest): string {
  return gaveUp === undefined
    ? `none in the whole history of ${counted(walked, 'commit')}`
    : `none found; the search ended ${gaveUp}`
}

function statusJson({ url, head, nearest }: Searched) {
  const { found, walked, gaveUp } = nearest
  return {
    ...revisionJson(url, head),
    nearest: found === undefined ? null : revisionJson(url, found),
    walked,
    ...(gaveUp === undefined ? {} : { gaveUp }),
  }
}
