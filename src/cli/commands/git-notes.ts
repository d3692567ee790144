import { type Exchanged, fetchNotes, pushNotes } from '../../git/exchange-notes.ts'
import { GIT_SIG_NOTES, NIXSIG_NOTES } from '../../git/notes.ts'
import { openRepository } from '../../git/open-repository.ts'
import { type Remote, remoteOf } from '../../git/remote.ts'
import { command, type Invocation, JSON_LINES_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { repositoryPlace } from '../repository-argument.ts'
import { jsonLine } from '../verdict-json.ts'

interface Arguments {
  readonly remote: string
  readonly repository: string | undefined
  readonly json: boolean
}

const ARGUMENTS = {
  remote: {
    count: 'one',
    text: 'A repository: a URL, a directory with a slash in front or behind (./DIR), or the name of a remote',
  },
  repository: { count: 'at most one', text: 'The directory of your own (by default the one here)' },
} as const

/** `nixsig git fetch REMOTE [REPOSITORY]`: others' signatures. */
export const gitFetch = command({
  arguments: ARGUMENTS,
  options: { json: JSON_LINES_OPTION },
  examples: [['git fetch origin', "Take in others' signatures; your own stay"]],
  run: (given: Arguments, invocation) => exchange(given, invocation, { act: fetchNotes, words: FETCHED }),
})

/** `nixsig git push REMOTE [REPOSITORY]`: one's own, and others'. */
export const gitPush = command({
  arguments: ARGUMENTS,
  options: { json: JSON_LINES_OPTION },
  examples: [['git push origin', 'Give others your signatures, merged with those that are there']],
  run: (given: Arguments, invocation) => exchange(given, invocation, { act: pushNotes, words: PUSHED }),
})

const FETCHED = { absent: 'not there', unchanged: 'nothing new there', changed: 'merged into the ones here' }
const PUSHED = { absent: 'not here', unchanged: 'nothing new here', changed: 'merged into the ones there' }

interface Exchange {
  readonly act: (place: string, remote: Remote, ref: string) => Promise<Exchanged>
  readonly words: Readonly<Record<Exchanged, string>>
}

async function exchange(
  { remote: name, repository: directory, json }: Arguments,
  { terminal }: Invocation,
  { act, words }: Exchange,
): Promise<Status> {
  const place = repositoryPlace(directory)
  const repository = openRepository(place)
  const remote = await remoteOf(name, place, repository).finally(() => repository.close())
  for (const ref of [NIXSIG_NOTES, GIT_SIG_NOTES]) {
    const outcome = await act(place, remote, ref)
    terminal.print(json ? jsonLine({ ref, outcome }) : `${ref}: ${words[outcome]}`)
  }
  return 0
}
