/**
 * systemd's side of a service: sockets that it passes, and notification of readiness and liveness.
 */
import { execFile } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { findProgram } from '../files/programs.ts'
import { FormatError } from '../primitives/format-error.ts'
import { printable } from '../primitives/printable.ts'

/** Descriptors of sockets that listen already. */
export interface ActivatedSockets {
  readonly http?: number
  readonly judge?: number
  readonly ask?: number
}

/** The longest watchdog interval used, in milliseconds: timers cannot wait for much longer ones. */
const LONGEST_WATCHDOG = 24 * 60 * 60 * 1000

const SOCKET_NAMES = ['http', 'judge', 'ask'] as const

/** The descriptor of the first socket that is passed: SD_LISTEN_FDS_START. */
const FIRST_FILE = 3

/**
 * The sockets that systemd opened for this process (sd_listen_fds(3)), by the names that their
 * units give them. Removes the variables about them from the environment, even if they are for
 * another process. Throws FormatError if a variable is malformed, if a descriptor is not a socket,
 * or if its name is not known here.
 */
export function activatedSockets(environment: NodeJS.ProcessEnv = process.env): ActivatedSockets {
  const pid = take(environment, 'LISTEN_PID')
  const count = take(environment, 'LISTEN_FDS')
  const names = take(environment, 'LISTEN_FDNAMES')
  take(environment, 'LISTEN_PIDFDID')
  if (pid === undefined || count === undefined) return {}
  if (natural(pid, 'LISTEN_PID') !== process.pid) return {}
  const files = natural(count, 'LISTEN_FDS')
  if (files === 0) return {}
  if (files > SOCKET_NAMES.length)
    throw malformed('LISTEN_FDS', `${files} sockets; there is use for ${SOCKET_NAMES.join(', ')} alone`)
  const given = names?.split(':') ?? []
  if (given.length !== files) throw malformed('LISTEN_FDNAMES', `names ${given.length} sockets of ${files}`)
  return socketsByName(given)
}

function socketsByName(names: readonly string[]): ActivatedSockets {
  const sockets: { http?: number; judge?: number; ask?: number } = {}
  for (const [place, given] of names.entries()) {
    const name = SOCKET_NAMES.find(known => known === given)
    if (name === undefined) {
      const known = SOCKET_NAMES.join(', ')
      throw malformed(
        'LISTEN_FDNAMES',
        `${printable(given, 100)} is none of ${known}; FileDescriptorName= says which a socket is`,
      )
    }
    if (sockets[name] !== undefined) throw malformed('LISTEN_FDNAMES', `two sockets are called ${name}`)
    assertSocket(FIRST_FILE + place, name)
    sockets[name] = FIRST_FILE + place
  }
  return sockets
}

function assertSocket(file: number, name: string): void {
  let isSocket = false
  try {
    isSocket = fstatSync(file).isSocket()
  } catch {
    // No such file: refused below.
  }
  if (!isSocket) throw malformed('LISTEN_FDS', `file ${file}, called ${name}, is not a socket`)
}

/** Each promise is fulfilled once systemd was notified or `onProblem` was called; none rejects. */
export interface Notifier {
  /** The first call also starts the watchdog notifications, if systemd asks for them. */
  ready(status: string): Promise<void>
  /** Must be followed by ready(). */
  reloading(): Promise<void>
  stopping(): Promise<void>
  /** Stops the watchdog notifications. */
  stop(): void
}

/**
 * Notifies systemd (sd_notify(3), sd_watchdog_enabled(3)) through the program systemd-notify, since
 * Node cannot write to a datagram socket; so the unit needs NotifyAccess=all. Removes the variables
 * about it from the environment. Problems, including malformed variables, go to `onProblem`,
 * escaped, and stop nothing.
 */
export function openNotifier(
  onProblem: (problem: string) => void,
  environment: NodeJS.ProcessEnv = process.env,
): Notifier {
  const socket = take(environment, 'NOTIFY_SOCKET')
  const period = watchdogPeriod(environment, onProblem)
  let last = Promise.resolve()
  let watchdog: NodeJS.Timeout | undefined

  /** Sends one notification after the other, so that systemd gets them in order. */
  function tell(...assignments: readonly string[]): Promise<void> {
    if (socket !== undefined) last = last.then(() => notify(socket, assignments)).catch(told)
    return last
  }
  const told = (error: Error) => onProblem(printable(error.message))
  let isTelling = false
  async function ping(): Promise<void> {
    if (isTelling) return
    isTelling = true
    await tell('WATCHDOG=1')
    isTelling = false
  }

  return {
    ready(status) {
      if (period !== undefined) watchdog ??= setInterval(ping, period / 2).unref()
      return tell('READY=1', `STATUS=${printable(status)}`)
    },
    // Units of Type=notify-reload need the time as well.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => tell('STOPPING=1'),
    stop: () => clearInterval(watchdog),
  }
}

/**
 * Milliseconds within which systemd must hear from this process again; undefined if there is no
 * watchdog.
 */
function watchdogPeriod(
  environment: NodeJS.ProcessEnv,
  onProblem: (problem: string) => void,
): number | undefined {
  const microseconds = take(environment, 'WATCHDOG_USEC')
  const pid = take(environment, 'WATCHDOG_PID')
  try {
    if (microseconds === undefined) return undefined
    if (pid !== undefined && natural(pid, 'WATCHDOG_PID') !== process.pid) return undefined
    const period = natural(microseconds, 'WATCHDOG_USEC') / 1000
    if (period > 0) return Math.min(period, LONGEST_WATCHDOG)
    throw malformed('WATCHDOG_USEC', 'no time at all')
  } catch (error) {
    onProblem((error as Error).message)
    return undefined
  }
}

const NOTIFY_TIMEOUT = 5000

function notify(socket: string, assignments: readonly string[]): Promise<void> {
  const program = findProgram('systemd-notify')
  if (program === undefined)
    return Promise.reject(new Error('there is no program systemd-notify on this system'))
  const options = { env: { NOTIFY_SOCKET: socket }, timeout: NOTIFY_TIMEOUT, killSignal: 'SIGKILL' } as const
  return new Promise((resolve, reject) => {
    execFile(program, [...assignments], options, (error, _, complaint) => {
      if (error === null) resolve()
      else reject(new Error(`systemd-notify: ${complaint.trim() || error.message}`))
    })
  })
}

/** Removes a variable and returns its value; undefined if it is empty or absent. */
function take(environment: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = environment[name]
  delete environment[name]
  return value === '' ? undefined : value
}

function natural(text: string, variable: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw malformed(variable, `${printable(text, 40)} is no number`)
  return Number(text)
}

function malformed(variable: string, problem: string): FormatError {
  return new FormatError('environment', problem, variable)
}
