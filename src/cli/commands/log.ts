/** `nixsig log`: what was let in and refused, as the decision log has it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DOORS, type Door } from '../../decisions/line.ts'
import { type FoundLine, firstNumber, linesOf, nextNumber, type Wanted } from '../../decisions/lines-of.ts'
import type { Line } from '../../decisions/parse-line.ts'
import { logPlaces } from '../../decisions/places.ts'
import { jsonLine } from '../../explain/verdict-json.ts'
import { STORE_DIR } from '../../formats/nix/store-path.ts'
import { parseInstant } from '../../policy/language/instant.ts'
import { pathWord } from '../../policy/words.ts'
import { counted } from '../../primitives/counted.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable, printableAgain } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_LINES_OPTION } from '../command.ts'
import { withoutPath } from '../decision-words.ts'
import type { Status } from '../exit-status.ts'
import { lookAfterOwnLog } from '../own-log.ts'
import { storePathOf } from '../store-argument.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** Milliseconds between two looks for new lines. */
const LOOK = 500

interface LogOptions {
  readonly since: string | undefined
  readonly path: string | undefined
  readonly principal: string | undefined
  readonly door: Door | undefined
  readonly follow: boolean
  readonly json: boolean
}

/** A line for each decision, oldest first. */
export const log = command({
  options: {
    since: { kind: 'value', value: 'DATE', text: 'Only from then on: 2026-12-31, or with a time' },
    path: {
      kind: 'value',
      value: 'PATH',
      text: 'Only about this store path, or what this link leads to, or paths with this in them',
    },
    principal: {
      kind: 'value',
      value: 'NAME',
      text: 'Only what this user asked for ("user 1000", "root"), or what rules with this in their names decided',
    },
    door: { kind: 'value', value: 'DOOR', text: 'Only at this door', choices: DOORS },
    follow: { kind: 'flag', short: 'f', text: 'Go on with new decisions until Ctrl-C' },
    json: JSON_LINES_OPTION,
  },
  examples: [
    ['log --since 2026-12-01 --door gate', 'What the gate let in and refused since then'],
    ['log --path hello --json', 'For programs: the lines as they are in the log'],
  ],
  epilogue:
    'Called by root, it also folds lines into segments, as hooks and the gate do.\nSee also: nixsig log verify, nixsig log checkpoint.',
  reads: ['state'],
  run: printLog,
})

async function printLog(options: LogOptions, { places, terminal }: Invocation<'state'>): Promise<Status> {
  const wanted: Wanted = { ...options, since: sinceOf(options.since), path: pathPart(options.path) }
  lookAfterOwnLog(places.state, terminal)
  const log = logPlaces(places.state)
  let next = firstNumber(log)
  if (next > 0) terminal.note(`${next} older decisions were removed, as the log has a size`)
  if (next > 0 && nextNumber(log) <= next)
    terminal.note(
      `warning: none of the later ones is there: the log was cut; next: ${BY_ROOT}: nixsig log verify`,
    )
  let shown = 0
  for (;;) {
    const end = nextNumber(log)
    if (end < next)
      terminal.note(
        `warning: the log had ${next} lines and has ${end}: it was cut, or another one was put in its place; next: ${BY_ROOT}: nixsig log verify`,
      )
    for (const found of linesOf(log, Math.min(next, end), wanted)) {
      if (found.number >= end) continue
      print(terminal, found, options.json)
      shown++
    }
    next = end
    if (!options.follow) break
    await sleep(LOOK)
  }
  if (shown === 0) terminal.note(nothingShown(next - firstNumber(log), wanted, log.directory))
  return 0
}

/** Why nothing was printed: a name that is not in the log is easily mistyped. */
function nothingShown(lines: number, { principal }: Wanted, directory: string): string {
  if (lines <= 0) return `there is no decision in ${printable(directory)}`
  const who =
    principal === undefined
      ? ''
      : '; --principal is who asked (root, user 1000, an address) or the name of a rule: what rests on a person, nixsig audit tells'
  return `none of its ${counted(lines, 'line')} is like that${who}`
}

/**
 * The part of a store path that is looked for: of a link into the store and of what lies in a store
 * path, that path. Throws UsageError for another file.
 */
function pathPart(text: string | undefined): string | undefined {
  if (text === undefined || !text.includes('/')) return text
  if (!text.startsWith(`${STORE_DIR}/`)) return storePathOf(text)
  return `${STORE_DIR}/${text.slice(STORE_DIR.length + 1).split('/')[0]}`
}

/** Milliseconds since 1970. */
function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const instant = parseInstant(text)
  if (instant === undefined)
    throw new UsageError('--since takes a date such as 2026-12-31, or 2026-12-31T18:00:00Z')
  return instant * 1000
}

function print(terminal: Terminal, { number, text, line }: FoundLine, json: boolean): void {
  if (line !== undefined) terminal.print(json ? text : `${number}  ${wordsOf(terminal, line)}`)
  else if (json) terminal.print(jsonLine({ number, damaged: printable(text) }))
  else terminal.print(`${number}  ${terminal.bad('damaged')} ${printable(text)}`)
}

function wordsOf(terminal: Terminal, line: Line): string {
  const time = new Date(line.time).toISOString()
  if (line.kind === 'beginning') return `${time}  the log begins: ${line.log}`
  if (line.kind === 'left-out')
    return `${time}  ${line.door}  ${line.leftOut} more decisions for ${visible(line.asker)} have no line`
  const { outcome, letIn, ground, message, times } = line
  const word = letIn ? terminal.good('let in') : terminal.bad('refused')
  const how = letIn && outcome !== 'trusted' ? terminal.doubtful(` although ${outcome}`) : ''
  const often = times === undefined ? '' : ` (${times} more times)`
  const what = `${pathWord(line.path)} for ${visible(line.asker)}${often}`
  const why = message === undefined ? ground : withoutPath(message, line.path)
  return `${time}  ${line.door}  ${word}${how} ${what}: ${visible(why)}`
}

/** Escaped when it was written; once more, as the log may have been written by anybody. */
function visible(text: string): string {
  return printableAgain(text, 1000)
}
