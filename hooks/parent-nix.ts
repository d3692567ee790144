import { execFile } from 'node:child_process'
import type { Telling } from '../src/formats/hook-reply.ts'
import { isAmong, KNOWN } from '../src/formats/nix/nix-version.ts'

/**
 * Whether the Nix that called this hook is one that shows an unknown line of the hook's output to the user and fails.
 * Others take a silent exit 0 for consent (Lix does), so whatever cannot be told for certain is answered with no.
 */
export async function showsRefusalLine({ isByLine, versions }: Telling): Promise<boolean> {
  if (!isByLine) return false
  const version = await parentVersion()
  const [, full, minor] = /^[a-z-]+ \(Nix\) (2\.(\d{1,3})(?:\.\d{1,3})?)$/.exec(version.trim()) ?? []
  if (full === undefined) return false
  if (versions.includes(full)) return true
  // All of these were read, and the first and the last but one seen, to fail on an unknown line.
  return isAmong(Number(minor), KNOWN)
}

/** What the program that called us says of its version; empty if it does not say. */
function parentVersion(): Promise<string> {
  return new Promise(resolve => {
    const options = { env: {}, timeout: 10_000, maxBuffer: 4096, encoding: 'utf8' } as const
    execFile(`/proc/${process.ppid}/exe`, ['--version'], options, (error, stdout) => {
      resolve(error === null ? stdout : '')
    })
  })
}
