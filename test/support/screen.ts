import type { Terminal } from '../../src/cli/terminal.ts'

/** A terminal without colours that keeps what it is told. */
export function screen() {
  const [printed, noted, shown]: [string[], string[], string[]] = [[], [], []]
  const plain = (text: string) => text
  const terminal: Terminal = {
    print: text => void printed.push(text),
    note: text => void noted.push(text),
    warn: text => void noted.push(text),
    progress: text => void shown.push(text),
    good: plain,
    bad: plain,
    doubtful: plain,
    strong: plain,
    faint: plain,
  }
  return { terminal, printed, noted, shown }
}
