import { existsSync } from 'node:fs'
import { runProgram } from '../files/run.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { entryFile } from '../ledger/admissions.ts'
import type { LedgerFacts } from './facts.ts'

const SYSTEM = '/run/current-system'
const TIMEOUT = 10_000

/**
 * Counts what the ledger knows of the running system. Throws Error if Nix does not say what is in
 * it.
 */
export async function lookAtLedger(state: string): Promise<LedgerFacts> {
  const isThere = existsSync(state)
  if (!existsSync(SYSTEM)) return { isThere, system: undefined }
  const { status, stdout, stderr } = await runProgram(
    'nix-store',
    ['--query', '--requisites', SYSTEM],
    TIMEOUT,
  )
  if (status !== 0) throw new Error(`nix-store does not say what is in ${SYSTEM}: ${stderr.trim()}`)
  const paths = stdout.split('\n').filter(line => line !== '')
  const known = paths.filter(path => existsSync(entryFile(state, parseStorePath(path).digest)))
  return { isThere, system: { known: known.length, paths: paths.length } }
}
