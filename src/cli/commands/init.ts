/** `nixsig init`: a policy that works for this machine, from five answers. */
import { dirname } from 'node:path'
import { CAUSE_WORDS } from '../../adopt/cause-words.ts'
import { jsonLine } from '../../explain/verdict-json.ts'
import { ownPlaces } from '../../files/own-places.ts'
import { lackOf } from '../../policy/lack.ts'
import type { Policy } from '../../policy/policy.ts'
import { printable } from '../../primitives/printable.ts'
import type { Answers } from '../../setup/init/answers.ts'
import type { Share } from '../../setup/init/share.ts'
import { hunks, lineDiff } from '../../setup/line-diff.ts'
import { DEFAULT_PLACES, type Places } from '../../verifier/places.ts'
import { askToAgree, hasTerminal, type Interview, openInterview } from '../ask.ts'
import { command, EVERYWHERE, type Invocation, JSON_OPTION, type PlaceName } from '../command.ts'
import type { Status } from '../exit-status.ts'
import {
  type AnswerOptions,
  answersIn,
  type Known,
  OPTION_OF,
  type PartialAnswers,
  suggestedAnswers,
} from '../init-answers.ts'
import { draftFor, type InitDraft, type InitTarget, lookForInit } from '../init-draft.ts'
import { noteAll, saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends AnswerOptions {
  readonly defaults: boolean
  readonly 'no-share': boolean
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly json: boolean
}

/** Makes a policy, or refines the one that is there. */
export const init = command({
  options: {
    build: {
      kind: 'values',
      value: 'KEY',
      text: '1: who may build: nix-conf (whom it trusts), a key or its name, self (this machine alone), or keep',
    },
    package: {
      kind: 'values',
      value: 'NAME=KEY',
      text: '2: who says that a source is the real one, with a key or its file; or nobody',
    },
    source: {
      kind: 'values',
      value: 'URL',
      text: '3: a source of attestations, the address at which others publish theirs; or none',
    },
    'source-key': { kind: 'values', value: 'NAME=KEY', text: 'Who signs there, as one more packager' },
    unsigned: {
      kind: 'value',
      value: 'WHAT',
      choices: ['exempt', 'refuse', 'pass', 'keep'],
      text: '4: what becomes of sources that nobody signs; exempt: they pass until a day',
    },
    until: { kind: 'value', value: 'DATE', text: 'The end of that exemption; 90 days from now by default' },
    derivations: {
      kind: 'value',
      value: 'WHO',
      choices: ['anybody', 'packagers', 'keep'],
      text: '5: who may write derivations; packagers: they have to sign them',
    },
    defaults: { kind: 'flag', text: 'Take the suggested answer to each question that no option answers' },
    'no-share': { kind: 'flag', text: 'Do not judge what is installed' },
    'dry-run': { kind: 'flag', text: 'Show the policy and what would pass under it, and write nothing' },
    yes: { kind: 'flag', text: 'Do not ask for confirmation' },
    json: JSON_OPTION,
  },
  examples: [
    ['init', 'Asks five questions, shows what changes, and asks before it writes'],
    ['init --defaults --dry-run', 'What it would suggest for this machine'],
    ['init --build nix-conf --package alice=alice-1.pub --defaults --yes', 'In a script'],
  ],
  epilogue: `Root's answers make the policy of the machine, which "nixsig setup" writes first and
init refines: what init does not ask about stays. Everybody else gets a policy of
their own, $XDG_CONFIG_HOME/nixsig/policy.toml, which changes nothing for the
machine. A new policy warns and refuses nothing. The one that was there is kept
beside it, and nothing is written before it was shown.`,
  reads: EVERYWHERE,
  run: makePolicy,
})

async function makePolicy(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  // One for all questions: what is typed ahead of a question answers it.
  let interview: Interview | undefined
  const asking = () => {
    interview ??= openInterview()
    return interview
  }
  const agree = (question: string) => askToAgree(question, interview)
  try {
    return await makePolicyBy(options, { places, terminal }, { asking, agree })
  } finally {
    interview?.close()
  }
}

/** Where questions are asked. */
interface Desk {
  asking(): Interview
  agree(question: string): Promise<boolean>
}

async function makePolicyBy(
  options: Options,
  { places, terminal }: Invocation<PlaceName>,
  desk: Desk,
): Promise<Status> {
  const target = targetOf(places)
  const found = lookForInit(target)
  const now = Math.floor(Date.now() / 1000)
  const known: Known = {
    keys: found.carried.keys,
    hasPolicy: found.before !== undefined,
    isLacking: found.before?.policy.mode === 'warn' && lackOf(found.before.policy) !== undefined,
    hasPackagers: found.before?.policy.groups.has('packagers') ?? false,
    now,
  }
  const answers = await answersFor(options, known, desk)
  const draft = draftFor(target, found, { answers, now })
  const isSame = draft.toml === found.before?.toml
  if (!options.json) showDraft(draft, options, terminal)
  const share =
    options['no-share'] || isSame
      ? undefined
      : await shareOf(draft.policy, { ...places, policy: target.file }, terminal)
  if (!options.json && share !== undefined) sayShare(share, terminal)
  const put = isSame || options['dry-run'] ? undefined : await putIfAgreed(draft, options, desk)
  if (options.json) terminal.print(jsonLine(outcomeJson({ draft, answers, share, put, isSame })))
  if (isSame) {
    if (!options.json) terminal.print('nothing to do: the policy is like this already')
    return 0
  }
  if (options['dry-run']) {
    terminal.note('nothing was written')
    return 0
  }
  if (put === undefined) {
    terminal.note('nothing was written')
    return 2
  }
  if (!options.json) sayDone(draft, put.copy, terminal)
  return saySettled(put.settled, terminal)
}

/** Root's is the machine's; everybody else's is their own, unless they name another. */
function targetOf(places: Places): InitTarget {
  const isRoot = process.geteuid?.() === 0
  const isNamed = places.policy !== DEFAULT_PLACES.policy
  const file = isRoot || isNamed ? places.policy : ownPlaces().policy
  const isMachine = isRoot && !isNamed && places.state === DEFAULT_PLACES.state
  return { file, directory: dirname(file), isRoot, isMachine }
}

/**
 * From the options, by default, or from whoever is asked. Throws UsageError where nobody can be.
 */
async function answersFor(options: Options, known: Known, { asking }: Desk): Promise<Answers> {
  const given = answersIn(options, known)
  const missing = (Object.keys(OPTION_OF) as (keyof Answers)[]).filter(name => given[name] === undefined)
  const suggested = suggestedAnswers(known)
  if (missing.length > 0 && !options.defaults) {
    if (!hasTerminal())
      throw new UsageError(
        `there is no terminal to ask at, and ${missing.map(name => OPTION_OF[name]).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; next: add ${missing.length === 1 ? 'it' : 'them'}, or --defaults for what is suggested`,
      )
    const { askRest } = await import('../init-questions.ts')
    return checked(await askRest(given, known, asking()), known)
  }
  return checked(merged(given, suggested), known)
}

function merged(given: PartialAnswers, suggested: Answers): Answers {
  return {
    build: given.build ?? suggested.build,
    packagers: given.packagers ?? suggested.packagers,
    sources: given.sources ?? suggested.sources,
    unsigned: given.unsigned ?? suggested.unsigned,
    derivations: given.derivations ?? suggested.derivations,
  }
}

function checked(answers: Answers, { hasPackagers }: Known): Answers {
  if (answers.derivations === 'packagers' && !hasPackagers && answers.packagers.length === 0)
    throw new UsageError('--derivations packagers: there is no packager; name one with --package NAME=KEY')
  return answers
}

function showDraft(draft: InitDraft, options: Options, terminal: Terminal): void {
  const { found, toml, file } = draft
  noteAll(found.notes, terminal)
  if (toml === found.before?.toml) return
  terminal.print(terminal.strong(`${found.before === undefined ? 'make' : 'change'} ${printable(file)}`))
  const lines = lineDiff(found.before?.toml ?? '', toml)
  for (const { mark, text } of found.before === undefined || options['dry-run'] ? lines : hunks(lines, 3)) {
    const line = `${mark} ${printable(text, text.length)}`.trimEnd()
    terminal.print(mark === '+' ? terminal.good(line) : mark === '-' ? terminal.bad(line) : line)
  }
  noteAll(draft.warnings, terminal)
}

/** What would pass; undefined, with a note why, where that cannot be told. */
async function shareOf(policy: Policy, places: Places, terminal: Terminal): Promise<Share | undefined> {
  const { shareOfInstalled } = await import('../init-share.ts')
  return shareOfInstalled(policy, places, terminal)
}

function sayShare({ installed, judged, passing, causes }: Share, terminal: Terminal): void {
  if (installed === 0) {
    terminal.print('nothing is installed that could be judged')
    return
  }
  const part = judged === 0 ? 0 : Math.floor((passing / judged) * 100)
  const of =
    judged === installed
      ? `${installed} installed paths`
      : `${judged} of ${installed} installed paths, taken at random,`
  terminal.print(`of ${of} ${passing} would pass (${part} %)`)
  for (const { code, paths, example } of causes.slice(0, 5))
    terminal.print(`  ${String(paths).padStart(6)}  ${CAUSE_WORDS[code].title}\n          such as ${example}`)
}

async function putIfAgreed(draft: InitDraft, { yes }: Options, { agree }: Desk) {
  if (!yes && !(await agree(`Write ${printable(draft.file)}?`))) return undefined
  const { putPolicy } = await import('../../setup/init/put.ts')
  return putPolicy(draft.putting)
}

function sayDone(
  { file, policy, found, isMachine }: InitDraft,
  copy: string | undefined,
  terminal: Terminal,
): void {
  const kept = copy === undefined ? '' : `; the policy that was there: ${printable(copy)}`
  terminal.print(`${terminal.good('done')}: ${printable(file)}${kept}`)
  if (!isMachine) return
  if (found.before === undefined)
    terminal.print('next: nixsig setup, which makes Nix ask nixsig; then look at what is warned of')
  else if (policy.mode === 'warn') terminal.print('next: look at what is warned of, then: nixsig enforce')
}

interface Outcome {
  readonly draft: InitDraft
  readonly answers: Answers
  readonly share: Share | undefined
  readonly put: { readonly copy: string | undefined } | undefined
  readonly isSame: boolean
}

function outcomeJson({ draft, answers, share, put, isSame }: Outcome) {
  const { build } = answers
  return {
    policy: draft.file,
    mode: draft.policy.mode,
    changes: !isSame,
    written: put !== undefined,
    copy: put?.copy ?? null,
    answers: {
      build: build === 'keep' ? build : build.keys.map(({ key }) => key),
      packagers: answers.packagers.map(({ name }) => name),
      sources: answers.sources,
      unsigned: answers.unsigned,
      derivations: answers.derivations,
    },
    share: share ?? null,
    warnings: draft.warnings,
    text: draft.toml,
  }
}
