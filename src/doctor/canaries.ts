/** Tries all ways into the store, and takes out again whatever came in. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attestationFile } from '../evidence/attestation-file.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { entryFile } from '../ledger/admissions.ts'
import { settle } from '../ledger/expected.ts'
import { listEntriesOf, removeEntry } from '../quarantine/entries.ts'
import { ownAttestations } from '../verifier/attest-output.ts'
import { removePaths, tryBuild, tryImport, type Way } from './canary.ts'
import type { CanaryFacts } from './facts.ts'
import { learn } from './learn.ts'

/** Milliseconds for one attempt, and for taking everything out again. */
const ATTEMPT_LIMIT = 20_000
const REMOVAL_LIMIT = 15_000

/** Tries both ways at a time; without a daemon, one. Never rejects. */
export async function tryDoors(ownWay: Way, daemonWay: Way | undefined): Promise<CanaryFacts> {
  const paths: string[] = []
  const tryWay = async (way: Way) => {
    const imported = await learn(() => tryImport(way, path => paths.push(path)), ATTEMPT_LIMIT)
    const built = await learn(() => tryBuild(way, path => paths.push(path)), ATTEMPT_LIMIT)
    return { imported, built }
  }
  const [own, daemon] = await Promise.all([tryWay(ownWay), daemonWay && tryWay(daemonWay)])
  const files = paths.flatMap(path => [path, `${path}.lock`])
  await learn(() => removePaths(ownWay, files, REMOVAL_LIMIT), REMOVAL_LIMIT + 1000)
  for (const path of paths) await learn(() => forget(ownWay.state, path), REMOVAL_LIMIT)
  return {
    importByRoot: own.imported,
    buildByRoot: own.built,
    importByDaemon: daemon?.imported,
    buildByDaemon: daemon?.built,
    leftovers: files.filter(file => existsSync(file)),
  }
}

/** Takes away what nixsig itself wrote down of a path that is no more. */
function forget(state: string, path: string): void {
  const { digest } = parseStorePath(path)
  settle(state, digest)
  for (const file of [
    entryFile(state, digest),
    join(state, 'let-in', digest),
    attestationFile(ownAttestations(state), path),
  ]) {
    rmSync(file, { force: true })
  }
  for (const id of listEntriesOf(state, digest)) removeEntry(state, id)
}
