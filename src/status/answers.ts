/** When those whom the policy names answered last. */
import { mirrorOf, readRecord } from '../evidence/remote/mirror.ts'
import { lastFailure } from '../evidence/remote/update.ts'
import { type LastAnswer, readLastAnswer } from '../evidence/upstreams/last-answer.ts'
import type { Policy } from '../policy/policy.ts'

/**
 * A cache or a source, by the address in the policy, and its last answer; undefined: it gave none.
 */
export interface Answering {
  readonly url: string
  readonly last: LastAnswer | undefined
}

/** The binary caches, as this machine's gate heard them last. */
export function answersOfCaches(state: string, { gate }: Policy): readonly Answering[] {
  return gate.upstreams.map(({ url }) => ({ url, last: readLastAnswer(state, url) }))
}

/** The sources of attestations, as their mirrors know. Throws FileError. */
export function answersOfSources(state: string, { sources }: Policy): readonly Answering[] {
  return sources.map(source => {
    const mirror = mirrorOf(state, source)
    const answered = readRecord(mirror)?.checked
    const failed = lastFailure(mirror)
    const last = answered === undefined && failed === undefined ? undefined : { answered, failed }
    return { url: source.url, last }
  })
}
