import { mirrorCommit } from '../../git/mirror.ts'
import { type OpenRepository, openRepository } from '../../git/open-repository.ts'

/** Where commits are found. */
export interface RepositoryPlaces {
  /** Local repositories for canonical URLs. Nothing is fetched for these. */
  readonly local: ReadonlyMap<string, string>
  /** The directory of all mirrors. */
  readonly mirrors: string
}

/** Repositories that are opened once each. They have to be closed. */
export interface Repositories {
  /**
   * An open repository that has the commit, if its server does. `from`: what to fetch from. Throws
   * FileError.
   */
  holding(url: string, from: string, commit: string): Promise<OpenRepository>
  close(): Promise<void>
}

/** Opens repositories as they are needed. */
export function openRepositories({ local, mirrors }: RepositoryPlaces): Repositories {
  const opened = new Map<string, Promise<OpenRepository>>()
  const once = (key: string, open: () => Promise<OpenRepository>) => {
    const repository = opened.get(key) ?? open()
    opened.set(key, repository)
    return repository
  }
  return {
    holding: (url, from, commit) => {
      const place = local.get(url) ?? (url.startsWith('file://') ? url.slice('file://'.length) : undefined)
      if (place !== undefined) return once(place, async () => openRepository(place))
      return once(`${url} ${commit}`, () => mirrorCommit(mirrors, from, commit))
    },
    close: async () => {
      for (const opening of await Promise.allSettled(opened.values())) {
        if (opening.status === 'fulfilled') opening.value.close()
      }
    },
  }
}
