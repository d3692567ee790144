/** `[store]`: what may become valid in the store without being trusted, because it is not run. */
import type { StoreSettings } from '../policy.ts'
import { fieldsOf, type Node, wordOf } from './fields.ts'

/** The settings of a policy without `[store]`. */
export const DEFAULT_STORE: StoreSettings = { sources: 'data' }

/** Reads `[store]` and records its problems. */
export function readStore(node: Node | undefined): StoreSettings {
  const fields = node && fieldsOf(node, [], ['sources'])
  return { sources: wordOf(fields?.sources, ['data', 'attested']) ?? DEFAULT_STORE.sources }
}
