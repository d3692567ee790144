import { PackagingError } from '../packaging/packaging-error.ts'
import type { Policy } from '../policy/policy.ts'
import { installedRoots } from '../setup/init/installed.ts'
import { type Share, shareUnder } from '../setup/init/share.ts'
import { StoreError } from '../store/store-error.ts'
import type { Places } from '../verifier/places.ts'
import { withDraft } from './draft-inquiry.ts'
import { openProgress } from './progress-bar.ts'
import type { Terminal } from './terminal.ts'

/**
 * Judges what is installed under a policy, and records nothing. Undefined, with a note why, where the
 * store cannot be asked. `patience`: milliseconds.
 */
export async function shareOfInstalled(
  policy: Policy,
  {
    places,
    terminal,
    patience,
  }: { readonly places: Places; readonly terminal: Terminal; readonly patience: number },
): Promise<Share | undefined> {
  const isTerminal = process.stderr.isTTY === true
  const progress = openProgress(terminal, { isTerminal, columns: process.stderr.columns ?? 80 })
  try {
    return await withDraft(policy, places, {
      note: terminal.note,
      use: async inquiry =>
        shareUnder(inquiry, {
          roots: await installedRoots(await inquiry.store()),
          patience,
          onBegin: progress.begin,
          onStep: progress.step,
        }),
    })
  } catch (error) {
    if (!(error instanceof StoreError || error instanceof PackagingError)) throw error
    terminal.note(`nixsig: note: what is installed could not be judged: ${error.message}`)
    return undefined
  }
}
