import { execFile } from 'node:child_process'
import type { Telling } from '../src/formats/hook-reply.ts'
import { isAmong, KNOWN } from '../src/formats/nix/nix-version.ts'

/**
 * Whether the Nix that called this hook shows an unknown line of the hook's output to the user and
 * fails. Other implementations take a silent exit 0 for consent (Lix does), so the answer is false
 * unless it is certain.
 */
export async function showsRefusalLine({ isByLine, versions }: Telling): Promise<boolean> {
  if (!isByLine) return false
  const version = await parentVersion()
  const [, full, minor] = /^[a-z-]+ \(Nix\) (2\.(\d{1,3})(?:\.\d{1,3})?)$/.exec(version.trim()) ?? []
  if (full === undefined) return false
  if (versions.includes(full)) return true
  // The source of all these versions was read; on the first and the last but one this was also
  // seen.
  return isAmong(Number(minor), KNOWN)
}

/** What the calling program prints for `--version`; empty if it fails. */
function parentVersion(): Promise<string> {
  return new Promise(resolve => {
    const options = { env: {}, timeout: 10_000, maxBuffer: 4096, encoding: 'utf8' } as const
    execFile(`/proc/${process.ppid}/exe`, ['--version'], options, (error, stdout) => {
      resolve(error === null ? stdout : '')
    })
  })
}
