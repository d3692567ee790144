/** What of the store this machine uses: where its roots lead. */
import { lstatSync, opendirSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { isStorePath, STORE_DIR } from '../formats/nix/store-path.ts'
import { type Bounds, inTurns, type Looked } from './turns.ts'

/** How much is looked at. Tests have smaller limits. */
export interface RootLimits {
  /** Paths that are told. */
  readonly paths: number
  /** Entries that are looked at: of links to links, and of all that users have. */
  readonly entries: number
}

const LIMITS: RootLimits = { paths: 4096, entries: 65_536 }

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
  /** Where store paths lie on the disk. */
  readonly store: string
}

/** Where Nix keeps them. */
const ROOT_PLACES: RootPlaces = {
  systems: ['/run/current-system', '/run/booted-system'],
  profiles: ['/nix/var/nix/profiles'],
  users: '/nix/var/nix/profiles/per-user',
  links: '/nix/var/nix/gcroots/auto',
  store: STORE_DIR,
}

/** Store paths that are in use, each once. */
export interface InUse {
  /** Of the running systems. */
  readonly systems: readonly string[]
  /** Of everything else, the owners of their roots in turns. */
  readonly paths: readonly string[]
  /** At least how many roots were not followed, for want of time or room. */
  readonly left: number
}

/** The name of one generation of a profile: `profile-12-link`. */
const GENERATION = /-\d+-link$/

/** The store paths of the running systems; none where there is no NixOS. */
export function runningSystems({
  systems,
  store,
}: Pick<RootPlaces, 'systems' | 'store'> = ROOT_PLACES): readonly string[] {
  return systems.flatMap(link => storePathBehind(link, store) ?? [])
}

/**
 * The store paths that the machine's systems, the present generations of its profiles and links
 * such as `./result` lead to. What cannot be read by this user is left out. Systems are followed
 * whatever the time is. Then each owner of roots has a turn after the other, so that nobody's many
 * roots hide another's. `end` (as of performance.now()) ends that; what is left then is counted.
 */
export function pathsInUse(
  end: number,
  places: RootPlaces = ROOT_PLACES,
  limits: RootLimits = LIMITS,
): InUse {
  const behind = (link: string) => storePathBehind(link, places.store)
  const systems = new Set(runningSystems(places))
  const { sources, left } = sourcesIn(places, limits, end)
  const found = new Map<number, Set<string>>()
  const taken = inTurns(sources, { steps: limits.entries, end }, (link, owner) => {
    const path = behind(link)
    if (path === undefined || systems.has(path)) return
    const own = found.get(owner) ?? new Set()
    found.set(owner, own.add(path))
  })
  const all = new Set([...found.values()].flatMap(own => [...own]))
  const chosen = new Set<string>()
  inTurns(new Map(found), { steps: Number.POSITIVE_INFINITY, end: Number.POSITIVE_INFINITY }, path => {
    if (chosen.size < limits.paths) chosen.add(path)
  })
  return { systems: [...systems], paths: [...chosen], left: left + taken.left + all.size - chosen.size }
}

/**
 * The links of each owner, by the number of the user, root's first: the profiles in directories of
 * this user, then links such as `./result`.
 */
function sourcesIn(places: RootPlaces, { entries }: RootLimits, end: number) {
  const directories = new Map<number, string[]>()
  const links = new Map<number, string[]>()
  const users = namesIn(places.users, { steps: entries, end })
  const roots = namesIn(places.links, {
    steps: entries,
    end: performance.now() + (end - performance.now()) / 2,
  })
  for (const name of [...places.profiles, ...users.names.map(name => join(places.users, name))])
    put(directories, ownerOf(name), name)
  let { left } = roots
  const half = performance.now() + (end - performance.now()) / 2
  for (const name of roots.names) {
    if (performance.now() >= half) left++
    else {
      const link = linkBehind(join(places.links, name))
      if (link !== undefined) put(links, ownerOf(link), link)
    }
  }
  const owners = [...new Set([...directories.keys(), ...links.keys()])].sort((a, b) => a - b)
  const sources = new Map(
    owners.map(owner => [owner, linksOf(directories.get(owner) ?? [], links.get(owner) ?? [])] as const),
  )
  return { sources, left: left + users.left }
}

function put(lists: Map<number, string[]>, owner: number | undefined, value: string): void {
  if (owner === undefined) return
  const list = lists.get(owner)
  if (list === undefined) lists.set(owner, [value])
  else list.push(value)
}

/** Of a link itself, not of what it leads to; undefined where it is gone or cannot be looked at. */
function ownerOf(file: string): number | undefined {
  try {
    return lstatSync(file).uid
  } catch {
    return undefined
  }
}

/** At most so many names, and how many more there are, as far as the time goes. */
function namesIn(
  directory: string,
  { steps, end }: Bounds,
): { readonly names: readonly string[]; readonly left: number } {
  const names: string[] = []
  let left = 0
  for (const { name } of entriesIn(directory)) {
    if (names.length < steps) names.push(name)
    else left++
    if (performance.now() >= end) return { names, left: left + 1 }
  }
  return { names, left }
}

/**
 * The links that are profiles in the directories, undefined for each other entry; then the links.
 */
function* linksOf(directories: readonly string[], links: readonly string[]): Generator<Looked<string>> {
  for (const directory of directories) {
    for (const entry of entriesIn(directory)) {
      // The generations of a profile lie beside it.
      const isProfile = entry.isSymbolicLink() && !GENERATION.test(entry.name)
      yield isProfile ? join(directory, entry.name) : undefined
    }
  }
  yield* links
}

/** What is in a directory, read as it is asked for; nothing where it cannot be read. */
function* entriesIn(path: string) {
  try {
    const directory = opendirSync(path)
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry
    } finally {
      directory.closeSync()
    }
  } catch {
    // What this user cannot read is left out.
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

/** The kernel follows the link, within its own limits on how many there may be on the way. */
function storePathBehind(link: string, store: string): string | undefined {
  try {
    const real = realpathSync.native(link)
    if (!real.startsWith(`${store}/`)) return undefined
    const [name] = real.slice(store.length + 1).split('/')
    const path = `${STORE_DIR}/${name}`
    return isStorePath(path) ? path : undefined
  } catch {
    return undefined
  }
}
