/** `nixsig log verify` and `nixsig log checkpoint`: whether the decision log is as it was written. */
import { writeFileSync } from 'node:fs'
import type { LogFault } from '../../decisions/chain.ts'
import { keepCheckpoint } from '../../decisions/checkpoint.ts'
import { keepElsewhere, ownLogIn, statesElsewhere } from '../../decisions/elsewhere.ts'
import { keepCosigned } from '../../decisions/keep-cosigned.ts'
import { CHECKPOINT_LIMIT, type KeptCheckpoint, parseKept } from '../../decisions/kept-checkpoint.ts'
import { type LogPlaces, logPlaces } from '../../decisions/places.ts'
import { type LogReport, verifyLog } from '../../decisions/verify.ts'
import { jsonLine } from '../../explain/verdict-json.ts'
import { namesIn } from '../../files/names-in.ts'
import { FileError } from '../../files/regular-file.ts'
import { NOTE_ED25519, noteKey, printNoteKey } from '../../formats/tlog/note.ts'
import type { LogQuorum } from '../../policy/log-quorums.ts'
import { counted } from '../../primitives/counted.ts'
import { FormatError } from '../../primitives/format-error.ts'
import { BY_ROOT } from '../../primitives/next-step.ts'
import { printable } from '../../primitives/printable.ts'
import { machineKey, readMachineKey } from '../../verifier/machine-key.ts'
import type { Places } from '../../verifier/places.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { readOptionFile } from '../option-file.ts'
import { lookAfterOwnLog, ownLogSettings } from '../own-log.ts'
import { readPolicy } from '../policy-argument.ts'
import { unwritten } from '../replaceable.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** Every line, the chain between them, and the signed states beside the log and elsewhere. */
export const verify = command({
  options: {
    checkpoint: {
      kind: 'values',
      value: 'FILE',
      text: 'A checkpoint that was kept elsewhere; only such a one tells of a log that root wrote anew',
    },
    quorum: {
      kind: 'value',
      value: 'NAME',
      text: 'Whose cosignatures one of the checkpoints must have: one of [quorums] of the policy',
    },
    json: JSON_OPTION,
  },
  examples: [
    ['log verify', 'Whether a line was removed, changed or moved'],
    ['log verify --checkpoint /mnt/audit/monday', 'Whether all lines of Monday are still there'],
    ['log verify --quorum main', 'Whether it is the log that these witnesses saw'],
  ],
  reads: ['state', 'policy'],
  run: verifyAll,
})

async function verifyAll(
  {
    checkpoint,
    quorum: named,
    json,
  }: { readonly checkpoint: readonly string[]; readonly quorum: string | undefined; readonly json: boolean },
  { places, terminal }: Invocation<'state' | 'policy'>,
): Promise<Status> {
  const checkpoints = checkpoint.map(file => readCheckpoint('--checkpoint', file))
  const log = logPlaces(places.state)
  // Whoever may not read it is told so, and not that it is broken.
  namesIn(log.directory)
  const quorum = named === undefined ? undefined : quorumIn(places, named)
  const key = readMachineKey(places.state)
  const elsewhere = keptElsewhere(places.state, log, { key, note: terminal.note })
  const report = verifyLog(log, { checkpoints, elsewhere, key, ...(quorum && { quorum }) })
  if (json) terminal.print(jsonLine(reportJson(report)))
  else {
    for (const fault of report.faults) terminal.print(`${terminal.bad(fault.kind)} ${faultWords(fault)}`)
    for (const number of report.setBack)
      terminal.note(`line ${number} is older than the one before it: the clock was set back`)
    terminal.print(summary(report, named, terminal))
  }
  return report.faults.length === 0 ? 0 : 1
}

/** A checkpoint that an option names. Throws UsageError if the file has something else, or is absent. */
function readCheckpoint(option: string, file: string): KeptCheckpoint {
  return readOptionFile(option, file, {
    what: 'checkpoint',
    limit: CHECKPOINT_LIMIT,
    next: `on the machine of the log, ${BY_ROOT}: nixsig log checkpoint --to FILE`,
    parse: bytes => parseKept(bytes, file),
  })
}

/** The states that this machine's own policy has kept elsewhere as well (`checkpoints-to`). */
function keptElsewhere(
  state: string,
  places: LogPlaces,
  { key, note }: { readonly key: Uint8Array | undefined; readonly note: (text: string) => void },
): readonly KeptCheckpoint[] {
  const directory = ownLogSettings(state)?.checkpointsTo
  if (directory === undefined || key === undefined) return []
  try {
    const own = ownLogIn(places, key)
    return own === undefined ? [] : statesElsewhere(directory, own)
  } catch (error) {
    if (!(error instanceof FileError || error instanceof FormatError)) throw error
    note(`warning: without what is kept elsewhere (checkpoints-to): ${error.message}`)
    return []
  }
}

function faultWords({ line, detail }: LogFault): string {
  return line === undefined ? detail : `line ${line}: ${detail}`
}

/** One of `[quorums]` of the policy; without a name, the only one. */
function quorumIn({ policy, state }: Pick<Places, 'policy' | 'state'>, name: string | undefined): LogQuorum {
  const { quorums } = readPolicy(policy, true, state)
  const [only, ...others] = quorums.values()
  if (name === undefined && only !== undefined && others.length === 0) return only
  const found = name === undefined ? undefined : quorums.get(name)
  if (found !== undefined) return found
  const known = [...quorums.keys()].map(each => printable(each)).join(', ')
  const what = name === undefined ? '--quorum has to name one of' : `${printable(name)} is none of`
  throw new UsageError(`${what} [quorums] in ${printable(policy)}: ${known === '' ? 'it has none' : known}`)
}

function summary(
  { lines, removed, faults, checkpoints, witnessed }: LogReport,
  quorum: string | undefined,
  { good, bad }: Terminal,
): string {
  const here = `${counted(lines - removed, 'line')}${removed === 0 ? '' : `, ${removed} older ones removed`}`
  const most = Math.max(0, ...checkpoints.map(({ lines: covered }) => covered))
  const signed = checkpoints.length === 0 ? 'none is signed' : `the first ${most} are signed`
  const seen =
    quorum === undefined ? '' : `; the witnesses of ${printable(quorum)} saw the first ${witnessed}`
  if (faults.length > 0) return `${bad('broken')}: ${here}; ${counted(faults.length, 'fault')}`
  return `${good('whole')}: ${here}; ${signed}${seen}`
}

function reportJson({ lines, removed, log, faults, setBack, checkpoints, witnessed }: LogReport): object {
  return {
    lines,
    removed,
    log: log ?? null,
    faults: faults.map(({ kind, line, detail }) => ({ kind, line: line ?? null, detail })),
    setBack,
    checkpoints,
    witnessed: witnessed ?? null,
  }
}

/** Signs the state of the log now. */
export const checkpoint = command({
  options: {
    to: { kind: 'value', value: 'FILE', text: 'A file to write it to as well; "-" prints it' },
    cosigned: {
      kind: 'value',
      value: 'FILE',
      text: 'Sign nothing: keep this checkpoint of the log, which witnesses cosigned',
    },
    quorum: {
      kind: 'value',
      value: 'NAME',
      text: 'Which of [quorums] of the policy has to have cosigned it; without a name, the only one',
    },
  },
  examples: [
    ['log checkpoint --to /mnt/audit/monday', 'Keep it where root of this machine cannot write later'],
    ['log checkpoint --cosigned monday --quorum main', 'Keep what witnesses made of it'],
  ],
  reads: ['state', 'policy'],
  run: signOrKeep,
})

interface CheckpointOptions {
  readonly to: string | undefined
  readonly cosigned: string | undefined
  readonly quorum: string | undefined
}

async function signOrKeep(
  { to, cosigned, quorum }: CheckpointOptions,
  { places, terminal }: Invocation<'state' | 'policy'>,
): Promise<Status> {
  if (process.geteuid?.() !== 0)
    throw new UsageError(`only root can sign with the key of this machine; next: call it ${BY_ROOT}`)
  if (cosigned === undefined) {
    if (quorum !== undefined) throw new UsageError('--quorum goes with --cosigned')
    lookAfterOwnLog(places.state, terminal)
    return signNow(to, places, terminal)
  }
  if (to !== undefined) throw new UsageError('--to and --cosigned exclude each other')
  const given = readCheckpoint('--cosigned', cosigned)
  const wanted = quorumIn(places, quorum)
  keepCosigned(places.state, given, { quorum: wanted, key: machineKey(places.state).publicKey })
  terminal.print(`${terminal.good('kept')} the state of ${counted(given.checkpoint.size, 'line')}`)
  return 0
}

function signNow(to: string | undefined, { state }: Pick<Places, 'state'>, terminal: Terminal): Status {
  const key = machineKey(state)
  const { bytes, size } = keepCheckpoint(state, key)
  const { origin } = parseKept(bytes, 'this').checkpoint
  if (to === '-') terminal.print(Buffer.from(bytes).toString('utf8').trimEnd())
  else {
    if (to !== undefined) writeNew(to, bytes)
    terminal.print(`${terminal.good('signed')} the state of ${counted(size, 'line')}`)
    terminal.note(`witnesses know this log by ${printNoteKey(noteKey(origin, NOTE_ED25519, key.publicKey))}`)
  }
  const directory = ownLogSettings(state)?.checkpointsTo
  const own = directory === undefined ? undefined : ownLogIn(logPlaces(state), key.publicKey)
  if (directory !== undefined && own !== undefined) keepElsewhere(directory, bytes, own)
  return 0
}

/** Writes a file that is not there yet: a checkpoint of before stays. */
function writeNew(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    throw unwritten('--to', file, error)
  }
}
