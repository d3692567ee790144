import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes of an object id: 20 for SHA-1, 32 for SHA-256. */
export type IdSize = 20 | 32

/**
 * Makes an empty bare repository in a new directory, in git's layout but without git and its
 * templates.
 */
export function makeOwnRepository(directory: string, idSize: IdSize): void {
  for (const folder of ['objects/pack', 'objects/info', 'refs/heads', 'refs/tags']) {
    mkdirSync(join(directory, folder), { recursive: true, mode: 0o700 })
  }
  writeFileSync(join(directory, 'HEAD'), 'ref: refs/heads/main\n')
  const version = idSize === 20 ? 0 : 1
  const format = idSize === 20 ? '' : '[extensions]\n\tobjectformat = sha256\n'
  writeFileSync(
    join(directory, 'config'),
    `[core]\n\trepositoryformatversion = ${version}\n\tbare = true\n${format}`,
  )
}

/** The size in bytes of an id that is given in hex. */
export function idSizeOf(id: string): IdSize {
  return id.length === 64 ? 32 : 20
}
