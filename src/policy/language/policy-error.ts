import { printable } from '../../primitives/printable.ts'

/** One thing that is wrong with a policy. */
export interface Problem {
  /** Line of policy.toml, from 1. */
  readonly line: number
  /** Escaped already. */
  readonly message: string
}

/** Problems that the message tells; `problems` holds all. */
const TOLD = 20

/** A policy file that is no policy. Nothing is judged by a policy that is wrong in any part. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError'
  /** The file, not escaped. */
  readonly file: string
  /** The line of the first problem. */
  readonly line: number
  /** Everything that is wrong, by line. */
  readonly problems: readonly [Problem, ...Problem[]]

  /** The message has one line a problem: `policy.toml:12: …`. */
  constructor(file: string, problems: readonly [Problem, ...Problem[]], options?: ErrorOptions) {
    const [first, ...rest] = problems.toSorted((a, b) => a.line - b.line)
    const sorted: readonly [Problem, ...Problem[]] = [first ?? problems[0], ...rest]
    const lines = sorted.slice(0, TOLD).map(({ line, message }) => `${printable(file)}:${line}: ${message}`)
    if (sorted.length > TOLD) lines.push(`and ${sorted.length - TOLD} more`)
    super(lines.join('\n'), options)
    this.file = file
    this.line = sorted[0].line
    this.problems = sorted
  }
}
