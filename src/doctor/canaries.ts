/** Tries all ways into the store, and removes whatever came in. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attestationFile } from '../evidence/attestation-file.ts'
import { parseStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { entryFile } from '../ledger/admissions.ts'
import { settle } from '../ledger/expected.ts'
import { listEntriesOf, removeEntry } from '../quarantine/entries.ts'
import { ownAttestations } from '../verifier/attest-own-output.ts'
import { removePaths, type Traces, tryBuild, tryImport, type Way } from './canary.ts'
import type { CanaryFacts } from './facts.ts'
import { learn } from './learn.ts'

/** Milliseconds; the steps of an attempt end by themselves before that. */
const ATTEMPT_LIMIT = 25_000
const REMOVAL_LIMIT = 12_000
const PAUSE = 500

/**
 * Tries root's own Nix and the daemon at the same time; without a daemon, only the former. Never
 * rejects.
 */
export async function tryDoors(ownWay: Way, daemonWay: Way | undefined): Promise<CanaryFacts> {
  const traces: Traces = { names: [], paths: [] }
  const tryWay = async (way: Way) => {
    const imported = await learn(() => tryImport(way, traces), ATTEMPT_LIMIT)
    const built = await learn(() => tryBuild(way, traces, 'any machine'), ATTEMPT_LIMIT)
    const kept = await learn(() => tryBuild(way, traces, 'this machine'), ATTEMPT_LIMIT)
    return { imported, built, kept }
  }
  const [own, daemon] = await Promise.all([tryWay(ownWay), daemonWay && tryWay(daemonWay)])
  await removeAll(daemonWay === undefined ? [ownWay] : [ownWay, daemonWay], traces)
  for (const path of traces.paths) await learn(() => forget(ownWay.state, path), REMOVAL_LIMIT)
  return {
    importByRoot: own.imported,
    buildByRoot: own.built,
    keptBuildByRoot: own.kept,
    importByDaemon: daemon?.imported,
    buildByDaemon: daemon?.built,
    keptBuildByDaemon: daemon?.kept,
    leftovers: leftIn(traces),
  }
}

/** What is left in the store's directory, valid or not, including locks and unpacked files. */
function leftIn({ names }: Traces): readonly string[] {
  const entries = readdirSync(STORE_DIR).filter(entry => names.some(name => entry.includes(name)))
  return entries.map(entry => `${STORE_DIR}/${entry}`)
}

/**
 * Removes everything that is left. An attempt that timed out may hold some of it for a few more
 * seconds, and then Nix removes none of the paths in the same command. One way may also be blocked
 * while another works.
 */
async function removeAll(ways: readonly [Way, ...Way[]], traces: Traces): Promise<void> {
  const end = performance.now() + REMOVAL_LIMIT
  const remove = async (way: Way, paths: readonly string[]) => {
    const left = Math.min(end - performance.now(), REMOVAL_LIMIT / 3)
    if (left > 0) await learn(() => removePaths(way, paths, left), left)
  }
  await remove(ways[0], leftIn(traces))
  while (leftIn(traces).length > 0 && performance.now() < end - PAUSE) {
    await new Promise(resolve => setTimeout(resolve, PAUSE))
    for (const way of ways.toReversed()) for (const path of leftIn(traces)) await remove(way, [path])
  }
}

/** Removes what nixsig recorded about a path that is gone. */
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
