/** Calls to systemd. Heavy: loaded only by `import()`. */
import { runProgram } from '../files/run.ts'
import { printable } from '../primitives/printable.ts'
import { UNIT } from './unit.ts'

const DAEMON = 'nix-daemon.service'
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

/** Restarts a running nix-daemon, so that it reads nix.conf. Builds in progress continue. */
export async function restartDaemon(): Promise<string | undefined> {
  if ((await systemctl('is-active', '--quiet', DAEMON)) !== undefined) return undefined
  return systemctl('try-restart', DAEMON)
}

async function systemctl(...args: readonly string[]): Promise<string | undefined> {
  const { status, stderr } = await runProgram('systemctl', args, PATIENCE)
  if (status === 0) return undefined
  return `systemctl ${args.join(' ')}: ${printable(stderr.trim(), 400) || `status ${status}`}`
}
