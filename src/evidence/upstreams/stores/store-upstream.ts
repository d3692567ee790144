/**
 * A store that Nix can reach, as an upstream. What it says is told in the form of a narinfo and read
 * as strictly; its NARs pass through the gate, uncompressed.
 */
import { existsSync } from 'node:fs'
import { within } from '../../../files/deadline.ts'
import { findProgram } from '../../../files/programs.ts'
import { SourceError } from '../../../http/source-error.ts'
import type { UpstreamSettings } from '../../../policy/gate-settings.ts'
import { FormatError } from '../../../primitives/format-error.ts'
import { printable } from '../../../primitives/printable.ts'
import type { OtherStore } from '../../../store/other-daemon.ts'
import type { OtherStoreClient } from '../../../store/other-store.ts'
import { StoreError } from '../../../store/store-error.ts'
import { namesOf } from '../known-names.ts'
import type { OpenOptions } from '../open-options.ts'
import { readOffer } from '../read-offer.ts'
import { PRIORITY, type Standing } from '../standing.ts'
import type { Said, Upstream } from '../upstream.ts'
import { readStoreAddress, type StoreAddress } from './address.ts'
import { printDescribed, readNarName } from './described.ts'
import { keepSessions, type SessionLimits, type Sessions } from './sessions.ts'
import { noStore, storeWords } from './store-words.ts'
import { streamNar } from './stream-nar.ts'

/**
 * For questions, and for NARs, which take long: the gate shares these out (src/gate/nar-turns.ts).
 */
const QUESTIONS: SessionLimits = { count: 4, idle: 300_000, pause: 5000 }
const NARS: SessionLimits = { count: 20, idle: 30_000, pause: 1000 }
/** Milliseconds for which a host that answered in the old protocol alone is asked in that. */
const LEGACY = 600_000
/**
 * Milliseconds to wait for another upstream to mention a name; less than after which the gate takes
 * an upstream for slow.
 */
const MENTION = 800

/** Processes that speak for one store. */
interface Ways {
  readonly questions: Sessions<OtherStoreClient>
  readonly nars: Sessions<OtherStoreClient>
}

/** Opens an upstream on a store; starts no program yet. */
export function storeUpstream({ url, priority }: UpstreamSettings, { timeout }: OpenOptions): Upstream {
  const address = readStoreAddress(url, timeout)
  const modern = waysTo(address.store, timeout)
  const legacy = address.legacy && waysTo(address.legacy, timeout)
  const standing: Standing = { priority: priority ?? PRIORITY, wantsMassQuery: true, isKnown: true }
  let legacyUntil = 0
  const isLegacy = () => legacy !== undefined && performance.now() < legacyUntil

  /** What is registered about a path; undefined if it is absent. */
  async function find(digest: string, signal: AbortSignal) {
    if (legacy !== undefined && isLegacy()) return findByName(legacy, digest, signal)
    try {
      return await using(modern.questions, signal, async store => {
        const path = await store.pathOf(digest)
        return path === undefined ? undefined : store.pathInfo(path)
      })
    } catch (error) {
      if (legacy === undefined || signal.aborted || !(error instanceof StoreError)) throw error
      const info = await findByName(legacy, digest, signal, error.message)
      legacyUntil = performance.now() + LEGACY
      return info
    }
  }

  const upstream: Upstream = {
    url,
    locate(name) {
      readNarName(name)
      return { kind: 'streamed', url: name }
    },
    async narinfo(digest): Promise<Said> {
      const lack = lackOf(address)
      if (lack !== undefined) return { kind: 'silent', detail: lack }
      const late = () => new StoreError(`no answer within ${timeout / 1000} seconds`)
      try {
        const info = await within({ milliseconds: timeout, late }, signal => find(digest, signal))
        if (info === undefined) return { kind: 'absent' }
        return readOffer(upstream, digest, Buffer.from(printDescribed(info), 'latin1'))
      } catch (error) {
        if (error instanceof FormatError) return { kind: 'malformed', detail: printable(error.message) }
        if (error instanceof StoreError) return { kind: 'silent', detail: storeWords(error.message) }
        throw error
      }
    },
    async stream(name, { range, signal, turns }) {
      const nar = readNarName(name)
      const lack = lackOf(address)
      if (lack !== undefined) throw new SourceError(lack, { isPassing: false })
      const { nars } = legacy !== undefined && isLegacy() ? legacy : modern
      const turn = turns && ((until: AbortSignal) => turns.sending(url, until))
      return streamNar(nars, nar, { range, signal, turn })
    },
    // A store says nothing of itself. It is asked as much as a cache that wants that.
    standing: () => standing,
    asked: async () => standing,
    close() {
      for (const { questions, nars } of legacy === undefined ? [modern] : [modern, legacy]) {
        questions.close()
        nars.close()
      }
    },
  }
  return upstream
}

function waysTo(store: OtherStore, timeout: number): Ways {
  const open = async () => {
    const { openOtherStore } = await import('../../../store/other-store.ts')
    return openOtherStore(store, timeout)
  }
  return { questions: keepSessions(open, QUESTIONS), nars: keepSessions(open, NARS) }
}

/** Asks; once more if the process that was kept for it turns out to have ended. */
async function using<T>(
  sessions: Sessions<OtherStoreClient>,
  signal: AbortSignal,
  ask: (store: OtherStoreClient) => Promise<T>,
): Promise<T> {
  for (let isRetried = false; ; isRetried = true) {
    const session = await sessions.take(signal)
    try {
      return await ask(session)
    } catch (error) {
      const isLost = error instanceof StoreError && error.isLoss
      if (!isLost || isRetried || signal.aborted) throw error
    } finally {
      // What is still under way would be the next one's answer.
      if (signal.aborted) session.close()
      sessions.giveBack(session)
    }
  }
}

/**
 * By the names that others gave the path, since the protocol of `ssh://` wants the whole name.
 * `problem`: why `ssh-ng://` does not work.
 */
async function findByName({ questions }: Ways, digest: string, signal: AbortSignal, problem?: string) {
  const names = await namesOf(digest, MENTION)
  if (names.length === 0) {
    const why = problem === undefined ? '' : `as ssh-ng://: ${problem}; `
    throw new StoreError(
      `${why}ssh:// can only be asked by the whole name of a path, and no other upstream mentioned this one`,
    )
  }
  for (const name of names) {
    const info = await using(questions, signal, store => store.pathInfo(name))
    if (info !== undefined) return info
  }
  return undefined
}

/** What is missing here, so that nothing can be asked. */
function lackOf({ kind, database }: StoreAddress): string | undefined {
  if (database !== undefined && !existsSync(database)) return noStore(database)
  if (kind === 'ssh' && findProgram('ssh') === undefined)
    return 'there is no ssh program on this machine; next: install OpenSSH'
  return undefined
}
