/** Takes fallen paths out of the store, with what refers to them, into quarantine. */
import { paragraph } from '../policy/wording.ts'
import type { QuarantineEntry } from '../quarantine/entry.ts'
import { quarantine } from '../quarantine/quarantine.ts'
import type { TakenOut } from '../quarantine/take-all-out.ts'
import { openStore, type Store } from '../store/store-client.ts'
import type { Changed } from './compare.ts'
import type { Usage } from './usage.ts'

/** A fallen path, with what it is to others. */
export interface Fallen {
  readonly changed: Changed
  readonly usage: Usage
}

/** Why a path stays in the store. */
export type Staying = 'gone' | 'system' | 'profile' | 'derivation' | 'unjudged'

/**
 * Why a fallen path is not taken out; undefined: it can be. What the machine uses stays: it would
 * stop working. It is refused as an input all the same. A derivation is a recipe, and refused too.
 */
export function staysBecause({ changed, usage }: Fallen): Staying | undefined {
  if (!usage.isHere) return 'gone'
  if (usage.neededBy !== undefined) return usage.neededBy
  if (changed.kind === 'derivation') return 'derivation'
  return changed.refusal === undefined ? 'unjudged' : undefined
}

/** Takes out those that can be; `why` is added to the reason. Throws FileError and StoreError. */
export async function setAside(
  state: string,
  fallen: readonly Fallen[],
  { now, why }: { readonly now: number; readonly why: string },
): Promise<TakenOut> {
  const store = await openStore()
  try {
    const entries: QuarantineEntry[] = []
    for (const one of fallen) {
      const entry =
        staysBecause(one) === undefined ? await entryOf(store, one.changed, { now, why }) : undefined
      if (entry !== undefined) entries.push(entry)
    }
    return await quarantine(state, entries, openStore)
  } finally {
    store.close()
  }
}

async function entryOf(
  store: Store,
  { path, derivation, builtHere, refusal }: Changed,
  { now, why }: { readonly now: number; readonly why: string },
): Promise<QuarantineEntry | undefined> {
  const info = await store.pathInfo(path)
  if (info === undefined || refusal === undefined) return undefined
  return {
    path,
    narHash: info.narHash,
    narSize: info.narSize,
    references: info.references,
    // Of what came from elsewhere none may be known: it then stands for itself.
    derivation: derivation ?? path,
    builtHere,
    registered: info.registrationTime,
    refused: now,
    outcome: refusal.outcome,
    reason: `${why}\n${paragraph(refusal)}`,
  }
}
