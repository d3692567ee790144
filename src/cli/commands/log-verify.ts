/** `nixsig log verify` and `nixsig log checkpoint`: whether the decision log is as it was written. */
import { writeFileSync } from 'node:fs'
import { type KeptCheckpoint, keepCheckpoint, parseKept } from '../../decisions/checkpoint.ts'
import { logPlaces } from '../../decisions/places.ts'
import { type LogFault, type LogReport, verifyLog } from '../../decisions/verify.ts'
import { jsonLine } from '../../explain/verdict-json.ts'
import { namesIn } from '../../files/names-in.ts'
import { FileError, readRegularFile } from '../../files/regular-file.ts'
import { counted } from '../../primitives/counted.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { machineKey, readMachineKey } from '../../verifier/machine-key.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { UsageError } from '../usage-error.ts'

const CHECKPOINT_LIMIT = 16_384

/** Every line, the chain between them, and the signed states beside the log and elsewhere. */
export const verify = command({
  options: {
    checkpoint: {
      kind: 'values',
      value: 'FILE',
      text: 'A checkpoint that was kept elsewhere; only such a one tells of a log that root wrote anew',
    },
    json: JSON_OPTION,
  },
  examples: [
    ['log verify', 'Whether a line was removed, changed or moved'],
    ['log verify --checkpoint /mnt/audit/monday', 'Whether all lines of Monday are still there'],
  ],
  reads: ['state'],
  run: verifyAll,
})

async function verifyAll(
  { checkpoint, json }: { readonly checkpoint: readonly string[]; readonly json: boolean },
  { places, terminal }: Invocation<'state'>,
): Promise<Status> {
  const checkpoints = checkpoint.map(readCheckpoint)
  const log = logPlaces(places.state)
  // Whoever may not read it is told so, and not that it is broken.
  namesIn(log.directory)
  const report = verifyLog(log, { checkpoints, key: readMachineKey(places.state) })
  if (json) terminal.print(jsonLine(reportJson(report)))
  else {
    for (const fault of report.faults) terminal.print(`${terminal.bad(fault.kind)} ${faultWords(fault)}`)
    for (const number of report.setBack)
      terminal.note(`line ${number} is older than the one before it: the clock was set back`)
    terminal.print(summary(report, terminal.good, terminal.bad))
  }
  return report.faults.length === 0 ? 0 : 1
}

function readCheckpoint(file: string): KeptCheckpoint {
  const bytes = readRegularFile(file, CHECKPOINT_LIMIT)
  if (bytes === undefined) throw new FileError(`there is no ${printable(file)}`)
  return parseKept(bytes, file)
}

function faultWords({ line, detail }: LogFault): string {
  return line === undefined ? detail : `line ${line}: ${detail}`
}

function summary(
  { lines, removed, faults, checkpoints }: LogReport,
  good: (text: string) => string,
  bad: (text: string) => string,
): string {
  const here = `${counted(lines - removed, 'line')}${removed === 0 ? '' : `, ${removed} older ones removed`}`
  const most = Math.max(0, ...checkpoints.map(({ lines: covered }) => covered))
  const signed = checkpoints.length === 0 ? 'none is signed' : `the first ${most} are signed`
  if (faults.length > 0) return `${bad('broken')}: ${here}; ${counted(faults.length, 'fault')}`
  return `${good('whole')}: ${here}; ${signed}`
}

function reportJson({ lines, removed, log, faults, setBack, checkpoints }: LogReport): object {
  return {
    lines,
    removed,
    log: log ?? null,
    faults: faults.map(({ kind, line, detail }) => ({ kind, line: line ?? null, detail })),
    setBack,
    checkpoints,
  }
}

/** Signs the state of the log now. */
export const checkpoint = command({
  options: {
    to: { kind: 'value', value: 'FILE', text: 'A file to write it to as well; "-" prints it' },
  },
  examples: [
    ['log checkpoint --to /mnt/audit/monday', 'Keep it where root of this machine cannot write later'],
  ],
  reads: ['state'],
  run: signNow,
})

async function signNow(
  { to }: { readonly to: string | undefined },
  { places, terminal }: Invocation<'state'>,
): Promise<Status> {
  if (process.geteuid?.() !== 0)
    throw new UsageError(`only root can sign with the key of this machine; next: call it ${BY_ROOT}`)
  const { bytes, size } = keepCheckpoint(places.state, machineKey(places.state))
  if (to === '-') terminal.print(Buffer.from(bytes).toString('utf8').trimEnd())
  else if (to !== undefined) writeFileSync(to, bytes, { flag: 'wx', mode: 0o644 })
  if (to !== '-') terminal.print(`${terminal.good('signed')} the state of ${counted(size, 'line')}`)
  return 0
}
