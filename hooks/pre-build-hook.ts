import { writeSync } from 'node:fs'
import type { Refusal } from '../src/policy/verdict.ts'
import { beforeBuild } from '../src/verifier/before-build.ts'
import { type Gate, openGate } from '../src/verifier/gate.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import { hasUnfinished } from '../src/verifier/unfinished.ts'
import { say } from './say.ts'

/** Called by Nix with a derivation that it is about to build; the exit status. Anything but 0 keeps Nix from building. */
export async function preBuildHook(drvPath: string): Promise<number> {
  const gate = openGate(DEFAULT_PLACES)
  const refusals = await judge(gate, drvPath)
  if (refusals.length === 0) return 0
  const policy = await gate.policy().catch(() => undefined)
  const { sentences } = await import('./wording.ts')
  const text = sentences(refusals)
  if (policy?.mode === 'warn') {
    say(`warning, let pass: ${text}`)
    return 0
  }
  const { showsRefusalLine } = await import('./parent-nix.ts')
  if (await showsRefusalLine(policy?.nix)) {
    // Nix takes this for a command to it that it does not know, tells the user so, and fails.
    writeSync(1, `nixsig: ${text}\n`)
    return 0
  }
  say(text)
  return 1
}

async function judge(gate: Gate, drvPath: string): Promise<readonly Refusal[]> {
  try {
    if (hasUnfinished(gate.places.state, drvPath)) {
      const { finishWhatWasInterrupted } = await import('../src/verifier/interrupted.ts')
      for (const outcome of await finishWhatWasInterrupted(gate, drvPath)) {
        const { paragraphs } = await import('./wording.ts')
        if (outcome.refusals.length > 0) say(paragraphs(outcome.refusals, outcome.quarantined))
      }
    }
    return await beforeBuild(gate, drvPath)
  } catch (error) {
    const { refusalOf } = await import('../src/verifier/refusal-of-error.ts')
    return [refusalOf(error, drvPath, 'derivation')]
  }
}
