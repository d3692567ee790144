/**
 * `nixsig adopt CLOSURE…`: from a machine that existed before nixsig to one on which everything is
 * vouched for.
 */
import { join } from 'node:path'
import { adopt as adoptClosures } from '../../adopt/adopt.ts'
import { type Attempts, NO_ATTEMPTS, openAttempts } from '../../adopt/attempts.ts'
import { spanWords } from '../../adopt/estimate.ts'
import { type Exempting, exemptionsFor, exemptionsToml } from '../../adopt/exemptions.ts'
import type { Decided } from '../../adopt/run.ts'
import type { Upstream } from '../../evidence/upstreams/upstream.ts'
import { withLockIfFree } from '../../files/lock.ts'
import { printable } from '../../primitives/printable.ts'
import { estimateFor } from '../adopt-estimate.ts'
import { decidedLine, summaryLine } from '../adopt-json.ts'
import { causesIn, sayCauses, sayEstimate, sayExemptions, saySums } from '../adopt-report.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import { authorHere, exemptionEnd } from '../exemption-end.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { finishInterrupted } from '../finish-interrupted.ts'
import { upstreamsFrom } from '../offered-paths.ts'
import { isMadeElsewhere } from '../policy-argument.ts'
import { openProgressHere } from '../progress-bar.ts'
import { openReadersInquiry } from '../readable-inquiry.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { assertOwnMachine, saySettled } from '../setup-words.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly closures: readonly string[]
  readonly 'dry-run': boolean
  readonly exempt: boolean
  readonly until: string | undefined
  readonly again: boolean
  readonly offline: boolean
  readonly timeout: string
  readonly json: boolean
}

/** Runs with --exempt: each may find what the one before could not get to. */
const PASSES = 16

/** Makes a closure one that the policy vouches for. */
export const adopt = command({
  arguments: {
    closures: {
      count: 'one or more',
      text: 'Store paths, or links to them such as /run/current-system, each with all that it refers to',
    },
  },
  options: {
    'dry-run': { kind: 'flag', text: 'Change nothing: say what would be done, and how long it takes' },
    exempt: {
      kind: 'flag',
      text: "Write an exemption into the machine's policy for each path that cannot be adopted",
    },
    until: { kind: 'value', value: 'DATE', text: 'The end of the exemptions; 90 days from now by default' },
    again: { kind: 'flag', text: 'Build again also what came out differently before' },
    offline: { kind: 'flag', text: "Do not ask the policy's caches for signatures" },
    timeout: {
      kind: 'value',
      value: 'SECONDS',
      fallback: '86400',
      text: 'How long Nix may take for each derivation',
    },
    json: { kind: 'flag', text: 'Print one JSON object a line for each path, and one for all of them' },
  },
  examples: [
    ['adopt /run/current-system --dry-run', 'What there is to do, and how long it takes'],
    ['adopt /run/current-system', 'Before "nixsig enforce", on a machine that existed before'],
    ['adopt ~/.nix-profile --exempt --until 2027-01-31', 'With exemptions for what nothing else helps'],
  ],
  epilogue: `Goes through what is there, leaf first: takes what signatures and attestations vouch for, has Nix build the
rest again under the hooks, and names what cannot be built again. Can be stopped at any moment: the next call goes on.
Status 0: everything is adopted. 13: something came out differently or was changed. 20: something was not built.`,
  reads: EVERYWHERE,
  run: adoptAll,
})

async function adoptAll(options: Options, invocation: Invocation<PlaceName>): Promise<Status> {
  const dry = options['dry-run']
  const until = exemptionEnd(options.until, now())
  const timeout = millisecondsOf('--timeout', options.timeout)
  const roots = options.closures.map(storePathOf)
  if (!dry && process.geteuid?.() !== 0)
    throw new UsageError(
      'only root can run nixsig adopt, for it writes what this machine admits; next: --dry-run shows what there is to do',
    )
  if (!dry) assertOwnMachine('adopt', invocation.places)
  if (dry && options.exempt) throw new UsageError('--exempt changes the policy: leave out --dry-run')
  const call = { ...options, dry, until, timeout, roots }
  if (dry) return adoptOnce(call, invocation)
  const lock = join(invocation.places.state, 'adopt', 'lock')
  const held = await withLockIfFree(lock, async () => {
    await finishInterrupted(invocation)
    return adoptOnce(call, invocation)
  })
  if (held === undefined) throw new UsageError('another nixsig adopt is running; next: wait until it is done')
  return held.value
}

interface Call extends Omit<Options, 'until' | 'timeout'> {
  readonly dry: boolean
  /** Seconds since 1970. */
  readonly until: number
  /** Milliseconds. */
  readonly timeout: number
  readonly roots: readonly string[]
}

async function adoptOnce(call: Call, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  const attempts = call.dry ? NO_ATTEMPTS : openAttempts(places.state, call)
  if (attempts.isResumed) terminal.note('going on where an earlier call stopped')
  for (let pass = 1; ; pass++) {
    const { decided, bytes } = await adoptPass({ ...call, attempts }, { places, terminal }, pass)
    const causes = [...causesIn(decided).values()].map(({ cause }) => cause)
    const exemptions = exemptionsFor(causes, { now: now(), until: call.until, author: authorHere() })
    if (call.exempt && exemptions.length > 0 && pass < PASSES) {
      const status = await exempt(exemptions, terminal)
      if (status !== 0) return status
      continue
    }
    attempts.end()
    const time = call.dry ? estimateFor(decided, bytes) : undefined
    if (call.json) {
      // Of several passes, what the last one came to.
      if (call.exempt) for (const one of decided) terminal.print(decidedLine(one))
      terminal.print(summaryLine({ decided, exemptions, estimate: time }))
    } else {
      saySums(terminal, decided, call.dry)
      if (time !== undefined) sayEstimate(terminal, time)
      sayCauses(terminal, decided)
      sayExemptions(terminal, exemptions, isMadeElsewhere(places.policy) ? 'nix' : 'toml')
    }
    return mostSevere(causesOfMembers(decided))
  }
}

async function adoptPass(
  call: Call & { readonly attempts: Attempts },
  { places, terminal }: Invocation<PlaceName>,
  pass: number,
) {
  const reading = openReadersInquiry(places, pass === 1 && call.dry ? terminal.note : () => {})
  const upstreams = call.offline ? [] : await upstreamsOf(reading.inquiry)
  const progress = openProgressHere(terminal)
  try {
    return await adoptClosures(call.roots, {
      places: reading.places,
      dry: call.dry,
      timeout: call.timeout,
      upstreams,
      attempts: call.attempts,
      onBegin: progress.begin,
      onDecided(decided) {
        if (decided.isMember) progress.step()
        if (call.json && !call.exempt) terminal.print(decidedLine(decided))
      },
      onWarning: terminal.warn,
      onWork(text, seconds) {
        progress.work(seconds === undefined ? text : `${text} (last time ${spanWords(seconds)})`)
      },
    })
  } finally {
    for (const upstream of upstreams) upstream.close()
    reading.close()
  }
}

async function upstreamsOf(inquiry: ReturnType<typeof openReadersInquiry>['inquiry']) {
  const policy = await inquiry.policy()
  const addresses = policy.gate.upstreams.map(({ url }) => url)
  return upstreamsFrom(policy, addresses) as readonly Upstream[]
}

/** Writes them into the machine's policy. */
async function exempt(exemptions: readonly Exempting[], terminal: Terminal): Promise<Status> {
  const { machinePlaces } = await import('../../setup/places.ts')
  const { addExemptions } = await import('../../setup/add-exemptions.ts')
  const places = machinePlaces()
  if (isMadeElsewhere(places.policy))
    throw new UsageError(
      `${printable(places.policy)} is made by something else, so it cannot be changed here; next: leave out --exempt, and put the exemptions that are printed where it is made`,
    )
  const settled = await addExemptions(places, exemptionsToml(exemptions), exemptions.length)
  for (const { path, reason } of exemptions) terminal.note(`exempt: ${path} (${reason})`)
  return saySettled(settled, terminal)
}

function causesOfMembers(decided: readonly Decided[]) {
  return decided.flatMap(({ isMember, outcome }) =>
    isMember && outcome.kind === 'left' ? outcome.causes.map(({ status }) => status) : [],
  )
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
