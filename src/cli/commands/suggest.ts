/** `nixsig suggest PATH…`: the fewest signatures or exemptions with which paths pass. */
import { exemptionsToml, usualEnd } from '../../adopt/exemptions.ts'
import { jsonLine } from '../../explain/verdict-json.ts'
import { judgeWithin } from '../../files/deadline.ts'
import { adviceFor } from '../../policy/advice.ts'
import { exitCode } from '../../policy/exit-code.ts'
import type { Refusal, Stray, Verdict } from '../../policy/verdict.ts'
import { KIND_WORDS, list, pathWord, word } from '../../policy/words.ts'
import { counted } from '../../primitives/counted.ts'
import type { Lacking, Proposals, Wanted } from '../../reach/smallest.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import { command, EVERYWHERE, type Invocation, JSON_OPTION, type PlaceName } from '../command.ts'
import { authorHere } from '../exemption-end.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { openReadersInquiry, readerHere } from '../readable-inquiry.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly paths: readonly string[]
  readonly closure: boolean
  readonly seconds: string
  readonly json: boolean
}

/** Changes nothing, and names nobody to be trusted. */
export const suggest = command({
  arguments: { paths: { count: 'one or more', text: 'Store paths, or links to them' } },
  options: {
    closure: { kind: 'flag', text: 'Also everything that they refer to' },
    seconds: { kind: 'value', value: 'SECONDS', fallback: '60', text: 'How long to judge' },
    json: JSON_OPTION,
  },
  examples: [
    ['suggest ./result', 'Whom to ask for which signature'],
    ['suggest --closure /run/current-system', 'For a whole system'],
  ],
  epilogue: `Counts signatures of people whom the policy lists already: as few as will do. Where none helps, it prints an
exemption to complete. Keys that signed and are not listed are named, never proposed: whoever signs can make a key.
Status 0: everything passes. Otherwise as nixsig verify answers.`,
  reads: EVERYWHERE,
  run: suggestFor,
})

async function suggestFor(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  const end = performance.now() + millisecondsOf('--seconds', options.seconds)
  const reading = openReadersInquiry(places, terminal.note)
  const { inquiry } = reading
  try {
    const { verifyPath, closureOf } = await import('../../verifier/verify.ts')
    const named = options.paths.map(storePathOf)
    const paths = options.closure ? await closureOf(inquiry, named) : named
    const verdicts: Verdict[] = []
    for (const path of paths) {
      const left = end - performance.now()
      if (left <= 0) break
      verdicts.push(await judgeWithin(() => verifyPath(inquiry, path, 'registered'), left))
    }
    const unjudged = paths.length - verdicts.length
    const found = await find(inquiry, verdicts)
    if (options.json) terminal.print(jsonLine(foundJson(found, { judged: verdicts.length, unjudged })))
    else say(terminal, found, inquiry.now)
    if (unjudged > 0) terminal.note(`nixsig: no time for ${counted(unjudged, 'path')}; --seconds gives more`)
    const codes = verdicts.flatMap(verdict => (verdict.outcome === 'trusted' ? [] : [exitCode(verdict)]))
    return mostSevere(unjudged > 0 ? [...codes, 20] : codes)
  } finally {
    reading.close()
  }
}

interface Found {
  readonly proposals: Proposals
  /** Paths that no signature helps. */
  readonly exempt: readonly Refusal[]
  /** Paths that nothing of this helps. */
  readonly helpless: readonly Refusal[]
  readonly strangers: readonly { readonly path: string; readonly stray: Stray }[]
}

async function find(inquiry: Inquiry, verdicts: readonly Verdict[]): Promise<Found> {
  const { canBeHelped, graphOf, lackingOf, rootsOf } = await import('../../reach/lacking.ts')
  const { smallestForAll } = await import('../../reach/smallest.ts')
  const roots = rootsOf(verdicts)
  const lacking: Lacking[] = []
  const helpless: Refusal[] = roots.filter(one => !canBeHelped(one))
  for (const refusal of roots.filter(canBeHelped)) {
    const one = await lackingOf(inquiry, refusal)
    if (one === undefined) helpless.push(refusal)
    else lacking.push(one)
  }
  const graphs = []
  for (const derivation of await makersIn(inquiry, verdicts)) {
    const graph = await graphOf(inquiry, derivation)
    if (graph !== undefined) graphs.push(graph)
  }
  const proposals = smallestForAll(await inquiry.policy(), lacking, graphs, inquiry.now)
  const needExemption = new Set(
    proposals.each.flatMap(({ path, signatures }) => (signatures === undefined ? [path] : [])),
  )
  return {
    proposals,
    exempt: roots.filter(({ path }) => needExemption.has(path)),
    helpless,
    strangers: roots.flatMap(({ path, findings }) =>
      findings.flatMap(finding =>
        finding.code === 'unknown-signer' ? finding.strays.map(stray => ({ path, stray })) : [],
      ),
    ),
  }
}

/** Others who would do that are named. */
const OTHERS = 5

/** The most derivations whose graphs are considered. */
const GRAPHS = 4

/** The derivations of what was refused, as far as they are here. */
async function makersIn(inquiry: Inquiry, verdicts: readonly Verdict[]): Promise<readonly string[]> {
  const store = await inquiry.store()
  const found = new Set<string>()
  for (const verdict of verdicts) {
    if (found.size >= GRAPHS) break
    if (verdict.outcome === 'trusted') continue
    const { path } = verdict
    const derivers = path.endsWith('.drv') ? [path] : (await store.derivers(path)).slice(0, 1)
    for (const one of derivers) found.add(one)
  }
  return [...found]
}

function say(terminal: Terminal, { proposals, exempt, helpless, strangers }: Found, now: number): void {
  const signatures = signaturesOf(proposals)
  const count = signatures.length + proposals.graphs.length
  if (count + exempt.length + helpless.length === 0) terminal.print('everything passes')
  if (count > 0)
    terminal.print(
      `${counted(count, 'signature')} would do${proposals.isExact ? ', and no fewer' : '; perhaps fewer would, as not all ways were tried'}:`,
    )
  for (const wanted of proposals.graphs) terminal.print(`  ${wantedWords(wanted, 'graph')}`)
  for (const wanted of signatures) terminal.print(`  ${wantedWords(wanted, 'path')}`)
  if (exempt.length > 0) {
    terminal.print(
      `\nno signature helps ${counted(exempt.length, 'path')}; an exemption would, if you have a reason:`,
    )
    const author = authorHere()
    const entries = exempt.map(({ path }) => ({ path, reason: 'WHY', author, until: usualEnd(now) }))
    terminal.print(exemptionsToml(entries).trimEnd())
  }
  for (const refusal of helpless) {
    terminal.print(`\nneither helps ${pathWord(refusal.path)} (${KIND_WORDS[refusal.kind]})`)
    for (const step of adviceFor(refusal, { reader: readerHere() }).slice(0, 2))
      terminal.print(`  next: ${step}`)
  }
  if (strangers.length > 0)
    terminal.print('\nwould count if you trusted whoever has these keys, which this does not advise:')
  for (const { path, stray } of strangers)
    terminal.print(`  ${word(stray.detail)} signed ${pathWord(path)} (${word(stray.origin)})`)
}

/** Each once: the proof of a signature over a build graph is wanted for all that the graph has. */
function signaturesOf({ each }: Proposals): readonly Wanted[] {
  const all = each.flatMap(({ signatures }) => signatures ?? [])
  return [...new Map(all.map(one => [`${one.who} ${one.role} ${one.path}`, one])).values()]
}

/** Whom to ask, and what they run. */
function wantedWords({ who, or, role, path, logged, isSigned }: Wanted, over: 'graph' | 'path'): string {
  const name = pathWord(path)
  if (over === 'graph')
    return `${word(who)} as packager over a whole build graph: nixsig handoff ${name} --recursive --key KEY`
  const isDerivation = path.endsWith('.drv')
  const call =
    role === 'builder'
      ? `nixsig reproduce ${name}`
      : isDerivation
        ? `nixsig attest derivation ${name} --key KEY`
        : `nixsig attest source ${name} --as ${role} --key KEY`
  const others = or === undefined ? '' : ` (or ${list(or.map(word), OTHERS)})`
  if (logged === undefined) return `${word(who)}${others} as ${role}: ${call}`
  const proof = `nixsig attest log-proof ${name} --proof FILE`
  const proven = `proven to be logged for the quorum ${word(logged)}`
  if (isSigned)
    return `${word(who)} as ${role}, who signed already: it has to be ${proven}: ${proof}${others}`
  return `${word(who)}${others} as ${role}, ${proven}: ${call}, then ${proof}`
}

function foundJson(
  { proposals, exempt, helpless, strangers }: Found,
  { judged, unjudged }: { readonly judged: number; readonly unjudged: number },
): object {
  return {
    judged,
    unjudged,
    exact: proposals.isExact,
    graphs: proposals.graphs,
    signatures: signaturesOf(proposals),
    exemptions: exempt.map(({ path }) => path),
    helpless: helpless.map(one => ({ path: one.path, status: exitCode(one) })),
    strangers: strangers.map(({ path, stray }) => ({ path, key: stray.detail, origin: stray.origin })),
  }
}
