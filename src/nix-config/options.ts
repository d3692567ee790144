import { type Assignment, assignment } from './settings.ts'

const ORIGIN = 'the command line'

/**
 * The settings that options of a Nix program set: `--option NAME VALUE`, `--NAME VALUE`, `--NAME`,
 * `--no-NAME`.
 */
export function optionAssignments(options: readonly string[]): readonly Assignment[] {
  const waiting = [...options]
  const found: Assignment[] = []
  for (;;) {
    const word = waiting.shift()
    if (word === undefined) return found
    if (!word.startsWith('--')) continue
    if (word === '--option') found.push(assignment(waiting.shift() ?? '', waiting.shift() ?? '', ORIGIN))
    else if (word.startsWith('--no-')) found.push(assignment(word.slice('--no-'.length), 'false', ORIGIN))
    else {
      const hasValue = waiting[0] !== undefined && !waiting[0].startsWith('--')
      found.push(assignment(word.slice(2), hasValue ? (waiting.shift() ?? '') : 'true', ORIGIN))
    }
  }
}
