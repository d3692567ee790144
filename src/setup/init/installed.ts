/** What is installed on this machine: where its profiles and its system lead. */
import { realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { readableNamesIn } from '../../files/names-in.ts'
import { isStorePath, STORE_DIR } from '../../formats/nix/store-path.ts'
import type { Store } from '../../store/store-client.ts'

const PROFILES = '/nix/var/nix/profiles'
const NAMES_LIMIT = 1000
/** Paths that are looked at if no profile leads to any. */
const PATHS_LIMIT = 5000

/**
 * The valid store paths to which the system's and this user's profiles lead; without any,
 * everything valid that is not a derivation, at most 5,000 paths.
 */
export async function installedRoots(store: Store): Promise<readonly string[]> {
  const links = [
    '/run/current-system',
    ...named(PROFILES),
    ...named(join(PROFILES, 'per-user')).flatMap(named),
    join(homedir(), '.nix-profile'),
    ...named(join(homedir(), '.local/state/nix/profiles')),
  ]
  const found = new Set(links.filter(link => !/-[0-9]+-link$/.test(link)).flatMap(storePathAt))
  const roots = await store.validPaths([...found])
  if (roots.size > 0) return [...roots].sort()
  const all = named(STORE_DIR, PATHS_LIMIT).filter(path => isStorePath(path) && !path.endsWith('.drv'))
  return [...(await store.validPaths(all))].sort()
}

function named(directory: string, limit: number = NAMES_LIMIT): readonly string[] {
  const names = [...readableNamesIn(directory)].sort().slice(0, limit)
  return names.map(name => join(directory, name))
}

/** The store path to which a link leads, or in which it ends. */
function storePathAt(link: string): readonly string[] {
  const real = realPath(link)
  if (real === undefined || !real.startsWith(`${STORE_DIR}/`)) return []
  const [name = ''] = real.slice(STORE_DIR.length + 1).split('/')
  const path = `${STORE_DIR}/${name}`
  return isStorePath(path) ? [path] : []
}

function realPath(link: string): string | undefined {
  try {
    return realpathSync.native(link)
  } catch {
    return undefined
  }
}
