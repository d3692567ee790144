/** Describes plans in words. Pure; text from files is escaped. */
import { printable } from '../primitives/printable.ts'
import { type FileState, textOf } from './file-state.ts'
import type { Step } from './step.ts'
import { SOCKET_UNIT, UNIT } from './unit.ts'

/** One line for display. `mark`: `+` is added, `-` is removed. */
export interface ShownLine {
  readonly mark: '+' | '-' | ' '
  readonly text: string
}

/**
 * What a step does, line by line. Of a changed file only the lines that change are shown: others
 * can hold secrets.
 */
export function describeStep(step: Step): readonly ShownLine[] {
  switch (step.kind) {
    case 'start-gate':
      return [plain(`start ${SOCKET_UNIT} and ${UNIT}, now and at each boot`)]
    case 'stop-gate':
      return [plain(`stop ${step.units.join(' and ')}`)]
    case 'resume':
      return [plain(`${step.was.map(state => RESUME[state]).join(' and ')} ${step.unit} again`)]
    case 'restart-daemon':
      return [plain(restartWords(step))]
    case 'doorkeepers':
      return [plain(doorkeeperWords(step))]
    case 'file':
      // Of a secret nothing is shown.
      if (step.role === 'secret') {
        return [plain(`${verbOf(step)} ${printable(step.path)} (a password of nix.conf's; for root alone)`)]
      }
      return [plain(`${verbOf(step)} ${printable(step.path)}${rightsOf(step)}`), ...differences(step)]
  }
}

const RESUME = { enabled: 'enable', active: 'start' } as const

function restartWords({ failed = [] }: Extract<Step, { kind: 'restart-daemon' }>): string {
  if (failed.length === 0) return 'restart nix-daemon.service, if it runs'
  return `start ${failed.join(' and ')} again, which failed`
}

function doorkeeperWords({ directory, programs }: Extract<Step, { kind: 'doorkeepers' }>): string {
  const name = printable(directory)
  if (programs === undefined) return `delete ${name}`
  return `make ${name}: what Nix calls and loads, which passes on to ${printable(programs)}`
}

function plain(text: string): ShownLine {
  return { mark: ' ', text }
}

function verbOf({ before, after }: { before: FileState | undefined; after: FileState | undefined }): string {
  if (after === undefined) return 'delete'
  return before === undefined ? 'make' : 'change'
}

/** How the mode and owner of an existing file change, if they do. */
function rightsOf({
  before,
  after,
}: {
  before: FileState | undefined
  after: FileState | undefined
}): string {
  if (before === undefined || after === undefined) return ''
  if (before.mode === after.mode && before.uid === after.uid && before.gid === after.gid) return ''
  const [was, is] = [before, after].map(({ mode, uid, gid }) => `${mode.toString(8)} ${uid}:${gid}`)
  return ` (${was} becomes ${is})`
}

/** The lines that differ between the texts' common beginning and end. */
function differences(step: {
  before: FileState | undefined
  after: FileState | undefined
}): readonly ShownLine[] {
  const [was, is] = [textOf(step.before), textOf(step.after)]
  const [before, after] = [linesOf(was), linesOf(is)]
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  const rest = Math.min(before.length, after.length) - head
  while (tail < rest && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  return [
    ...before.slice(head, before.length - tail).map(text => ({ mark: '-', text: shown(text) }) as const),
    ...after.slice(head, after.length - tail).map(text => ({ mark: '+', text: shown(text) }) as const),
    ...(is !== '' && !is.endsWith('\n') ? [plain('  (and no line feed at its end)')] : []),
  ]
}

/** Splits a text into lines; a missing line feed at the end makes no difference. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

function shown(line: string): string {
  return printable(Buffer.from(line, 'latin1').toString('utf8'))
}
