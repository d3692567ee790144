/** The disk of small worlds: /nix belongs to this process alone, in memory. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { attestationFile } from '../../../src/evidence/attestation-file.ts'
import { ATTESTATIONS, HOME, type StoredFile, type World } from './world.ts'

/** The files of the last world. */
const laid = new Map<string, StoredFile>()

/** Writes a world to the disk and removes everything else. Files that two worlds share stay. */
export function layOut(world: World): void {
  const files = filesOf(world)
  mkdirSync(ATTESTATIONS, { recursive: true })
  for (const [path, file] of laid) {
    if (isSame(files.get(path), file)) continue
    rmSync(path)
    laid.delete(path)
  }
  for (const [path, file] of files) {
    if (laid.has(path)) continue
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, file.bytes, { mode: file.isExecutable ? 0o555 : 0o444 })
    laid.set(path, file)
  }
}

/**
 * Does something while a file of the store is there that Nix put there, and that is not valid yet.
 */
export async function whileThere<T>(path: string, file: StoredFile, use: () => Promise<T>): Promise<T> {
  if (existsSync(path)) return use()
  writeFileSync(path, file.bytes, { mode: file.isExecutable ? 0o555 : 0o444 })
  try {
    return await use()
  } finally {
    rmSync(path)
  }
}

/** An empty state directory. */
export function emptyState(): string {
  const state = `${HOME}/state`
  rmSync(state, { recursive: true, force: true })
  mkdirSync(state, { mode: 0o700, recursive: true })
  return state
}

function filesOf({ disk, attestations, signatures }: World): ReadonlyMap<string, StoredFile> {
  const files = new Map(disk)
  for (const [path, bytes] of signatures) files.set(path, { bytes, isExecutable: false })
  for (const [path, lines] of attestations) {
    if (lines.length === 0) continue
    const bytes = Buffer.from(lines.map(line => `${line.trimEnd()}\n`).join(''))
    files.set(attestationFile(ATTESTATIONS, path), { bytes, isExecutable: false })
  }
  return files
}

function isSame(one: StoredFile | undefined, other: StoredFile): boolean {
  return (
    one !== undefined &&
    one.isExecutable === other.isExecutable &&
    Buffer.compare(one.bytes, other.bytes) === 0
  )
}
