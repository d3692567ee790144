/** What systemd is asked to do. Heavy: reached by `import()` alone. */
import { runProgram } from '../files/run.ts'
import { printable } from '../primitives/printable.ts'
import { UNIT } from './unit.ts'

const DAEMON = 'nix-daemon.service'
/** Milliseconds. The gate reads its policy before it says that it is ready. */
const PATIENCE = 120_000

/** Has the unit read, starts the gate at each boot and now; a sentence if it does not start. */
export async function startGate(): Promise<string | undefined> {
  return (
    (await systemctl('daemon-reload')) ??
    (await systemctl('enable', UNIT)) ??
    (await systemctl('restart', UNIT))
  )
}

/** Ends it for good. */
export function stopGate(): Promise<string | undefined> {
  return systemctl('disable', '--now', UNIT)
}

/** Has systemd notice that units have changed. */
export function rereadUnits(): Promise<string | undefined> {
  return systemctl('daemon-reload')
}

/** Has the daemon read nix.conf, if it runs. What it builds for somebody goes on. */
export async function restartDaemon(): Promise<string | undefined> {
  if ((await systemctl('is-active', '--quiet', DAEMON)) !== undefined) return undefined
  return systemctl('try-restart', DAEMON)
}

async function systemctl(...args: readonly string[]): Promise<string | undefined> {
  const { status, stderr } = await runProgram('systemctl', args, PATIENCE)
  if (status === 0) return undefined
  return `systemctl ${args.join(' ')}: ${printable(stderr.trim(), 400) || `status ${status}`}`
}
