import { openGate } from '../src/verifier/gate.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import { hasUnfinished } from '../src/verifier/unfinished.ts'
import { say } from './say.ts'

/** Called by Nix after it registered the outputs of a derivation; the exit status. Anything but 0 fails the build. */
export async function postBuildHook(drvPath: string): Promise<number> {
  if (drvPath === '') {
    say('refused: Nix did not say which derivation it built (DRV_PATH is empty)')
    return 1
  }
  const gate = openGate(DEFAULT_PLACES)
  const { afterBuild } = await import('../src/verifier/after-build.ts')
  const outcomes = [await afterBuild(gate, drvPath)]
  if (hasUnfinished(gate.places.state, drvPath)) {
    const { finishWhatWasInterrupted } = await import('../src/verifier/interrupted.ts')
    outcomes.push(...(await finishWhatWasInterrupted(gate, drvPath)))
  }
  const [own, ...others] = outcomes
  const { paragraphs } = await import('./wording.ts')
  for (const outcome of [...others, ...(own === undefined ? [] : [own])]) {
    if (outcome.refusals.length > 0) say(paragraphs(outcome.refusals, outcome.quarantined))
  }
  if (own === undefined || own.refusals.length === 0) return 0
  return (await gate.policy().catch(() => undefined))?.mode === 'warn' ? 0 : 1
}
