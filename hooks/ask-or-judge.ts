/**
 * What a hook does if the ledger has no answer: it asks the resident process, or else judges
 * itself, and tells Nix the outcome. Bundled into a separate file, `decide.js`, as judge.ts is.
 */
import { writeSync } from 'node:fs'
import { askerAbove } from '../src/files/asker.ts'
import type { BuildQuestion } from '../src/formats/hook-question.ts'
import { type HookReply, LEFT_TO_THE_HOOK } from '../src/formats/hook-reply.ts'
import { askResident } from '../src/gate/ask-resident.ts'
import { printable } from '../src/primitives/printable.ts'
import { showsRefusalLine } from './parent-nix.ts'
import { say, sayRefused } from './say.ts'

/** Answers for the pre-build hook; returns the exit status. */
export async function decideBeforeBuild(derivation: string): Promise<number> {
  const { outcome, sentence, telling } = await decide({ kind: 'before-build', derivation })
  if (outcome === 'pass') return 0
  if (await showsRefusalLine(telling)) {
    // Nix does not know this command of the hook, so it shows the line to the user and fails.
    writeSync(1, `nixsig: ${sentence}\n`)
    return 0
  }
  say(sentence)
  return 1
}

/**
 * Answers for the post-build hook; returns the exit status. A refusal is reported on standard error
 * only.
 */
export async function decideAfterBuild(derivation: string): Promise<number> {
  if (derivation === '') {
    sayRefused(': Nix did not say which derivation it built (DRV_PATH is empty)')
    return 1
  }
  const { outcome } = await decide({ kind: 'after-build', derivation })
  return outcome === 'pass' ? 0 : 1
}

/** The reply to a question; its notice has been printed. */
export async function decide(question: BuildQuestion): Promise<HookReply> {
  const reply = (await fromResident(question)) ?? (await (await import('./judge.ts')).judge(question))
  if (reply.notice !== '') say(reply.notice)
  return reply
}

async function fromResident(question: BuildQuestion): Promise<HookReply | undefined> {
  const asked = await askResident({ ...question, asker: askerAbove() })
  if (asked.kind === 'answered') return asked.reply
  if (asked.kind === 'failed' && asked.why !== LEFT_TO_THE_HOOK)
    say(`judging without the resident process: ${printable(asked.why)}`)
  return undefined
}
