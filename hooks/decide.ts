/**
 * What a hook does where the ledger is silent: it has the resident process judge, or else judges itself, and tells
 * Nix the outcome. Built into a file of its own, `decide.js`, as judge.ts is.
 */
import { writeSync } from 'node:fs'
import type { BuildQuestion } from '../src/formats/hook-question.ts'
import type { HookReply } from '../src/formats/hook-reply.ts'
import { askResident } from '../src/gate/ask-resident.ts'
import { printable } from '../src/primitives/printable.ts'
import { showsRefusalLine } from './parent-nix.ts'
import { say, sayRefused } from './say.ts'

/** The pre-build hook; the exit status. */
export async function decideBeforeBuild(derivation: string): Promise<number> {
  const { outcome, sentence, telling } = await decide({ kind: 'before-build', derivation })
  if (outcome === 'pass') return 0
  if (await showsRefusalLine(telling)) {
    // Nix takes this for a command to it that it does not know, tells the user so, and fails.
    writeSync(1, `nixsig: ${sentence}\n`)
    return 0
  }
  say(sentence)
  return 1
}

/** The post-build hook; the exit status. What it refuses is told on standard error alone. */
export async function decideAfterBuild(derivation: string): Promise<number> {
  if (derivation === '') {
    sayRefused(': Nix did not say which derivation it built (DRV_PATH is empty)')
    return 1
  }
  const { outcome } = await decide({ kind: 'after-build', derivation })
  return outcome === 'pass' ? 0 : 1
}

/** The reply to a question; its notice has been said. */
export async function decide(question: BuildQuestion): Promise<HookReply> {
  const reply = (await fromResident(question)) ?? (await (await import('./judge.ts')).judge(question))
  if (reply.notice !== '') say(reply.notice)
  return reply
}

async function fromResident(question: BuildQuestion): Promise<HookReply | undefined> {
  const asked = await askResident(question)
  if (asked.kind === 'answered') return asked.reply
  if (asked.kind === 'failed') say(`judging without the resident process: ${printable(asked.why)}`)
  return undefined
}
