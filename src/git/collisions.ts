/**
 * Git names objects by SHA-1. Most builds of git refuse to hash data that is part of a collision
 * (sha1dc), so that an id stands for one object only. A git that was built without this check is
 * not used.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError } from '../files/regular-file.ts'
import { makeOwnRepository } from './own-repository.ts'
import { runGit } from './run-git.ts'

/**
 * The first 320 bytes of shattered-1.pdf (https://shattered.io, 2017). Their SHA-1 state collides
 * with that of shattered-2.pdf.
 */
const COLLIDING = [
  'JVBERi0xLjMKJeLjz9MKCgoxIDAgb2JqCjw8L1dpZHRoIDIgMCBSL0hlaWdodCAzIDAgUi9UeXBlIDQgMCBSL1N1YnR5cGUg',
  'NSAwIFIvRmlsdGVyIDYgMCBSL0NvbG9yU3BhY2UgNyAwIFIvTGVuZ3RoIDggMCBSL0JpdHNQZXJDb21wb25lbnQgOD4+CnN0',
  'cmVhbQr/2P/+ACRTSEEtMSBpcyBkZWFkISEhISGFL+wJIzl1nDmxocY8TJfh//4Bf0bck6a2fgE7ApqqHbJWC0XKZ9aIx/hL',
  'jEx5H+ArPfYU+G2xaQkBxWtFwVMK/t+3YDjpcnIv561yjw5JBOBGwjBXD+nUE5ir4S71vJQr4zVCpIAtmLXXDyozLsN/rDUU',
  '503cDyzBqHTNDHgwWiFWZGEwl4lga9C/P5jNqARGKaE=',
].join('')

/**
 * Throws FileError unless git detects a known collision. No published collision begins as git
 * objects do, but `git rerere` hashes the bare text of a merge conflict to remember it, so that is
 * what git is given.
 */
export async function assertDetectsCollisions(parent: string): Promise<void> {
  const directory = mkdtempSync(join(parent, 'collision-'))
  const repository = join(directory, 'repository')
  const work = join(directory, 'work')
  try {
    makeOwnRepository(repository, 20)
    mkdirSync(join(repository, 'rr-cache'))
    mkdirSync(work)
    const [begin, middle, end] = ['<<<<<<< ours\n', '\n=======\n', '>>>>>>> theirs\n'].map(text =>
      Buffer.from(text),
    )
    const other = Buffer.from([0xff, 0x0a])
    const pieces = [begin, Buffer.from(COLLIDING, 'base64'), middle, other, end].flatMap(piece => piece ?? [])
    writeFileSync(join(work, 'file'), Buffer.concat(pieces))
    const place = { directory: repository, env: { GIT_WORK_TREE: work } }
    const stages = [2, 3].map(stage => `100644 ${'1'.repeat(40)} ${stage}\tfile\n`)
    const settings = ['-c', 'core.bare=false', '-c', 'rerere.enabled=true']
    await runGit(place, [...settings, 'update-index', '--index-info'], stages.join(''))
    const { status, complaint } = await runGit(place, [...settings, '-C', work, 'rerere'])
    if (status !== 0 && /collision attack/.test(complaint)) return
    throw new FileError(
      'this git does not detect collisions of SHA-1, so its objects prove nothing: take one that does',
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
