/** Messages that a page shows by themselves, held against what the program prints in a test. */
import { type LogLevel, openLog } from '../../src/gate/log.ts'
import type { Place } from './inventory.ts'
import { type Block, blockOf, patternsOf } from './markdown.ts'
import { markRun } from './ran.ts'

const seen = new Map<string, Set<number>>()

/** The messages of a section: its one block of `log`. */
export function messagesOf(page: string, section: string): Block {
  return blockOf(page, section, 'log')
}

/**
 * Looks for the lines of a block in something that was printed. Once all of its lines were seen on
 * a Debian, in one output or several, the block counts as run there.
 */
export function lookFor(block: Block, printed: string, place: Place): void {
  const key = `${block.at} on ${place}`
  const lines = seen.get(key) ?? new Set()
  seen.set(key, lines)
  const patterns = patternsOf(block)
  for (const [index, pattern] of patterns.entries()) if (pattern.test(printed)) lines.add(index)
  if (lines.size === patterns.length) markRun(block, place)
}

/** A gate's log in JSON, in the form that it has without `--log-format json`. */
export function asText(log: string): string {
  const lines: string[] = []
  const write = openLog('text', line => lines.push(line))
  for (const line of log.split('\n').filter(each => each.startsWith('{'))) {
    const { time: _, level, event, ...details } = JSON.parse(line) as Record<string, string>
    write(level as LogLevel, event ?? '', details)
  }
  return lines.join('')
}
