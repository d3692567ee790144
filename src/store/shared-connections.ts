import type { Store } from './store-client.ts'
import { StoreError } from './store-error.ts'

/** The connections of a shared store. */
export interface SharedConnections {
  /** Returns a connection for one question: the idle one, or a new one. */
  take(): Promise<Store>
  /** Keeps a connection for the next question, unless another is kept already. */
  giveBack(store: Store): void
  /** Ends a connection, with whatever is asked on it. */
  drop(store: Store): void
  /** Returns the connection that holds temporary roots, which last as long as it does. */
  forRoots(): Promise<Store>
  isOpen(): boolean
  close(): void
}

/** Opens no connection yet. */
export function openSharedConnections(open: () => Promise<Store>): SharedConnections {
  const all = new Set<Store>()
  let idle: Store | undefined
  let roots: Promise<Store> | undefined
  let isClosed = false

  async function connect(): Promise<Store> {
    const store = await open()
    all.add(store)
    if (!isClosed) return store
    drop(store)
    throw connectionClosed()
  }

  function drop(store: Store): void {
    all.delete(store)
    store.close()
  }

  return {
    async take() {
      const store = idle
      idle = undefined
      if (store?.isOpen() === true) return store
      if (store !== undefined) drop(store)
      return connect()
    },
    giveBack(store) {
      if (store.isOpen() && idle === undefined && !isClosed) idle = store
      else drop(store)
    },
    drop,
    async forRoots() {
      const before = roots
      const held = await before?.catch(() => undefined)
      if (held?.isOpen() === true) return held
      // If several find it lost at once, the first one opens it for all.
      if (roots === before || roots === undefined) roots = connect()
      return roots
    },
    isOpen: () => !isClosed,
    close() {
      isClosed = true
      for (const store of all) store.close()
    },
  }
}

/** What a question is answered after `close`. */
export function connectionClosed(): StoreError {
  return new StoreError('the connection to the Nix daemon was closed')
}
