import { jsonLine } from '../../explain/verdict-json.ts'
import { judgeRevision, type RevisionVerdict } from '../../expressions/judge-revision.ts'
import { nearestTrusted } from '../../expressions/nearest.ts'
import { compareFiles, type FilesMatch } from '../../expressions/same-files.ts'
import { ArgumentError } from '../../files/regular-file.ts'
import { comesAfter } from '../../git/history.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { sayVerdict } from '../print-verdict.ts'
import {
  type Judged,
  judging,
  REPOSITORY_ARGUMENTS,
  REQUIREMENT_OPTIONS,
  repositoryArguments,
} from '../repository-argument.ts'
import { revisionJson, sayFiles, saySigners } from '../say-revision.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** The status if the files are not those of a commit that is trusted. */
const OTHER_FILES = 13

interface Options {
  readonly revisions: readonly string[]
  readonly since: string | undefined
  readonly files: string | undefined
  readonly url: string | undefined
  readonly require: readonly string[]
  readonly json: boolean
}

/**
 * `nixsig git verify [REPOSITORY] [[OLD] REVISION]`: whether enough of the right people signed a
 * commit.
 */
export const gitVerify = command({
  arguments: {
    revisions: {
      count: 'any number',
      text: `${REPOSITORY_ARGUMENTS.revisions.text}; with two commits, OLD and NEW, the nearest trusted one is printed that comes after OLD, or OLD itself`,
    },
  },
  options: {
    ...REQUIREMENT_OPTIONS,
    since: {
      kind: 'value',
      value: 'OLD',
      text: 'Print the nearest trusted commit, from the named one back to this one: the same as two commits',
    },
    files: {
      kind: 'value',
      value: 'DIR',
      text: 'Also hold this directory, such as an unpacked archive or a channel, against the files of the commit',
    },
    json: { kind: 'flag', text: 'Print one JSON object in a line' },
  },
  examples: [
    ['git verify', 'The commit that is checked out here'],
    [
      'git verify ../nixpkgs HEAD --require team --require reviewer:carol',
      'By other people than the policy asks for',
    ],
    ['git verify ../nixpkgs v1.0 main', 'The nearest trusted commit, from main back to v1.0'],
    ['git verify ../tool v1.0 --files ./tool-1.0', 'Whether the unpacked release is what they signed'],
  ],
  reads: ['policy'],
  ownPolicy: 'first',
  run: verifyRevision,
})

async function verifyRevision(options: Options, { places, terminal }: Invocation<'policy'>): Promise<Status> {
  const { place, revisions } = repositoryArguments(options.revisions, 2)
  const [first = 'HEAD', second] = revisions
  if (second !== undefined && options.since !== undefined) {
    throw new UsageError('--since and two commits say the same: give one of them')
  }
  const old = second === undefined ? options.since : first
  const { url, require, files, json } = options
  if (old !== undefined && files !== undefined) throw new UsageError('--files is about one commit')
  return judging({ place, url, require, policyFile: places.policy }, async judged => {
    const { repository, policy } = judged
    const commit = await repository.resolve(second ?? first)
    if (old !== undefined) {
      const until = await repository.resolve(old)
      return printNearest({ ...judged, commit, until }, json, terminal)
    }
    const verdict = await judgeRevision(policy, { ...judged, commit }, Math.floor(Date.now() / 1000))
    const match = files === undefined ? undefined : await compareFiles(repository, commit, files)
    const status = await print(verdict, { ...judged, json, match }, terminal)
    return status === 0 && match !== undefined && match.matches === undefined ? OTHER_FILES : status
  })
}

interface Range extends Judged {
  readonly commit: string
  readonly until: string
}

async function printNearest(range: Range, json: boolean, terminal: Terminal): Promise<Status> {
  const { policy, repository, commit, until } = range
  if (!(await comesAfter(repository, until, commit))) throw notAfter(range)
  const now = Math.floor(Date.now() / 1000)
  const { found, gaveUp } = await nearestTrusted(policy, range, now)
  if (gaveUp !== undefined) terminal.note(`the search ended ${gaveUp}`)
  if (found !== undefined && !json) {
    terminal.print(found.commit)
    return 0
  }
  if (found === undefined) terminal.note(`no commit from ${commit} back to ${until} is trusted`)
  return print(found ?? (await judgeRevision(policy, range, now)), { ...range, json }, terminal)
}

function notAfter({ repository: { shallowFile }, commit, until }: Range): ArgumentError {
  const isCut = shallowFile !== undefined
  const seen = isCut ? 'in what this shallow clone has of the history, ' : ''
  const next = isCut
    ? 'git fetch --unshallow, and look again'
    : 'find out who changed the history, or name a commit that comes after it'
  return new ArgumentError(`${seen}${commit} does not come after ${until}; next: ${next}`)
}

interface Printing extends Pick<Judged, 'repository' | 'url'>, Pick<Options, 'json'> {
  readonly match?: FilesMatch | undefined
}

async function print(
  judged: RevisionVerdict,
  { repository, url, json, match }: Printing,
  terminal: Terminal,
): Promise<Status> {
  if (json) terminal.print(jsonLine({ ...revisionJson(url, judged), ...(match && { files: match }) }))
  else {
    await saySigners(terminal, repository, judged)
    sayVerdict(terminal, judged.verdict)
    if (match !== undefined) sayFiles(terminal, judged.commit, match)
  }
  return exitCode(judged.verdict)
}
