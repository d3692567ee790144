import { treeLines } from '../../explain/chain-tree.ts'
import { type Explanation, explainPath } from '../../explain/explain.ts'
import { printExplanation } from '../../explain/explanation-json.ts'
import { ASK_SOCKET } from '../../formats/asker.ts'
import { parseStorePath, type StorePath } from '../../formats/nix/store-path.ts'
import { openAskedGate } from '../../gate/ask-gate.ts'
import type { Verdict } from '../../policy/verdict.ts'
import { BY_ADMINISTRATOR } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import type { Inquiry } from '../../verifier/inquiry.ts'
import type { Places } from '../../verifier/places.ts'
import { outputWidth } from '../columns.ts'
import { command, EVERYWHERE, type Invocation, type PlaceName } from '../command.ts'
import { drawsUnicode } from '../draws-unicode.ts'
import type { Status } from '../exit-status.ts'
import { sayGrounds } from '../print-verdict.ts'
import {
  needsGate,
  openOwnInquiry,
  openReadersInquiry,
  type ReadersInquiry,
  readerHere,
} from '../readable-inquiry.ts'
import { saySection } from '../say-section.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly path: string
  readonly json: boolean
}

/** `nixsig explain PATH`: everything that is known about one path, and what to do next. */
export const explain = command({
  arguments: { path: { count: 'one', text: 'A store path, or a link to one' } },
  options: { json: { kind: 'flag', text: 'Print one JSON document' } },
  examples: [['explain /nix/store/…-hello-2.12.tar.gz', 'as the message of a refusal says']],
  reads: EVERYWHERE,
  ownPolicy: 'without-another',
  run: explainIt,
})

async function explainIt(
  { path: text, json }: Options,
  { places, terminal }: Invocation<PlaceName>,
): Promise<Status> {
  const path = parseStorePath(storePathOf(text))
  const explanation = needsGate(places)
    ? await explainByGate(places, path, terminal)
    : await explainHere(path, openReadersInquiry(places, terminal.note))
  if (json) terminal.print(printExplanation(explanation, Number.POSITIVE_INFINITY))
  else say(terminal, explanation)
  return explanation.status
}

/** Sections that say less than the chain does. */
const IN_CHAIN: readonly string[] = ['signed by', 'expressions']
const INDENT = 2

function say(terminal: Terminal, { grounds, verdict, sections, chain, advice }: Explanation): void {
  sayGrounds(terminal, grounds, verdict.outcome)
  if (chain !== undefined) {
    const width = outputWidth()
    const style = {
      lines: drawsUnicode(process.env) ? 'unicode' : 'ascii',
      width: width && width - INDENT,
    } as const
    saySection(terminal, 'stands on', treeLines(chain, style))
  }
  const others = sections.filter(({ title }) => chain === undefined || !IN_CHAIN.includes(title))
  for (const { title, lines } of others) saySection(terminal, title, lines)
  saySection(terminal, 'what to do', advice)
}

/** What the gate says; of a path that is nowhere here, what this user learns from binary caches. */
async function explainByGate(places: Places, path: StorePath, terminal: Terminal): Promise<Explanation> {
  const explanation = await askedGate(path, terminal)
  if (explanation !== undefined && explanation.place !== 'nowhere') return explanation
  const own = openOwnInquiry(places)
  try {
    const verdict = await offeredVerdict(own.inquiry, path)
    if (explanation !== undefined && verdict === undefined) return explanation
    return await explainPath(own.inquiry, path, { reader: 'user', contents: 'hashed', verdict })
  } finally {
    own.close()
  }
}

/** Undefined where the gate says nothing: this user goes on without the ledger, and is told so. */
async function askedGate(path: StorePath, terminal: Terminal): Promise<Explanation | undefined> {
  const gate = openAskedGate()
  const said = await gate.about(path.path)
  gate.close()
  if (said.kind === 'answered') {
    terminal.note(
      'nixsig: as the gate sees it, by the hashes in the database of Nix (contents: nixsig verify)',
    )
    return said.explanation
  }
  const why = said.kind === 'absent' ? `no gate answers (${ASK_SOCKET})` : `the gate says: ${said.why}`
  terminal.note(
    `nixsig: ${printable(why, 400)}, so nothing is known here of what this machine built or admitted; next: ${BY_ADMINISTRATOR} start the gate (systemctl start nixsig), or to run: nixsig explain ${path.path}`,
  )
  return undefined
}

async function explainHere(path: StorePath, { inquiry, close }: ReadersInquiry): Promise<Explanation> {
  try {
    const verdict = await offeredVerdict(inquiry, path)
    return await explainPath(inquiry, path, {
      reader: readerHere(),
      contents: 'hashed',
      verdict,
    })
  } finally {
    close()
  }
}

/**
 * The verdict of the gate on a path that is not here; undefined where it is here, or nobody has it.
 */
async function offeredVerdict(inquiry: Inquiry, path: StorePath): Promise<Verdict | undefined> {
  const policy = await inquiry.policy().catch(() => undefined)
  if (policy === undefined || policy.gate.upstreams.length === 0) return undefined
  if ((await (await inquiry.store()).pathInfo(path.path)) !== undefined) return undefined
  const { offered, upstreamsFrom } = await import('../offered-paths.ts')
  const addresses = policy.gate.upstreams.map(({ url }) => url)
  const upstreams = upstreamsFrom(policy, addresses)
  try {
    const { outcome } = await offered(inquiry, upstreams, path.path)
    return outcome.kind === 'absent' ? undefined : outcome.verdict
  } finally {
    for (const upstream of upstreams) upstream.close()
  }
}
