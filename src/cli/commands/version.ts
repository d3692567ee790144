import project from '../../../package.json' with { type: 'json' }
import { lookAtVersions, versionWords } from '../../setup/in-force.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { ownDirectory } from '../own-directory.ts'

/** `nixsig version`: this one, and which are in force. */
export const version = command({
  options: { json: JSON_OPTION },
  examples: [['version', 'The version, and which other ones Nix, the gate and the daemon use']],
  run: sayVersions,
})

/** The version on standard output; what else is in force on standard error. */
export async function sayVersions(
  { json }: { readonly json: boolean },
  { terminal }: Invocation,
): Promise<Status> {
  const found = lookAtVersions()
  if (json) {
    const { jsonLine } = await import('../verdict-json.ts')
    const { programs, gates, plugin } = found
    const inForce = { programs: programs ?? null, gates, plugin: plugin ?? null }
    terminal.print(
      jsonLine({ version: project.version, directory: ownDirectory(), node: process.version, inForce }),
    )
    return 0
  }
  for (const line of versionWords(found)) terminal.note(line)
  terminal.print(project.version)
  return 0
}
