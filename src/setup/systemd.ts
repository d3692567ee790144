/** Calls to systemd. Heavy: loaded only by `import()`. */
import { findProgram } from '../files/programs.ts'
import { runProgram } from '../files/run.ts'
import { printable } from '../primitives/printable.ts'
import { UNIT } from './unit.ts'

const DAEMON = 'nix-daemon.service'
const DAEMON_UNITS = ['nix-daemon.socket', DAEMON]
/** Milliseconds. The gate reads its policy before it reports that it is ready. */
const PATIENCE = 120_000

/**
 * Reloads the units and starts the gate, now and at each boot; returns a sentence if it does not
 * start.
 */
export async function startGate(): Promise<string | undefined> {
  return (
    (await systemctl('daemon-reload')) ??
    (await systemctl('enable', UNIT)) ??
    (await systemctl('restart', UNIT))
  )
}

/** Stops the gate and disables it. */
export function stopGate(): Promise<string | undefined> {
  return systemctl('disable', '--now', UNIT)
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
  return `systemctl ${args.join(' ')}: ${printable(stderr.trim(), 400) || `status ${status}`}`
}
