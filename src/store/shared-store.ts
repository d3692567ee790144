/**
 * One store for many who ask at once. Questions are asked one at a time on one connection, so that
 * a thousand questions do not start a thousand daemons. A question whose answer takes long moves to
 * a connection of its own, and nobody waits behind it. What fails, fails for itself alone.
 */
import { type LaneLimits, openLanes, type Question } from './question-lanes.ts'
import { connectionClosed, openSharedConnections } from './shared-connections.ts'
import { openStore, type Store } from './store-client.ts'

const LIMITS: LaneLimits = { patience: 250, apart: 3, wait: 60_000, memory: 60_000 }

/**
 * Returns a store that opens its connections when they are needed, and again when they are lost: a
 * daemon may be restarted at any time. A question that meets the loss of its connection is asked
 * again, once; one that was not sent yet goes to the next connection. Questions reject if no
 * connection can be opened, and after `close`.
 */
export function shareStore(open: () => Promise<Store> = openStore, limits: LaneLimits = LIMITS): Store {
  const connections = openSharedConnections(open)
  const lanes = openLanes(connections, limits)
  const ask = <T>(key: string | undefined, ask: (store: Store) => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      if (connections.isOpen()) lanes.put(questionOf(key, ask, { resolve, reject }))
      else reject(connectionClosed())
    })
  return {
    version: () => ask(undefined, store => store.version()),
    pathInfo: (path, names) => ask(`info ${path}`, store => store.pathInfo(path, names)),
    async pathInfos(paths) {
      // Nobody waits behind so many questions: they have a connection of their own.
      const store = await connections.take()
      try {
        return await store.pathInfos(paths)
      } finally {
        connections.giveBack(store)
      }
    },
    validPaths: paths => ask(undefined, store => store.validPaths(paths)),
    allValidPaths: () => ask(undefined, store => store.allValidPaths()),
    referrers: path => ask(`referrers ${path}`, store => store.referrers(path)),
    roots: () => ask('roots', store => store.roots()),
    derivers: path => ask(`derivers ${path}`, store => store.derivers(path)),
    outputs: derivation => ask(`outputs ${derivation}`, store => store.outputs(derivation)),
    addTempRoot: async path => (await connections.forRoots()).addTempRoot(path),
    addSignatures: (path, signatures) => ask(undefined, store => store.addSignatures(path, signatures)),
    isOpen: connections.isOpen,
    close() {
      connections.close()
      lanes.close()
    },
  }
}

function questionOf<T>(
  key: string | undefined,
  ask: (store: Store) => Promise<T>,
  { resolve, reject }: { readonly resolve: (answer: T) => void; readonly reject: (error: unknown) => void },
): Question {
  let isSettled = false
  return {
    key,
    async ask(store) {
      const answer = await ask(store)
      isSettled = true
      resolve(answer)
    },
    fail(error) {
      isSettled = true
      reject(error)
    },
    isSettled: () => isSettled,
    isRetried: false,
  }
}
