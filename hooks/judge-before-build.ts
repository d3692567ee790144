import { writeSync } from 'node:fs'
import type { Refusal } from '../src/policy/verdict.ts'
import { beforeBuild } from '../src/verifier/before-build.ts'
import { type Inquiry, openInquiry } from '../src/verifier/inquiry.ts'
import { finishWhatWasInterrupted } from '../src/verifier/interrupted.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import { refusalOf } from '../src/verifier/refusal-of-error.ts'
import { showsRefusalLine } from './parent-nix.ts'
import { say } from './say.ts'
import { paragraphs, sentences } from './wording.ts'

/** The pre-build hook where the ledger does not have every answer; the exit status. */
export async function judgeBeforeBuild(drvPath: string): Promise<number> {
  const { refusals, inquiry } = await judge(drvPath)
  if (refusals.length === 0) return 0
  const policy = await inquiry?.policy().catch(() => undefined)
  const text = sentences(refusals)
  if (policy?.mode === 'warn') {
    say(`warning, let pass: ${text}`)
    return 0
  }
  if (await showsRefusalLine(policy?.nix)) {
    // Nix takes this for a command to it that it does not know, tells the user so, and fails.
    writeSync(1, `nixsig: ${text}\n`)
    return 0
  }
  say(text)
  return 1
}

/** All refusals, and the inquiry if it could be opened; what goes wrong is a refusal too. */
async function judge(drvPath: string): Promise<{ refusals: readonly Refusal[]; inquiry?: Inquiry }> {
  let inquiry: Inquiry | undefined
  try {
    inquiry = openInquiry(DEFAULT_PLACES, { records: true })
    for (const { refusals, quarantined } of await finishWhatWasInterrupted(inquiry, drvPath)) {
      if (refusals.length > 0) say(paragraphs(refusals, quarantined))
    }
    return { refusals: await beforeBuild(inquiry, drvPath), inquiry }
  } catch (error) {
    const refusals = [refusalOf(error, drvPath, 'derivation')]
    return inquiry === undefined ? { refusals } : { refusals, inquiry }
  }
}
