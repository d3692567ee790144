/**
 * Runs the programs that root wants to be run after a build, as Nix runs its post-build hook: as
 * the same user, with Nix's environment, DRV_PATH and OUT_PATHS, and a failure is reported to Nix.
 * Only for outputs that the ledger admits as they lie in the store now. Bundled into a separate
 * file, `after-build.js`, as judge.ts is.
 */
import { readProtectedFile } from '../src/files/owned-file.ts'
import { AFTER_BUILD_LIMIT, parseAfterBuild } from '../src/formats/after-build-programs.ts'
import { printable } from '../src/primitives/printable.ts'
import { admittedNow, isAdmitted } from '../src/verifier/admitted.ts'
import { openInquiry } from '../src/verifier/inquiry.ts'
import { DEFAULT_PLACES } from '../src/verifier/places.ts'
import { outputsOf } from '../src/verifier/stored-derivation.ts'
import { AFTER_BUILD } from './after-build-file.ts'
import { environmentOfNix, runProgram } from './run-program.ts'
import { say } from './say.ts'

/** How long one program may take. Nix would wait forever. */
const LIMIT_MINUTES = 60

/**
 * Runs the listed programs, one after another, for the admitted outputs of a derivation; returns
 * the exit status for Nix. A program that fails does not keep the next ones from running.
 */
export async function runAfterBuild(derivation: string): Promise<number> {
  try {
    const programs = parseAfterBuild(readProtectedFile(AFTER_BUILD, AFTER_BUILD_LIMIT).toString('utf8'))
    const outputs = programs.length === 0 ? [] : await admittedOutputs(derivation)
    const environment = { ...environmentOfNix(), DRV_PATH: derivation, OUT_PATHS: outputs.join(' ') }
    let status = 0
    for (const program of outputs.length === 0 ? [] : programs) {
      const problem = await runProgram(program, { environment, limit: LIMIT_MINUTES * 60_000 })
      if (problem === undefined) continue
      status = 1
      say(failed(`${printable(program)} ${problem}`))
    }
    return status
  } catch (error) {
    say(failed((error as Error).message))
    return 1
  }
}

function failed(why: string): string {
  return `what runs after a build failed: ${why}; what was built is valid and trusted; next: see to what ${AFTER_BUILD} lists, then run it for what was built`
}

async function admittedOutputs(derivation: string): Promise<readonly string[]> {
  const inquiry = openInquiry(DEFAULT_PLACES, { records: false })
  try {
    const moment = await admittedNow(inquiry)
    return outputsOf(inquiry.derivation(derivation))
      .filter(({ path, kind, isSignature }) => isAdmitted(moment, path, isSignature ? 'signature' : kind))
      .map(({ path }) => path.path)
  } finally {
    inquiry.close()
  }
}
