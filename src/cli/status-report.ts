/** What `nixsig status` prints, within 80 columns but for store paths and addresses. */
import { spanWords } from '../adopt/estimate.ts'
import { logErrors } from '../decisions/health.ts'
import { list, pathWord, when, word } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import { BY_ROOT } from '../primitives/next-step.ts'
import type { Answering } from '../status/answers.ts'
import type { Group } from '../status/groups.ts'
import { judgedIn, type MachineStatus } from '../status/status.ts'
import type { Survey } from '../status/survey.ts'
import type { Terminal } from './terminal.ts'

const COLUMNS = 80
/** Width of the names at the left. */
const LABEL = 10
/** Paths of one group, and open doors, that are named. */
const NAMED = 5
const DOORS = 3
const DETAIL = 120

/** What to do where not everything was judged. */
export const LONGER = 'nixsig status --timeout 600'

/** Prints everything. */
export function sayStatus(terminal: Terminal, status: MachineStatus): void {
  const row = (label: string, text: string) => terminal.print(labelled(label, text))
  row('mode', modeWords(status))
  row('version', [status.version, ...status.otherVersions].join('; '))
  row('doors', doorWords(status))
  sayLog(terminal, status)
  sayAnswering(terminal, 'caches', status.caches, status)
  sayAnswering(terminal, 'sources', status.sources, status)
  row('paths', pathWords(status))
  sayGroups(terminal, status.groups)
  terminal.print(`\n${distanceWords(terminal, status)}`)
}

/** Each group with its paths and its one next step. */
export function sayGroups(terminal: Terminal, groups: readonly Group[]): void {
  for (const { code, title, next, stopped } of groups) {
    terminal.print('')
    terminal.print(wrapped(`${title} (${stopped.length}):`, 0), 'refusal')
    for (const { path, because } of stopped.slice(0, NAMED)) {
      terminal.print(`  ${pathWord(path)}`)
      if (because !== undefined) terminal.print(`    for ${pathWord(because)}`)
    }
    if (stopped.length > NAMED)
      terminal.print(`  and ${stopped.length - NAMED} more: nixsig status --refused ${code}`)
    terminal.print(wrapped(`  next: ${next}`, 4))
  }
}

/** `3 of 214 paths would be refused now`; `none of …` only if all were judged. */
export function countWords(survey: Survey): string {
  const of = counted(judgedIn(survey), 'path')
  const { length } = survey.refused
  if (length > 0) return `${length} of ${of} would be refused now`
  const { unjudged } = survey
  if (unjudged > 0)
    return `not known: ${counted(unjudged, 'path')} ${unjudged === 1 ? 'was' : 'were'} not judged`
  return `none of ${of} would be refused now`
}

/** What was left out for want of time or room; empty where nothing was. */
export function unjudgedWords({ unjudged }: Survey): string {
  if (unjudged === 0) return ''
  return `not judged for want of time or room: ${counted(unjudged, 'path')} and what they refer to`
}

function modeWords({ mode, respite, now }: MachineStatus): string {
  if (respite !== undefined) {
    const reason = respite.reason === '' ? '' : `: ${word(respite.reason)}`
    return `enforce, but nothing is refused until ${when(respite.until)}, for ${spanWords(respite.until - now)} more${reason}`
  }
  return mode === 'warn' ? 'warn: nothing is refused' : 'enforce: what is not trusted is refused'
}

function doorWords({ doors }: MachineStatus): string {
  if (doors === undefined) return 'only root can look at them: nixsig doctor'
  if ('problem' in doors) return `could not be looked at: ${doors.problem}`
  const { closed, open, untried } = doors
  const names = open.length === 0 ? '' : `: ${list(open, DOORS)}`
  return `${closed} closed, ${open.length} open${names}; ${untried} more are tried by nixsig doctor`
}

/** Nothing, as long as the log is well. */
function sayLog(terminal: Terminal, { log }: MachineStatus): void {
  for (const { detail, next, isError } of log?.problems ?? []) {
    const text = `${isError ? '' : 'warning: '}${detail}; next: ${next}`
    terminal.print(labelled('log', text), isError ? 'refusal' : 'plain')
  }
}

function sayAnswering(
  terminal: Terminal,
  label: string,
  all: readonly Answering[],
  { now, isWhole }: MachineStatus,
): void {
  if (all.length === 0) terminal.print(labelled(label, 'none in the policy'))
  for (const [at, { url, last }] of all.entries()) {
    const words = isWhole ? answerWords(last, now) : 'only root sees when it answered'
    terminal.print(labelled(at === 0 ? label : '', `${pathWord(url)}: ${words}`))
  }
}

/** What became of the last question, and when. */
function answerWords(last: Answering['last'], now: number): string {
  if (last === undefined) return 'not asked yet'
  const { answered, failed } = last
  const good = answered === undefined ? 'has never answered' : `answered ${agoWords(now - answered)}`
  if (failed === undefined || (answered !== undefined && answered >= failed.at)) return good
  return `failed ${agoWords(now - failed.at)} (${failed.detail.slice(0, DETAIL)}); ${good}`
}

function agoWords(seconds: number): string {
  return seconds < 1 ? 'just now' : `${spanWords(seconds)} ago`
}

function pathWords({ roots, survey, isWhole }: MachineStatus): string {
  const parts = [
    `${judgedIn(survey)} judged: what ${counted(roots, 'root')} in use ${roots === 1 ? 'leads' : 'lead'} to, and what was let in with a warning`,
    unjudgedWords(survey),
    isWhole
      ? ''
      : "judged without the ledger, which is root's: root may see fewer refused, and what was let in",
  ]
  return parts.filter(part => part !== '').join('; ')
}

/** How far the machine is from enforcing. */
function distanceWords(terminal: Terminal, status: MachineStatus): string {
  const { reader, mode, lack, respite, survey } = status
  const words = countWords(survey)
  if (survey.refused.length > 0) return terminal.bad(words)
  if (survey.unjudged > 0) return `${terminal.doubtful(words)}; next: ${LONGER}`
  const [error] = logErrors(status.log)
  if (error !== undefined)
    return `${terminal.doubtful(words)}, but\n${wrapped(`the policy requires a decision log, which is not well; next: ${error.next}`, 2)}`
  const said = terminal.good(words)
  if (mode === 'warn' && lack !== undefined)
    return `${said}, but\n${wrapped(`nixsig enforce would not yet be of use: the policy ${lack}`, 2)}`
  if (mode !== 'warn' && respite === undefined) return said
  return reader === 'root' ? `${said}; next: nixsig enforce` : `${said};\nnext: nixsig enforce (${BY_ROOT})`
}

function labelled(label: string, text: string): string {
  return wrapped(label.padEnd(LABEL) + text, LABEL)
}

/** Breaks a line at spaces; what follows is indented. A word that is too long stays whole. */
export function wrapped(text: string, indent: number): string {
  const lines: string[] = []
  let line = ''
  for (const part of text.split(/(?<=\S)(?= )/)) {
    if (line.trim() !== '' && line.length + part.length > COLUMNS) {
      lines.push(line)
      line = ' '.repeat(indent) + part.trimStart()
    } else line += part
  }
  return [...lines, line].join('\n')
}
