/**
 * Verdicts for a user who may not read the ledger: the gate says what root would see, and this
 * process hashes what lies on the disk, which every user may read.
 */
import { verdictJson } from '../explain/verdict-json.ts'
import { ASK_SOCKET } from '../formats/asker.ts'
import { parseStorePath } from '../formats/nix/store-path.ts'
import { type AskedGate, openAskedGate } from '../gate/ask-gate.ts'
import type { Refusal } from '../policy/verdict.ts'
import { paragraph } from '../policy/wording.ts'
import type { Inquiry } from '../verifier/inquiry.ts'
import type { Places } from '../verifier/places.ts'
import { alteredOnDisk, type Contents, closureOf } from '../verifier/verify.ts'
import { openOwnInquiry, unreadable } from './readable-inquiry.ts'
import type { Terminal } from './terminal.ts'
import type { JudgedPath } from './totals.ts'

/** Which paths, and whether their contents are hashed. */
export interface AskedPaths {
  readonly paths: readonly string[]
  readonly recursive: boolean
  readonly contents: Contents
}

/** Throws UsageError where the gate does not answer. */
export async function* verdictsByGate(
  places: Places,
  { paths, recursive, contents }: AskedPaths,
  terminal: Terminal,
): AsyncGenerator<JudgedPath> {
  const own = openOwnInquiry(places)
  const gate = openAskedGate()
  try {
    const all = recursive ? await closureOf(own.inquiry, paths) : [...new Set(paths)]
    for (const [index, path] of all.entries()) {
      terminal.progress(`judging ${index + 1} of ${all.length} paths`)
      yield await judged(own.inquiry, gate, path, contents, places)
    }
  } finally {
    gate.close()
    own.close()
  }
}

async function judged(
  inquiry: Inquiry,
  gate: AskedGate,
  path: string,
  contents: Contents,
  places: Places,
): Promise<JudgedPath> {
  const altered = contents === 'hashed' ? await alteredOnDisk(inquiry, parseStorePath(path)) : undefined
  if (altered !== undefined) return { json: verdictJson(altered, contents), text: paragraph(altered) }
  const said = await gate.about(path)
  if (said.kind === 'absent') throw unreadable(places, `no gate answers at ${ASK_SOCKET}`)
  if (said.kind === 'failed') {
    const refusal = undecided(path, said.why)
    return { json: verdictJson(refusal, contents), text: paragraph(refusal) }
  }
  const { verdict, grounds, next, mode } = said.explanation
  const looked = verdict.contents === undefined ? {} : { contents }
  return { json: { ...verdict, ...looked }, text: next === '' ? grounds : `${grounds}\n  ${next}`, mode }
}

/** `why` is escaped, and is escaped again where it is told. */
function undecided(path: string, why: string): Refusal {
  const kind = path.endsWith('.drv') ? 'derivation' : 'output'
  const finding = { code: 'unreadable', trouble: { origin: 'the gate', detail: why } } as const
  return { outcome: 'indeterminate', path, kind, ground: { kind: 'fault' }, findings: [finding] }
}
