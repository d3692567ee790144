import { mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { keepAfterSignal, removeAfterSignal } from './end-by-signal.ts'
import { partialName } from './partial-name.ts'

/**
 * Writes a file (0600, or with these permission bits) without blocking. Readers see the old contents or
 * the new, even if this process is killed; if SIGINT, SIGTERM or SIGHUP ends it, nothing is left beside
 * the file. Unlike with writeDurably, the file may be empty after a power failure. Makes missing
 * directories (0700).
 */
export async function replaceFile(file: string, contents: string | Uint8Array, mode = 0o600): Promise<void> {
  const partial = partialName(file, '+')
  removeAfterSignal(partial)
  try {
    await write(partial, contents, mode)
    await rename(partial, file)
  } catch (error) {
    await unlink(partial).catch(() => undefined)
    throw error
  } finally {
    keepAfterSignal(partial)
  }
}

async function write(partial: string, contents: string | Uint8Array, mode: number): Promise<void> {
  const handle = await open(partial, 'wx', 0o600).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(dirname(partial), { recursive: true, mode: 0o700 })
    return open(partial, 'wx', 0o600)
  })
  try {
    await handle.writeFile(contents)
    if (mode !== 0o600) await handle.chmod(mode)
  } finally {
    await handle.close()
  }
}
