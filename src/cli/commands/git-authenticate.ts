import { type Answer, authenticate } from '../../git/authenticate/authenticate.ts'
import { exitStatusOf } from '../../git/authenticate/exit-status.ts'
import { memoryDirectory } from '../../git/authenticate/memory.ts'
import { type Introduction, SEMANTICS, type SemanticsName } from '../../git/authenticate/semantics.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../status.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly repo: string | undefined
  readonly revision: string | undefined
  readonly semantics: SemanticsName
  readonly introduction: string
  readonly signer: string | undefined
  readonly keyring: string
  readonly all: boolean
  readonly json: boolean
}

/**
 * `nixsig git authenticate [REPO] [REVISION] --semantics NAME --introduction COMMIT`: a history, by
 * the rules that it carries itself.
 */
export const gitAuthenticate = command({
  arguments: {
    repo: {
      count: 'at most one',
      text: 'The repository, bare or the top of a work tree; by default this one',
    },
    revision: { count: 'at most one', text: 'A whole id, HEAD, a branch or a tag; by default HEAD' },
  },
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
    keyring: {
      kind: 'value',
      value: 'BRANCH',
      fallback: 'keyring',
      text: 'guix: the branch with the keys',
    },
    all: { kind: 'flag', text: 'Look at all commits again, whatever was found before, and remember nothing' },
    json: { kind: 'flag', text: 'Print the result as JSON' },
  },
  examples: [
    ['git authenticate --semantics guix --introduction 9edb… --signer BBB0…', ''],
    ['git authenticate sequoia-git v1.0 --semantics sequoia-git --introduction e4d2…', ''],
  ],
  epilogue:
    'docs/semantics.md (A1 to A8) says by which rules. Nothing in the repository is run or obeyed: configuration, hooks, grafts, replacements and alternates have no effect.',
  run,
})

async function run(options: Options, { terminal, places }: Invocation): Promise<Status> {
  const introduction = introductionOf(options)
  const answer = await authenticate({
    place: options.repo ?? '.',
    introduction,
    revision: options.revision ?? 'HEAD',
    keyring: options.keyring,
    memory: options.all ? undefined : memoryDirectory(places.state),
    now: Math.floor(Date.now() / 1000),
  })
  for (const remark of answer.remarks) terminal.note(remark)
  terminal.print(options.json ? JSON.stringify(jsonOf(answer)) : wordsOf(terminal, introduction, answer))
  return answer.outcome === 'authentic' ? 0 : exitStatusOf(answer.refusal.code)
}

function introductionOf({ semantics, introduction, signer }: Options): Introduction {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(introduction)) {
    throw new UsageError('--introduction takes the whole id of a commit: 40 or 64 lower-case hex digits')
  }
  if (semantics === 'sequoia-git') {
    if (signer !== undefined) throw new UsageError('--signer belongs to --semantics guix')
    return { semantics, commit: introduction }
  }
  const digits = signer?.replaceAll(' ', '').toUpperCase() ?? ''
  if (/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(digits))
    return { semantics, commit: introduction, signer: digits }
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
    `  ${total} ${total === 1 ? 'commit' : 'commits'} verified now${before}`,
    ...signers.map(([key, count]) => `  ${String(count).padStart(8)} by ${printable(key)}`),
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
