import { mkdirSync } from 'node:fs'
import { jsonLine } from '../../explain/verdict-json.ts'
import { printTimestamp } from '../../formats/timestamp.ts'
import { planOf } from '../../lists/keep/plan.ts'
import { NotPublishable, publish } from '../../lists/keep/publish.ts'
import { rememberVersions } from '../../lists/keep/seen.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { LIST_ARGUMENT, listDirectory, listMemory, nextSign } from '../list-arguments.ts'

interface Options {
  readonly directory: string
  readonly out: string
  readonly json: boolean
}

/** `nixsig list publish DIRECTORY OUT` */
export const listPublish = command({
  arguments: {
    directory: LIST_ARGUMENT,
    out: { count: 'one', text: 'Directory that a server offers' },
  },
  options: { json: JSON_OPTION },
  examples: [['list publish list /srv/www/list', 'What enough keepers have signed']],
  epilogue: 'Ends with 12 if too few keepers have signed, or what they signed has ended.',
  run: publishList,
})

async function publishList(
  { directory: argument, out, json }: Options,
  { terminal }: Invocation,
): Promise<Status> {
  const directory = listDirectory(argument)
  const now = Math.floor(Date.now() / 1000)
  const plan = planOf(directory, { renew: new Set(), now })
  rememberVersions(listMemory(), plan.published)
  mkdirSync(out, { recursive: true, mode: 0o755 })
  try {
    const { repository, roles, left } = publish(directory, listDirectory(out), plan, now)
    rememberVersions(listMemory(), repository)
    const { fingerprint, timestamp, snapshot } = repository
    const ends = Math.min(timestamp.signed.expires, snapshot.signed.expires)
    if (json) {
      terminal.print(jsonLine({ published: true, fingerprint, roles, left, ends }))
      return 0
    }
    terminal.print(
      `${terminal.good('published')} ${roles.length === 0 ? 'again' : roles.join(', ')} in ${printable(out)}`,
    )
    for (const role of left) terminal.print(`left out: ${role} is not signed by enough`)
    terminal.print(`root ${fingerprint}; to be renewed before ${printTimestamp(ends)}`)
    return 0
  } catch (error) {
    if (!(error instanceof NotPublishable)) throw error
    if (json) terminal.print(jsonLine({ published: false, problem: error.message }))
    else
      terminal.print(
        `${terminal.bad('not published')}: ${error.message}; next: ${nextSign(argument)}${error.mend}, by keepers who have not signed it`,
      )
    return 12
  }
}
