/** Calls to systemd. Heavy: loaded only by `import()`. */
import { findProgram } from '../files/programs.ts'
import { runProgram } from '../files/run.ts'
import { ADDRESS_TAKEN } from '../primitives/next-step.ts'
import { inOneLine } from '../primitives/printable.ts'
import type { UnitState } from './record.ts'
import { SOCKET_UNIT, UNIT } from './unit.ts'

const DAEMON = 'nix-daemon.service'
const DAEMON_UNITS = ['nix-daemon.socket', DAEMON]
/** Milliseconds. The gate reads its policy before it reports that it is ready. */
const PATIENCE = 120_000

/**
 * Reloads the units and starts the gate, now and at each boot; returns a sentence if it does not
 * start. A socket that listens stays open meanwhile, unless it is to be `renewed`.
 */
export async function startGate(socket: 'kept' | 'renewed' = 'kept'): Promise<string | undefined> {
  const problem = (await systemctl('daemon-reload')) ?? (await systemctl('enable', SOCKET_UNIT, UNIT))
  if (problem !== undefined) return problem
  const isKept = socket === 'kept' && (await systemctl('is-active', '--quiet', SOCKET_UNIT)) === undefined
  return (isKept ? undefined : await openSocket()) ?? (await systemctl('restart', UNIT))
}

/**
 * A service that listens by itself, as older versions had it, has the address until it is stopped.
 */
async function openSocket(): Promise<string | undefined> {
  const stopped = await systemctl('stop', SOCKET_UNIT, UNIT)
  if (stopped !== undefined) return stopped
  const problem = await systemctl('start', SOCKET_UNIT)
  return problem && `${problem}; if another program has the address: ${ADDRESS_TAKEN}`
}

/** Stops units of the gate and disables them. */
export async function stopGate(units: readonly string[]): Promise<string | undefined> {
  return systemctl('disable', '--now', ...units)
}

/** Makes a unit that was restored what it was. */
export async function resumeUnit(unit: string, was: readonly UnitState[]): Promise<string | undefined> {
  return (
    (await systemctl('daemon-reload')) ??
    (was.includes('enabled') ? await systemctl('enable', unit) : undefined) ??
    (was.includes('active') ? await systemctl('start', unit) : undefined)
  )
}

/** What systemd makes of a unit. */
export async function statesOf(unit: string): Promise<readonly UnitState[]> {
  // Of a unit that nobody can enable it is said that it is "static".
  const { stdout } = await runProgram('systemctl', ['is-enabled', unit], PATIENCE)
  const isActive = (await systemctl('is-active', '--quiet', unit)) === undefined
  return [
    ...(stdout.trim() === 'enabled' ? (['enabled'] as const) : []),
    ...(isActive ? (['active'] as const) : []),
  ]
}

/** Makes systemd reread its units. */
export function rereadUnits(): Promise<string | undefined> {
  return systemctl('daemon-reload')
}

/**
 * Restarts a running nix-daemon, so that it reads nix.conf. Builds in progress continue. Starts the
 * units of nix-daemon that have failed; one that was stopped stays so.
 */
export async function restartDaemon(): Promise<string | undefined> {
  const failed = await failedDaemonUnits()
  if (failed.length > 0) {
    const problem = (await systemctl('reset-failed', ...failed)) ?? (await systemctl('start', ...failed))
    return problem && `${problem}; journalctl -u nix-daemon says why nix-daemon does not start`
  }
  if ((await systemctl('is-active', '--quiet', DAEMON)) !== undefined) return undefined
  return systemctl('try-restart', DAEMON)
}

/** The units of nix-daemon that have failed, the socket first. None where there is no systemd. */
export async function failedDaemonUnits(): Promise<readonly string[]> {
  if (findProgram('systemctl') === undefined) return []
  const { stdout } = await runProgram('systemctl', ['is-failed', ...DAEMON_UNITS], PATIENCE)
  const states = stdout.split('\n')
  return DAEMON_UNITS.filter((_, index) => states[index] === 'failed')
}

async function systemctl(...args: readonly string[]): Promise<string | undefined> {
  const { status, stderr } = await runProgram('systemctl', args, PATIENCE)
  if (status === 0) return undefined
  return `systemctl ${args.join(' ')}: ${inOneLine(stderr) || `status ${status}`}`
}
