/** A store in memory that answers as Nix's own store does, in a chosen order. */
import type { Store } from '../../../src/store/store-client.ts'
import type { World } from './world.ts'

/** Puts the items of an answer into a certain order. */
export type Order = <T>(items: readonly T[]) => readonly T[]

export const AS_IT_IS: Order = items => items

/**
 * Behaves like Nix's local store (src/libstore/local-store.cc), which only knows valid paths. The
 * derivers of a path are the valid derivations registered with this output, whether the path is
 * valid or not. Its referrers are valid paths; an invalid path has none. Throws when asked to
 * change something.
 */
export function memoryStore({ infos, outputs }: Pick<World, 'infos' | 'outputs'>, order: Order): Store {
  const referrers = (path: string) =>
    infos.has(path)
      ? [...infos.values()].filter(info => info.references.includes(path)).map(info => info.path)
      : []
  const derivers = (path: string) =>
    [...outputs].flatMap(([drv, made]) => ([...made.values()].includes(path) ? [drv] : []))
  const readOnly = async () => {
    throw new Error('a store in memory is not written to')
  }
  const pathInfo = async (path: string) => {
    const info = infos.get(path)
    return info && { ...info, references: order([...info.references].sort()) }
  }
  return {
    version: async () => '2.34.8',
    pathInfo,
    pathInfos: paths => Promise.all(paths.map(pathInfo)),
    validPaths: async paths => new Set(paths.filter(path => infos.has(path))),
    allValidPaths: async () => order([...infos.keys()].sort()),
    roots: async () => new Set(),
    referrers: async path => order(referrers(path).sort()),
    derivers: async path => order(derivers(path).sort()),
    outputs: async derivation => new Map(outputs.get(derivation)),
    addTempRoot: async () => undefined,
    addSignatures: readOnly,
    isOpen: () => true,
    close: () => undefined,
  }
}
