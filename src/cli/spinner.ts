/** One line that says what takes long, with a spinner that shows that it still goes on. */

/** Work that is done sooner needs no word about it. */
const PATIENCE_MS = 1000
const FRAME_MS = 120
const FRAMES = ['|', '/', '-', '\\'] as const
const CLEAR_LINE = '\r\u001b[K'

export interface Spinner {
  /** From a second after the spinner was opened on. `text` is one line, escaped. */
  show(text: string): void
  /** Takes the line away. */
  end(): void
}

/** Where a spinner is drawn: a terminal. */
export interface Drawn {
  write(text: string): unknown
  readonly columns?: number | undefined
}

/** A spinner in the last line of a terminal. Its timer keeps no program alive. */
export function openSpinner(terminal: Drawn): Spinner {
  const opened = performance.now()
  let text = ''
  let timer: NodeJS.Timeout | undefined
  let isShown = false
  let frame = 0
  let drawn = 0
  const draw = () => {
    const now = performance.now()
    if (now - opened < PATIENCE_MS || now - drawn < FRAME_MS / 2) return
    const glyph = FRAMES[frame++ % FRAMES.length] ?? ''
    terminal.write(`${CLEAR_LINE}${spinnerLine(glyph, text, terminal.columns || 80)}`)
    isShown = true
    drawn = now
  }
  return {
    show(shown) {
      text = shown
      timer ??= setInterval(draw, FRAME_MS).unref()
      draw()
    },
    end() {
      clearInterval(timer)
      timer = undefined
      if (isShown) terminal.write(CLEAR_LINE)
      isShown = false
      drawn = 0
    },
  }
}

/**
 * One line that never reaches the last column, where terminals begin a new one. Whatever is not
 * ASCII may be two cells wide, and is counted as that: nothing has to be loaded to know better.
 */
export function spinnerLine(glyph: string, text: string, columns: number): string {
  const room = columns - 4
  let cells = 0
  let line = ''
  for (const character of text) {
    cells += /[\x20-\x7e]/.test(character) ? 1 : 2
    if (cells > room) return `${glyph} ${line}…`
    line += character
  }
  return `${glyph} ${line}`
}
