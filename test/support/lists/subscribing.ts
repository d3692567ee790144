/** A subscriber's side: what a list's keepers published, as somebody in between may serve it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseStrictJson } from '../../../src/formats/json/strict.ts'
import { canonicalJson } from '../../../src/formats/lists/canonical-json.ts'
import { directorySource, type TufSource } from '../../../src/lists/tuf/source.ts'
import { openTufStore, type TufStore } from '../../../src/lists/tuf/store.ts'
import { beginTrust, type Candidate, readNewest } from '../../../src/lists/tuf/update.ts'
import { toHex } from '../../../src/primitives/hex.ts'
import { type Kept, keeper, signerOf, withKept } from './keeping.ts'

export interface Subscriber {
  readonly store: TufStore
  readonly directory: string
  /** Served instead of what was published; null: it is not there. */
  readonly served: Map<string, Uint8Array | null>
  readonly source: TufSource
  /** Reads the newest state, and accepts it with its document. */
  update(): Promise<Candidate>
}

/** A list of three keepers, two of whom have to agree, published once; and a subscriber. */
export function withSubscriber(use: (subscriber: Subscriber, kept: Kept) => Promise<void>): Promise<void> {
  return withKept(['alice', 'bob', 'carol'], 2, async kept => {
    await publishBy(kept, 'alice', 'bob')
    const directory = mkdtempSync(join(tmpdir(), 'nixsig-subscriber-'))
    const served = new Map<string, Uint8Array | null>()
    const published = directorySource(kept.out)
    const source: TufSource = {
      read: async (path, limit) => {
        const other = served.get(path)
        if (other === null) return undefined
        return other ?? published.read(path, limit)
      },
    }
    const store = openTufStore(directory)
    const update = async () => {
      const candidate = await readNewest(store, source, kept.now)
      await candidate.target('list.json')
      candidate.accept()
      return candidate
    }
    try {
      await beginTrust(store, source, { keys: ['alice', 'bob'].map(name => keeper(name).id) })
      await use({ store, directory, served, source, update }, kept)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
}

/** Signs whatever is pending, and publishes it. */
export async function publishBy(kept: Kept, ...names: readonly string[]): Promise<void> {
  for (const name of names) await kept.sign(name)
  kept.publish()
}

/** The metadata that is served now, by path. */
export function metadataOf({ out }: Kept): ReadonlyMap<string, Uint8Array> {
  const names = readdirSync(join(out, 'metadata'))
  return new Map(names.map(name => [`metadata/${name}`, readFileSync(join(out, 'metadata', name))]))
}

/** A published metadata, changed and signed anew by these. */
export async function signedAnew(
  kept: Kept,
  name: string,
  change: (signed: Record<string, unknown>) => void,
  by: readonly string[],
): Promise<Uint8Array> {
  const { signed } = JSON.parse(readFileSync(join(kept.out, 'metadata', name), 'utf8'))
  change(signed)
  const text = JSON.stringify(signed)
  const message = canonicalJson(parseStrictJson(text, { length: 1_000_000, depth: 16 }))
  const signatures = await Promise.all(
    by.map(async each => ({
      keyid: keeper(each).id,
      sig: toHex(await signerOf(each).sign(message)),
    })),
  )
  return Buffer.from(`{"signed":${text},"signatures":${JSON.stringify(signatures)}}`)
}
