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

/** Milliseconds: what an attempt takes ends by itself before that. */
const ATTEMPT_LIMIT = 25_000
const REMOVAL_LIMIT = 15_000
const PAUSE = 500

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
  await removeAll(ownWay, files)
  for (const path of paths) await learn(() => forget(ownWay.state, path), REMOVAL_LIMIT)
  return {
    importByRoot: own.imported,
    buildByRoot: own.built,
    importByDaemon: daemon?.imported,
    buildByDaemon: daemon?.built,
    leftovers: files.filter(file => existsSync(file)),
  }
}

/** What was late may hold some of them for a few seconds more; Nix then removes none that it is told of with these. */
async function removeAll(way: Way, files: readonly string[]): Promise<void> {
  const end = Date.now() + REMOVAL_LIMIT
  await learn(() => removePaths(way, files, REMOVAL_LIMIT), REMOVAL_LIMIT)
  while (files.some(file => existsSync(file)) && Date.now() < end - PAUSE) {
    await new Promise(resolve => setTimeout(resolve, PAUSE))
    for (const file of files) {
      const left = end - Date.now()
      if (left > 0) await learn(() => removePaths(way, [file], left), left)
    }
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
