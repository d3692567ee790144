/**
 * What Nix says to the program of its `build-hook` setting (libstore, build-remote), in the alphabet of its worker
 * protocol: first all settings, each as `1`, name and value, and a `0`; then one request after another. Whoever
 * accepts one is told which paths the build needs and which outputs are wanted.
 */
import { type Reader, readList, readNumber, readString, wireError } from './wire.ts'

const SETTINGS_LIMIT = 10_000

/** A derivation that could be built elsewhere. */
export interface BuildRequest {
  readonly system: string
  readonly derivation: string
  readonly features: readonly string[]
}

/** The settings of the Nix that asks, by name. Throws FormatError. */
export function* readSettings(): Reader<ReadonlyMap<string, string>> {
  const settings = new Map<string, string>()
  for (;;) {
    const more = yield* readNumber('settings')
    if (more === 0) return settings
    if (more !== 1) throw wireError('neither another setting nor their end', 'settings')
    if (settings.size >= SETTINGS_LIMIT) throw wireError('too many settings', 'settings')
    const name = yield* readString('name of a setting')
    if (settings.has(name)) throw wireError('a setting twice', 'settings')
    settings.set(name, yield* readString('value of a setting'))
  }
}

/** The next request. Throws FormatError for anything else that Nix might ask. */
export function* readBuildRequest(): Reader<BuildRequest> {
  const word = yield* readString('request')
  if (word !== 'try') throw wireError('a request that is not known', 'request')
  yield* readNumber('whether Nix is willing')
  const system = yield* readString('system')
  const derivation = yield* readString('derivation')
  return { system, derivation, features: yield* readList('features', readString) }
}

/** What follows once a request was accepted: the paths that the build needs, and the names of the wanted outputs. */
export function* readAccepted(): Reader<void> {
  yield* readList('inputs', readString)
  yield* readList('outputs', readString)
}
