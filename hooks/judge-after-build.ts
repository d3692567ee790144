import { afterBuild } from '../src/verifier/after-build.ts'
import { openInquiry } from '../src/verifier/inquiry.ts'
import { finishWhatWasInterrupted } from '../src/verifier/interrupted.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import { say } from './say.ts'
import { paragraphs } from './wording.ts'

/** The post-build hook where the ledger does not have every answer; the exit status. */
export async function judgeAfterBuild(drvPath: string): Promise<number> {
  if (drvPath === '') {
    say('refused: Nix did not say which derivation it built (DRV_PATH is empty)')
    return 1
  }
  const inquiry = openInquiry(DEFAULT_PLACES, { records: true })
  const own = await afterBuild(inquiry, drvPath)
  const others = await finishWhatWasInterrupted(inquiry, drvPath)
  for (const { refusals, quarantined } of [...others, own]) {
    if (refusals.length > 0) say(paragraphs(refusals, quarantined))
  }
  if (own.refusals.length === 0) return 0
  return (await inquiry.policy().catch(() => undefined))?.mode === 'warn' ? 0 : 1
}
