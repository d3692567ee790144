/** What of the store this machine uses: where its roots lead. */
import { readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { readableNamesIn } from '../files/names-in.ts'
import { isStorePath, STORE_DIR } from '../formats/nix/store-path.ts'

/** More roots than that are not followed. */
const ROOT_LIMIT = 4096

/** Where roots are. Tests use other places. */
export interface RootPlaces {
  /** Links to running systems. */
  readonly systems: readonly string[]
  /** Directories of profiles. */
  readonly profiles: readonly string[]
  /** A directory of directories of profiles, one a user. */
  readonly users: string
  /** The directory of links to links that keep something from being collected. */
  readonly links: string
}

/** Where Nix keeps them. */
export const ROOT_PLACES: RootPlaces = {
  systems: ['/run/current-system', '/run/booted-system'],
  profiles: ['/nix/var/nix/profiles'],
  users: '/nix/var/nix/profiles/per-user',
  links: '/nix/var/nix/gcroots/auto',
}

/** The name of one generation of a profile: `profile-12-link`. */
const GENERATION = /-\d+-link$/

/**
 * The store paths that the machine's systems, the present generations of its profiles and links
 * such as `./result` lead to, each once. What cannot be read by this user is left out.
 */
export function pathsInUse(places: RootPlaces = ROOT_PLACES): readonly string[] {
  const profiles = [
    ...places.profiles,
    ...readableNamesIn(places.users).map(name => join(places.users, name)),
  ]
  const links = [
    ...places.systems,
    ...profiles.flatMap(profilesIn),
    ...readableNamesIn(places.links).flatMap(name => linkBehind(join(places.links, name)) ?? []),
  ]
  const paths = new Set<string>()
  for (const link of links) {
    const path = storePathBehind(link)
    if (path !== undefined) paths.add(path)
    if (paths.size >= ROOT_LIMIT) break
  }
  return [...paths]
}

/** Links in a directory that are profiles; their generations lie beside them. */
function profilesIn(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true })
    const links = entries.filter(entry => entry.isSymbolicLink() && !GENERATION.test(entry.name))
    return links.map(({ name }) => join(directory, name))
  } catch {
    return []
  }
}

/** What a root names: a link like `./result`, or the profile whose generation it keeps. */
function linkBehind(root: string): string | undefined {
  try {
    return readlinkSync(root).replace(GENERATION, '')
  } catch {
    return undefined
  }
}

function storePathBehind(link: string): string | undefined {
  try {
    const real = realpathSync(link)
    if (!real.startsWith(`${STORE_DIR}/`)) return undefined
    const path = real
      .split('/')
      .slice(0, STORE_DIR.split('/').length + 1)
      .join('/')
    return isStorePath(path) ? path : undefined
  } catch {
    return undefined
  }
}
