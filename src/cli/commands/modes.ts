/** `nixsig enforce` and `nixsig warn`: whether untrusted paths are refused or only reported. */

import { lackOf } from '../../policy/lack.ts'
import { when } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import { machinePlaces } from '../../setup/places.ts'
import type { Places } from '../../verifier/places.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { respiteEnd } from '../respite-time.ts'
import { assertOwnMachine, saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface EnforceOptions {
  readonly force: boolean
}

/** `nixsig enforce`: from now on, untrusted paths are refused. */
export const enforce = command({
  options: {
    force: {
      kind: 'flag',
      text: 'Even if the policy trusts nobody, so that nearly everything is refused',
    },
  },
  examples: [['enforce', 'Once no warning is left about paths that you use']],
  run: refuseFromNowOn,
})

async function refuseFromNowOn({ force }: EnforceOptions, { terminal }: Invocation): Promise<Status> {
  assertOwnMachine('enforce')
  const { policyInForce, switchMode } = await import('../../setup/switch-mode.ts')
  const all = machinePlaces()
  const { cutShort } = await import('../../setup/respite.ts')
  const ended = await cutShort(all, Math.floor(Date.now() / 1000))
  if (ended?.wasInForce)
    terminal.print(`${terminal.good('the respite is over')}: what is not trusted is refused`)
  if (ended?.mode === 'enforce') {
    if (ended.wasInForce) await sayRefused(all, terminal)
    return saySettled(ended.settled, terminal)
  }
  const policy = policyInForce(all)
  const lack = force || policy.mode === 'enforce' ? undefined : lackOf(policy)
  if (lack !== undefined) {
    terminal.note(`nixsig: ${printable(all.policy)} ${lack}, or --force`)
    return 2
  }
  const settled = await switchMode(all, 'enforce')
  terminal.print(
    settled === undefined
      ? 'nothing to do: the policy is enforced already'
      : `${terminal.good('enforced')}: what is not trusted is refused from now on. The way back: nixsig warn`,
  )
  if (settled !== undefined) await sayRefused(all, terminal)
  return saySettled(settled, terminal)
}

/** So long it may take to find out what would be refused: milliseconds. */
const PATIENCE = 60_000

/**
 * What of this machine would be refused now, judged anew, once that is in force: whoever enforces
 * in a hurry waits for nothing.
 */
async function sayRefused(places: Places, terminal: Terminal): Promise<void> {
  const { openInquiry } = await import('../../verifier/inquiry.ts')
  const { surveyHere } = await import('../survey-here.ts')
  const { groupsOf } = await import('../../status/groups.ts')
  const { countWords, LONGER, sayGroups, unjudgedWords } = await import('../status-report.ts')
  const inquiry = openInquiry(places, { records: false })
  try {
    const { survey } = await surveyHere(inquiry, terminal, PATIENCE)
    const unjudged = survey.unjudged === 0 ? [] : [unjudgedWords(survey), `next: ${LONGER}`]
    terminal.print([countWords(survey), ...unjudged].join('; '))
    sayGroups(terminal, groupsOf(survey.refused, 'root'))
  } catch (error) {
    const { explainError } = await import('../explain-error.ts')
    const known = explainError(error, 'nixsig status')
    if (known === undefined) throw error
    terminal.note(`nixsig: what would be refused now is not known: ${known.text}`)
  } finally {
    inquiry.close()
  }
}

interface WarnOptions {
  readonly until: string | undefined
  readonly reason: string | undefined
}

/** `nixsig warn`: from now on, or for a time, untrusted paths are reported but allowed. */
export const warn = command({
  options: {
    until: {
      kind: 'value',
      value: 'TIME',
      text: 'Only until then, at most a week, without changing the policy: 2h, 1d or a time',
    },
    reason: { kind: 'value', value: 'TEXT', text: 'Why, for the log' },
  },
  examples: [
    ['warn', 'When too much is refused'],
    ['warn --until 2h --reason "the cache is down"', 'For two hours, without changing the policy'],
  ],
  run: letPass,
})

async function letPass({ until, reason }: WarnOptions, { terminal }: Invocation): Promise<Status> {
  assertOwnMachine('warn')
  if (until !== undefined) return letPassUntil(until, reason ?? '', terminal)
  if (reason !== undefined) throw new UsageError('--reason goes with --until')
  const { switchMode } = await import('../../setup/switch-mode.ts')
  const settled = await switchMode(machinePlaces(), 'warn')
  if (settled === undefined) terminal.print('nothing to do: the policy only warns already')
  terminal.note(
    terminal.bad(
      `WARNING: nixsig refuses nothing now. Whatever anybody has Nix build, fetch or copy is let in, signed or not,
and stays in the store when you enforce again. Warnings are in the log of nix-daemon. Go back with: nixsig enforce`,
    ),
  )
  return saySettled(settled, terminal)
}

async function letPassUntil(text: string, reason: string, terminal: Terminal): Promise<Status> {
  const since = Math.floor(Date.now() / 1000)
  const until = respiteEnd(text, since)
  const { beginRespite } = await import('../../setup/respite.ts')
  const settled = await beginRespite(machinePlaces(), { since, until, reason })
  if (settled === undefined) {
    terminal.print('nothing to do: the policy only warns already, and has no end to that')
    return 0
  }
  terminal.note(
    terminal.bad(
      `WARNING: nixsig refuses nothing until ${when(until)}. Whatever anybody has Nix build, fetch or copy is let in,
signed or not, and stays in the store afterwards. Warnings are in the log of nix-daemon. End it sooner with: nixsig enforce`,
    ),
  )
  return saySettled(settled, terminal)
}
