import type { Terminal } from './terminal.ts'

/** Cells of the bar. */
const CELLS = 20
const NARROW = 40

/** How far long work is. */
export interface Progress {
  /** Begins anew, with so much to do. */
  begin(total: number): void
  /** One more is done; there is more to do if it is one more than was known of. */
  step(): void
  /** What is being done now, in one line, escaped. */
  show(text: string): void
  /** The same of what may take long. */
  work(text: string): void
}

/**
 * A bar on a terminal; elsewhere a line for whatever may take long. `columns`: how wide the
 * terminal is.
 */
export function openProgress(
  terminal: Terminal,
  { isTerminal, columns }: { readonly isTerminal: boolean; readonly columns: number },
): Progress {
  let total = 0
  let done = 0
  let doing = ''
  const draw = () => {
    if (isTerminal) terminal.progress(barLine({ done, total, doing, columns }))
  }
  return {
    begin(count) {
      total = count
      done = 0
      draw()
    },
    step() {
      done++
      total = Math.max(total, done)
      doing = ''
      draw()
    },
    show(text) {
      doing = text
      draw()
    },
    work(text) {
      doing = text
      draw()
      if (!isTerminal) terminal.note(`${done} of ${total}: ${text}`)
    },
  }
}

/** The same for the terminal that standard error is, if it is one. */
export function openProgressHere(terminal: Terminal): Progress {
  const { isTTY, columns = 80 } = process.stderr
  return openProgress(terminal, { isTerminal: isTTY === true, columns })
}

/** One line of at most `columns` columns: `[####----] 120/500 building x again`. */
export function barLine({
  done,
  total,
  doing,
  columns,
}: {
  readonly done: number
  readonly total: number
  readonly doing: string
  readonly columns: number
}): string {
  const full = total === 0 ? 0 : Math.min(CELLS, Math.floor((done / total) * CELLS))
  const bar = columns < NARROW ? '' : `[${'#'.repeat(full)}${'-'.repeat(CELLS - full)}] `
  const line = `${bar}${done}/${total} ${doing}`.trimEnd()
  return line.length < columns ? line : `${line.slice(0, Math.max(1, columns - 2))}…`
}
