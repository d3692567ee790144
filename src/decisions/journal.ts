/**
 * Tells the journal of decisions, as systemd-cat(1) does: over the stream socket of journald, which
 * takes a header and then lines.
 */
import { connect } from 'node:net'
import type { Decision } from './line.ts'

const SOCKET = '/run/systemd/journal/stdout'
/** Milliseconds that an answer waits for the journal at most. */
const PATIENCE = 500

/** Identifier, unit, priority (6: info), and that lines may begin with a priority of their own. */
const HEADER = 'nixsig\n\n6\n1\n0\n0\n0\n'

/** Writes a line for each decision. Never rejects: the log has them already. */
export function tellJournal(decisions: readonly Decision[], socket = SOCKET): Promise<void> {
  return new Promise(resolve => {
    const connection = connect(socket)
    const done = () => {
      clearTimeout(timer)
      connection.destroy()
      resolve()
    }
    const timer = setTimeout(done, PATIENCE)
    connection.on('error', done)
    connection.end(`${HEADER}${decisions.map(lineOf).join('')}`, () => done())
  })
}

/** `<4>` is a warning. */
function lineOf({ door, asker, path, outcome, letIn, ground, message }: Decision): string {
  const priority = outcome === 'trusted' ? '' : '<4>'
  const words = letIn ? 'let in' : 'refused'
  const why = message === undefined ? '' : `: ${message}`
  return `${priority}${escaped(`decision: ${words} ${path} at ${door} for ${asker}, ${outcome} by ${ground}${why}`)}\n`
}

function escaped(text: string): string {
  return text.replace(/[^ -~]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
