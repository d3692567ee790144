import { printable } from '../../primitives/printable.ts'

/** One problem of a policy. */
export interface Problem {
  /** The line in policy.toml, from 1. */
  readonly line: number
  /** Already escaped. */
  readonly message: string
  /**
   * The absolute path of the file in which a secret key lies, or `policy` for the policy itself:
   * whoever can read the file has the key.
   */
  readonly secretIn?: string
  /** It is so whatever else the document says, and where lines of it cannot be read. */
  readonly alone?: true
}

/** How many problems the message lists; `problems` has all of them. */
const TOLD = 20

/** A policy file with problems. Nothing is judged by a policy with any problem. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError'
  /** The file name, not escaped. */
  readonly file: string
  /** The line of the first problem. */
  readonly line: number
  /** All problems, sorted by line. */
  readonly problems: readonly [Problem, ...Problem[]]

  /** The message has one line per problem: `policy.toml:12: …`. */
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
