import { judgeRevision } from '../../expressions/judge-revision.ts'
import { type Answer, authenticate } from '../../git/authenticate/authenticate.ts'
import { exitStatusOf } from '../../git/authenticate/exit-status.ts'
import { memoryDirectory } from '../../git/authenticate/memory.ts'
import { type Introduction, SEMANTICS, type SemanticsName } from '../../git/authenticate/semantics.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { counted } from '../../primitives/counted.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { sayVerdict } from '../print-verdict.ts'
import {
  judging,
  REPOSITORY_ARGUMENTS,
  REQUIREMENT_OPTIONS,
  repositoryArguments,
} from '../repository-argument.ts'
import { revisionJson, saySigners } from '../say-revision.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { jsonLine } from '../verdict-json.ts'

interface Options {
  readonly revisions: readonly string[]
  readonly semantics: SemanticsName
  readonly introduction: string
  readonly signer: string | undefined
  readonly keyring: string
  readonly require: readonly string[]
  readonly url: string | undefined
  readonly all: boolean
  readonly json: boolean
}

/**
 * `nixsig git authenticate [REPOSITORY] [REVISION] --semantics NAME --introduction COMMIT`: a
 * history, by the rules that it carries itself, and on top of them the user's own.
 */
export const gitAuthenticate = command({
  arguments: REPOSITORY_ARGUMENTS,
  options: {
    semantics: {
      kind: 'value',
      value: 'NAME',
      required: true,
      choices: SEMANTICS,
      text: "Whose rules: Guix's (all parents authorize) or sequoia-git's (one parent does)",
    },
    introduction: {
      kind: 'value',
      value: 'COMMIT',
      required: true,
      text: 'The commit at which trust begins: its whole id, from a source that you trust',
    },
    signer: { kind: 'value', value: 'FINGERPRINT', text: 'guix: the key that signed the introduction' },
    keyring: { kind: 'value', value: 'BRANCH', fallback: 'keyring', text: 'guix: the branch with the keys' },
    require: {
      ...REQUIREMENT_OPTIONS.require,
      text: 'Who must have signed this very commit besides: a principal or a group of the policy, or ROLE:WHO',
    },
    url: REQUIREMENT_OPTIONS.url,
    all: { kind: 'flag', text: 'Look at all commits again, whatever was found before, and remember nothing' },
    json: { kind: 'flag', text: 'Print one JSON object in a line' },
  },
  examples: [
    [
      'git authenticate --semantics guix --introduction 9edb… --signer BBB0…',
      'A channel of Guix, from the commit and the key in its introduction',
    ],
    [
      'git authenticate ../frob v1.0 --semantics sequoia-git --introduction e4d2… --require team',
      'A release by the rules of its openpgp-policy.toml, which your team signed as well',
    ],
  ],
  epilogue:
    'docs/semantics.md (A1 to A9) has the rules. Nothing in the repository is run or obeyed: configuration, hooks, grafts, replacements and alternates have no effect.',
  reads: ['policy', 'state'],
  ownPolicy: 'first',
  run: authenticateHistory,
})

async function authenticateHistory(
  options: Options,
  { terminal, places }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  const { place, revisions } = repositoryArguments(options.revisions, 1)
  const introduction = introductionOf(options)
  const answer = await authenticate({
    place,
    introduction,
    revision: revisions[0] ?? 'HEAD',
    keyring: options.keyring,
    memory: options.all ? undefined : memoryDirectory(places.state),
    now: Math.floor(Date.now() / 1000),
  })
  for (const remark of answer.remarks) terminal.note(remark)
  if (answer.outcome === 'refused' || options.require.length === 0) {
    terminal.print(options.json ? jsonLine(jsonOf(answer)) : wordsOf(terminal, introduction, answer))
    return answer.outcome === 'authentic' ? 0 : exitStatusOf(answer.refusal.code)
  }
  if (!options.json) terminal.print(wordsOf(terminal, introduction, answer))
  return alsoSigned({ place, answer, options, policyFile: places.policy }, terminal)
}

interface Besides {
  readonly place: string
  readonly answer: Answer
  readonly options: Options
  readonly policyFile: string
}

/** Whether those whom `--require` names signed the tip. */
async function alsoSigned(
  { place, answer, options, policyFile }: Besides,
  terminal: Terminal,
): Promise<Status> {
  const { url, require, json } = options
  return judging({ place, url, require, policyFile }, async ({ repository, url, policy }) => {
    const question = { repository, url, commit: answer.tip }
    const judged = await judgeRevision(policy, question, Math.floor(Date.now() / 1000))
    if (json) terminal.print(jsonLine({ ...jsonOf(answer), signed: revisionJson(url, judged) }))
    else {
      await saySigners(terminal, repository, judged)
      sayVerdict(terminal, judged.verdict)
    }
    return exitCode(judged.verdict)
  })
}

function introductionOf({ semantics, introduction, signer }: Options): Introduction {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(introduction)) {
    throw new UsageError('--introduction takes the whole id of a commit: 40 or 64 lower-case hex digits')
  }
  if (semantics === 'sequoia-git') {
    if (signer === undefined) return { semantics, commit: introduction }
    throw new UsageError('--signer belongs to --semantics guix')
  }
  const digits = signer?.replaceAll(' ', '').toUpperCase() ?? ''
  if (/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(digits)) {
    return { semantics, commit: introduction, signer: digits }
  }
  throw new UsageError(
    '--semantics guix needs --signer: the whole fingerprint of the key that signed the introduction',
  )
}

function wordsOf(terminal: Terminal, { semantics, commit }: Introduction, answer: Answer): string {
  if (answer.outcome === 'refused') {
    const { refusal } = answer
    return [
      `${terminal.bad('refused')} ${answer.tip}`,
      `  commit: ${refusal.commit}`,
      `  rule: ${refusal.rule}, ${semantics}`,
      `  needed: ${refusal.needed}`,
      `  found: ${refusal.found}`,
      `  next: ${refusal.next}`,
    ].join('\n')
  }
  const total = [...answer.signers.values()].reduce((sum, each) => sum + each, 0)
  const before = answer.since === undefined ? '' : ', the others before'
  const signers = [...answer.signers].sort(([, a], [, b]) => b - a)
  return [
    `${terminal.good('authentic')} ${answer.tip}`,
    `  since the introduction ${commit}, by the rules of ${semantics}`,
    `  ${counted(total, 'commit')} verified now${before}`,
    ...signers.map(([key, count]) => `  ${String(count).padStart(8)} by ${key}`),
  ].join('\n')
}

/** Fields are added in later versions, none is taken away or changes its meaning. */
function jsonOf(answer: Answer): object {
  if (answer.outcome === 'refused') {
    const status = exitStatusOf(answer.refusal.code)
    return { outcome: 'refused', tip: answer.tip, status, ...answer.refusal }
  }
  const { tip, signers, since = null } = answer
  return { outcome: 'authentic', tip, status: 0, signers: Object.fromEntries(signers), since }
}
