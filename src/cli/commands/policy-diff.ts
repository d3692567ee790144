/**
 * `nixsig policy diff OLD NEW`: in what two policies differ, and which admitted paths fall or rise.
 */
import { resolve } from 'node:path'
import { jsonLine } from '../../explain/verdict-json.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import type { Comparison } from '../../reach/compare.ts'
import { type Difference, policyDifference } from '../../reach/policy-difference.ts'
import { command, EVERYWHERE, type Invocation, JSON_OPTION, type PlaceName } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { readPolicy } from '../policy-argument.ts'
import { comparisonJson, noteUntold, sayComparison } from '../reach-report.ts'
import { isReadable } from '../readable-inquiry.ts'
import { millisecondsOf } from '../seconds-argument.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly old: string
  readonly new: string
  readonly seconds: string
  readonly json: boolean
}

/** Judges the paths of the ledger under both. */
export const diff = command({
  arguments: {
    old: { count: 'one', text: 'A policy, such as /etc/nixsig/policy.toml' },
    new: { count: 'one', text: 'Another one, such as a draft' },
  },
  options: {
    seconds: { kind: 'value', value: 'SECONDS', fallback: '60', text: 'How long to judge paths under both' },
    json: JSON_OPTION,
  },
  examples: [
    ['policy diff /etc/nixsig/policy.toml draft.toml', 'Before the draft is put into force'],
    ['policy diff draft.toml draft.toml --state DIR', 'By the ledger of another machine'],
  ],
  epilogue: `Judges each path that the ledger of this machine has under both policies, by the signatures that it recorded and
the evidence at hand; no source is asked. Where the time runs out, the record alone decides, and the answer says so.
Status 0: nothing falls. Where something falls, as nixsig verify would answer for it under the second policy.
20: nothing is known to fall, but not everything could be told.`,
  reads: EVERYWHERE,
  run: compareThem,
})

async function compareThem(options: Options, { places, terminal }: Invocation<PlaceName>): Promise<Status> {
  const patience = millisecondsOf('--seconds', options.seconds)
  const [before, after] = [options.old, options.new].map(file =>
    readPolicy(resolve(file), false, places.state),
  )
  if (before === undefined || after === undefined) return 2
  const differences = policyDifference(before, after)
  const comparison = await compareHere()
  if (options.json) {
    terminal.print(
      jsonLine({
        old: resolve(options.old),
        new: resolve(options.new),
        differences: differences.map(({ part, before: was, after: is }) => ({
          part,
          before: was ?? null,
          after: is ?? null,
        })),
        comparison: comparison === undefined ? null : comparisonJson(comparison, new Map()),
      }),
    )
  } else {
    sayDifferences(terminal, differences)
    if (comparison !== undefined) sayPaths(terminal, comparison)
  }
  if (comparison === undefined) {
    terminal.note(
      `nixsig: ${printable(places.state)} is root's alone, so what falls or rises is not known here; with it: the same command ${BY_ROOT}`,
    )
    return 20
  }
  noteUntold(terminal, comparison, true)
  if (comparison.falls.length > 0)
    return mostSevere(comparison.falls.map(({ refusal }) => (refusal === undefined ? 20 : exitCode(refusal))))
  const { untold, unread, byRecord, left } = comparison
  return untold.length + unread.length + byRecord + left > 0 ? 20 : 0

  async function compareHere(): Promise<Comparison | undefined> {
    if (!isReadable(places) || before === undefined || after === undefined) return undefined
    const { fallenUnder } = await import('../../reach/fallen.ts')
    return fallenUnder(places, after, { before, judges: 'all', patience })
  }
}

const TITLES: Readonly<Record<Difference['part'], string>> = {
  mode: 'mode',
  principals: 'people',
  groups: 'groups',
  lists: 'lists, and their state here',
  developers: 'developers of sources',
  quorums: 'quorums of logs',
  rules: 'rules, in their order',
  inputs: 'repositories, in their order',
  revocations: 'revoked',
  exemptions: 'exempt',
  settings: 'settings',
}

function sayDifferences(terminal: Terminal, differences: readonly Difference[]): void {
  if (differences.length === 0) terminal.print('both say the same')
  let part: Difference['part'] | undefined
  for (const one of differences) {
    if (one.part !== part) terminal.print(`${TITLES[one.part]}:`)
    part = one.part
    if (one.before !== undefined) terminal.print(terminal.bad(`  - ${one.before}`))
    if (one.after !== undefined) terminal.print(terminal.good(`  + ${one.after}`))
  }
}

function sayPaths(terminal: Terminal, comparison: Comparison): void {
  const { admitted, falls, rises } = comparison
  terminal.print(`of ${admitted} admitted paths ${falls.length} would fall; ${rises.length} would rise`)
  sayComparison(terminal, comparison, new Map())
}
