/** `[store]`: what may become valid in the store without being trusted, because nothing runs it. */
import type { StoreSettings } from '../policy.ts'
import { fieldsOf, type Node, wordOf } from './fields.ts'

/** What holds where a policy says nothing. */
export const DEFAULT_STORE: StoreSettings = { sources: 'data' }

/** Reads `[store]`; notes what is wrong. */
export function readStore(node: Node | undefined): StoreSettings {
  const fields = node && fieldsOf(node, [], ['sources'])
  return { sources: wordOf(fields?.sources, ['data', 'attested']) ?? DEFAULT_STORE.sources }
}
