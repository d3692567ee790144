import { command, type Invocation } from '../command.ts'
import { completionsOf } from '../completions.ts'
import type { Status } from '../exit-status.ts'

/**
 * Not for people: what may come next in a call, a line each, for the scripts of `nixsig
 * completion`.
 */
export const complete = command({
  arguments: { words: { count: 'any number', text: 'The words after nixsig, up to the one to complete' } },
  run: printCompletions,
})

async function printCompletions(
  { words }: { readonly words: readonly string[] },
  { terminal }: Invocation,
): Promise<Status> {
  const found = await completionsOf(words)
  if (found.length > 0) terminal.print(found.join('\n'))
  return 0
}
