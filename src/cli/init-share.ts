import { PackagingError } from '../packaging/packaging-error.ts'
import type { Policy } from '../policy/policy.ts'
import { installedRoots } from '../setup/init/installed.ts'
import { type Share, shareUnder } from '../setup/init/share.ts'
import { StoreError } from '../store/store-error.ts'
import type { Places } from '../verifier/places.ts'
import { withDraft } from './draft-inquiry.ts'
import { openProgressHere } from './progress-bar.ts'
import type { Terminal } from './terminal.ts'

/** How long judging may take. */
const PATIENCE_MS = 60_000

/**
 * Judges what is installed under a policy, and records nothing. Undefined, with a note why, where
 * the store cannot be asked.
 */
export async function shareOfInstalled(
  policy: Policy,
  places: Places,
  terminal: Terminal,
): Promise<Share | undefined> {
  const progress = openProgressHere(terminal)
  try {
    return await withDraft(policy, places, {
      note: terminal.note,
      use: async inquiry =>
        shareUnder(inquiry, {
          roots: await installedRoots(await inquiry.store()),
          patience: PATIENCE_MS,
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
