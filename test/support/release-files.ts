/**
 * A release, and another file in its place, in a directory that is removed after the tests of a
 * file.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'

/** Writes both, once for a test file, at its top. */
export function releaseFiles(release: Uint8Array, other: Uint8Array | string) {
  const dir = mkdtempSync('/tmp/nixsig-release-')
  after(() => rmSync(dir, { recursive: true, force: true }))
  const file = join(dir, 'release.tar')
  const otherFile = join(dir, 'other.tar')
  writeFileSync(file, release)
  writeFileSync(otherFile, other)
  return { dir, file, otherFile }
}
