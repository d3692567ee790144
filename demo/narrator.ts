/**
 * Tells the story: what happens next, the command, and the machine's answer; and checks the result.
 */
import { stdout } from 'node:process'
import picocolors from 'picocolors'
import type { Outcome, RunOptions, World } from '../test/support/world.ts'

/** A machine of the story. */
export interface Machine {
  readonly name: string
  readonly world: World
}

/** The expected result of a command; otherwise the demo fails. */
export interface Expected {
  /** 0 for success; `refused` is any other status. Default 0. */
  readonly status?: number | 'refused'
  /** Patterns that the output has to match. */
  readonly shows?: readonly RegExp[]
}

const WIDTH = 110
const INDENT = '    '

const colours = picocolors.createColors(stdout.isTTY === true && !process.env['NO_COLOR'])
let chapters = 0

/** Prints the title of the next step. */
export function chapter(title: string): void {
  chapters += 1
  stdout.write(`\n${colours.bold(`${chapters}. ${title}`)}\n`)
}

/** Prints a paragraph, wrapped at the terminal's width. */
export function say(text: string): void {
  stdout.write(`\n${fold(text.replaceAll('\n', ' '), '')}\n`)
}

/** Shows a text that the demo writes or reads as a file of a machine. */
export function show(title: string, text: string): void {
  stdout.write(`\n${INDENT}${colours.dim(title)}\n${fold(text.trimEnd(), INDENT)}\n`)
}

/**
 * Runs a command on a machine and shows it with its output. Throws if the result is not the
 * expected one.
 */
export async function run(
  { name, world }: Machine,
  command: string,
  { status = 0, shows = [] }: Expected = {},
  options: RunOptions = {},
): Promise<Outcome> {
  const user = options.user ?? 'root'
  const prompt = `${user}@${name}${user === 'root' ? '#' : '$'}`
  stdout.write(`\n${INDENT}${colours.cyan(prompt)} ${colours.bold(command)}\n`)
  const outcome = await world.run(command, options)
  const answer = `${outcome.stderr}${outcome.stdout}`.trimEnd()
  if (answer !== '') stdout.write(`${fold(answer, INDENT)}\n`)
  const asExpected = status === 'refused' ? outcome.status !== 0 : outcome.status === status
  check(asExpected, `"${command}" ended with ${outcome.status}, not ${status}`)
  for (const pattern of shows) check(pattern.test(answer), `"${command}" did not say ${pattern}`)
  const ending = outcome.status === 0 ? colours.green('done') : colours.red(`status ${outcome.status}`)
  stdout.write(`${INDENT}${colours.dim('→')} ${ending}${colours.dim(', as it should be')}\n`)
  return outcome
}

/** Throws if a condition does not hold. */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the demo failed: ${what}`)
}

/** Indents a text and wraps its long lines between words. */
function fold(text: string, indent: string): string {
  return text
    .split('\n')
    .map(line => foldLine(line, WIDTH - indent.length))
    .join('\n')
    .replace(/^(?=.)/gm, indent)
}

function foldLine(line: string, width: number): string {
  const lines: string[] = []
  for (const word of line.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}
