import { mayBuildByLedger } from '../src/verifier/by-ledger.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'

/** Called by Nix with a derivation that it is about to build; the exit status. Anything but 0 keeps Nix from building. */
export async function preBuildHook(drvPath: string): Promise<number> {
  try {
    if (mayBuildByLedger(DEFAULT_PLACES, drvPath)) return 0
  } catch {
    // Judging meets the same obstacle, and says what it is.
  }
  const { judgeBeforeBuild } = await import('./judge-before-build.ts')
  return judgeBeforeBuild(drvPath)
}
