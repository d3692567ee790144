/**
 * What Nix sends to the program of its `build-hook` setting (libstore, build-remote), in the
 * encoding of the worker protocol. First come all settings, each as `1`, name and value, ended by a
 * `0`; then one request after another. After the program has accepted a request, Nix sends the
 * paths that the build needs and the outputs that are wanted.
 */
import { type Reader, readList, readNumber, readString, wireError } from './wire.ts'

const SETTINGS_LIMIT = 10_000

/** A derivation that could be built elsewhere. */
export interface BuildRequest {
  readonly system: string
  readonly derivation: string
  readonly features: readonly string[]
}

/** Reads the settings of the Nix that asks, by name. Throws FormatError. */
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

/** Reads the next request. Throws FormatError if it is not a `try` request. */
export function* readBuildRequest(): Reader<BuildRequest> {
  const word = yield* readString('request')
  if (word !== 'try') throw wireError('a request that is not known', 'request')
  yield* readNumber('whether Nix is willing')
  const system = yield* readString('system')
  const derivation = yield* readString('derivation')
  return { system, derivation, features: yield* readList('features', readString) }
}

/**
 * Reads what follows an accepted request: the paths that the build needs, and the names of the
 * wanted outputs.
 */
export function* readAccepted(): Reader<void> {
  yield* readList('inputs', readString)
  yield* readList('outputs', readString)
}
