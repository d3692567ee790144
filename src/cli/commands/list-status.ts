import { jsonLine } from '../../explain/verdict-json.ts'
import { planOf } from '../../lists/keep/plan.ts'
import { reportOf } from '../../lists/keep/report.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { LIST_ARGUMENT, listDirectory } from '../list-arguments.ts'
import { reportJson, sayChanges, sayRoles } from '../list-report.ts'

/** `nixsig list status DIRECTORY` */
export const listStatus = command({
  arguments: { directory: LIST_ARGUMENT },
  options: { json: JSON_OPTION },
  examples: [['list status list', 'What changed, who still has to sign, and what ends when']],
  run: status,
})

async function status(
  { directory: argument, json }: { readonly directory: string; readonly json: boolean },
  { terminal }: Invocation,
): Promise<Status> {
  const directory = listDirectory(argument)
  const now = Math.floor(Date.now() / 1000)
  const report = reportOf(directory, planOf(directory, { renew: new Set(), now }))
  if (json) {
    terminal.print(jsonLine(reportJson(report)))
    return 0
  }
  terminal.print(
    `list ${report.name}${report.fingerprint === undefined ? ', not published yet' : `, root ${report.fingerprint}`}`,
  )
  sayChanges(terminal, report)
  sayRoles(terminal, report, now)
  return 0
}
