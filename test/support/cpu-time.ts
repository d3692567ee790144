/**
 * Milliseconds of processor time that this process has used. Tests of how work grows measure this:
 * it does not depend on what else runs on the machine.
 */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
