/** Paths that binary caches have, judged before any of them is fetched. */

import { byPriority } from '../evidence/upstreams/by-priority.ts'
import { openOptions, openUpstream } from '../evidence/upstreams/open-upstream.ts'
import type { Upstream, UpstreamAnswer } from '../evidence/upstreams/upstream.ts'
import { judgeWithin } from '../files/deadline.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import type { UpstreamSettings } from '../policy/gate-settings.ts'
import { parseUpstreamAddress } from '../policy/language/upstream-address.ts'
import type { Policy } from '../policy/policy.ts'
import type { Refusal, Verdict } from '../policy/verdict.ts'
import { printable } from '../primitives/printable.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import { admitOffers, type OfferOutcome } from '../verifier/offered.ts'
import { refusalOf } from '../verifier/refusal-of-error.ts'
import { UsageError } from './usage-error.ts'

/** Paths that one closure may have, and that are asked about at once. */
const PATH_LIMIT = 100_000
const AT_ONCE = 16

interface Asked {
  readonly path: string
  readonly verdict: Verdict
  readonly references: readonly string[]
}

/**
 * Binary caches to ask, by their addresses; as the policy has them where it has them. Throws
 * UsageError.
 */
export function upstreamsFrom(policy: Policy, addresses: readonly string[]): readonly Upstream[] {
  const settings = new Map(addresses.map(address => settingsOf(policy, address)).map(one => [one.url, one]))
  return [...settings.values()].map(one => openUpstream(one, openOptions(policy)))
}

/**
 * Judges paths as these upstreams offer them, with `recursive` and all that they refer to, each
 * once, in the order in which they were found. Throws UsageError where there are very many.
 */
export async function* judgeOffered(
  inquiry: Inquiry,
  upstreams: readonly Upstream[],
  { paths, recursive }: { readonly paths: readonly string[]; readonly recursive: boolean },
): AsyncGenerator<Verdict> {
  const found = new Set(paths)
  let waiting = [...found]
  while (waiting.length > 0) {
    const asked = await Promise.all(
      waiting.splice(0, AT_ONCE).map(path => judgeOne(inquiry, upstreams, path)),
    )
    for (const { path, verdict, references } of asked) {
      yield verdict
      if (!recursive) continue
      const fresh = references.filter(reference => reference !== path && !found.has(reference))
      for (const reference of fresh) found.add(reference)
      if (found.size > PATH_LIMIT) throw new UsageError(`more than ${PATH_LIMIT} paths`)
      waiting = [...waiting, ...new Set(fresh)]
    }
  }
}

/** What these upstreams offer of one path, and what becomes of it. */
export async function offered(inquiry: Inquiry, upstreams: readonly Upstream[], path: string) {
  const { digest } = parseStorePath(path)
  // What they say of themselves decides whose offer is the first, and who is of use at all.
  await Promise.all(upstreams.map(upstream => upstream.asked()))
  const answers = await Promise.all(byPriority(upstreams).map(upstream => ask(upstream, digest)))
  const outcome = await judgeWithin(() => admitOffers(inquiry, digest, answers)).catch(error => {
    return { kind: 'refused', verdict: refusalOf(error, path, 'output') } as OfferOutcome & {
      kind: 'refused'
    }
  })
  // Of what nobody offers the verifier knows the hash part alone; here the whole name is known.
  const isNameless =
    outcome.kind === 'unanswered' || (outcome.kind === 'refused' && outcome.offer === undefined)
  return { answers, outcome: isNameless ? { ...outcome, verdict: { ...outcome.verdict, path } } : outcome }
}

async function judgeOne(inquiry: Inquiry, upstreams: readonly Upstream[], path: string): Promise<Asked> {
  const { answers, outcome } = await offered(inquiry, upstreams, path)
  if (outcome.kind === 'absent') return { path, verdict: nowhere(path, upstreams), references: [] }
  const { verdict } = outcome
  // Another cache's word about it may not stand.
  const stands = 'offer' in outcome ? outcome.offer : undefined
  const offer = stands ?? answers.map(({ said }) => said).find(said => said.kind === 'offer')?.offer
  if (offer !== undefined && offer.narinfo.path !== path) {
    return { path, verdict: calledOtherwise(path, offer.upstream, offer.narinfo.path), references: [] }
  }
  return { path, verdict, references: offer?.narinfo.references ?? [] }
}

async function ask(upstream: Upstream, digest: string): Promise<UpstreamAnswer> {
  return { upstream: upstream.url, said: await upstream.narinfo(digest), seconds: 0 }
}

function nowhere(path: string, upstreams: readonly Upstream[]): Refusal {
  return undecided(
    path,
    upstreams.map(({ url }) => url).join(', '),
    'it is not there, or there was no answer',
  )
}

function calledOtherwise(path: string, upstream: string, name: string): Refusal {
  return undecided(path, upstream, `has ${printable(name)} instead`)
}

function undecided(path: string, origin: string, detail: string): Refusal {
  const finding = { code: 'unreadable', trouble: { origin, detail } } as const
  return { outcome: 'indeterminate', path, kind: 'output', ground: { kind: 'caches' }, findings: [finding] }
}

/** Case, a slash at the end and the like matter in a policy, not here. */
function settingsOf({ gate }: Policy, address: string): UpstreamSettings {
  const isPlain = /^(?:https?|file):/i.test(address) && URL.canParse(address)
  const read = parseUpstreamAddress(isPlain ? new URL(address).href.replace(/\/+$/, '') : address)
  if ('problem' in read) {
    throw new UsageError(
      `--from ${printable(address)} is not the address of a binary cache or store, such as https://…, file:///…, s3://… or ssh-ng://…: it ${read.problem}`,
    )
  }
  return gate.upstreams.find(({ url }) => url === read.url) ?? read
}
