/**
 * Tables and paragraphs that fit a terminal. Widths are those of the terminal's cells: an East
 * Asian wide character or an emoji takes two, a combining character none.
 */
import stringWidth from 'string-width'

/** Two columns are this far apart. */
const GAP = '  '
/** No column gets narrower, however narrow the terminal is. */
const NARROWEST = 8

const graphemes = new Intl.Segmenter()

/** Cells that a text of one line takes on a terminal; colours (SGR) take none. */
export function textWidth(text: string): number {
  return stringWidth(text)
}

/** A text with spaces behind it, as many as a column of this width needs. */
export function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)))
}

/**
 * Lines of at most `width` cells, broken at spaces; a word that is longer is broken where the line
 * ends, never within one character. Only a single wide character may take more than a width of 1.
 * `text` has no colours.
 */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (textWidth(longer) <= width) {
      line = longer
      continue
    }
    if (line !== '') lines.push(line)
    const pieces = brokenWord(word, width)
    lines.push(...pieces.slice(0, -1))
    line = pieces.at(-1) ?? ''
  }
  return [...lines, line]
}

function brokenWord(word: string, width: number): readonly string[] {
  if (textWidth(word) <= width) return [word]
  const pieces: string[] = []
  let piece = ''
  for (const { segment } of graphemes.segment(word)) {
    if (piece !== '' && textWidth(piece + segment) > width) {
      pieces.push(piece)
      piece = segment
    } else piece += segment
  }
  return [...pieces, piece]
}

/** A row of a table, as lines whose cells are padded to their columns. */
type TableRow = readonly (readonly string[])[]

/**
 * Lays out a table: for each row its lines, each with one padded text a column. Cells that are too
 * wide are wrapped within their column, the widest columns first, so that a line with two spaces
 * between its columns takes at most `width` cells; `width` undefined: nothing is wrapped. All rows
 * have as many cells as the first. The caller paints what it likes: padding takes no colour away.
 */
export function layOut(rows: readonly (readonly string[])[], width: number | undefined): readonly TableRow[] {
  const count = rows[0]?.length ?? 0
  const natural = Array.from({ length: count }, (_, column) =>
    Math.max(1, ...rows.map(row => textWidth(row[column] ?? ''))),
  )
  const widths = width === undefined ? natural : narrowed(natural, width - GAP.length * (count - 1))
  return rows.map(row => {
    const cells = widths.map((each, column) => wrapText(row[column] ?? '', each))
    const height = Math.max(1, ...cells.map(lines => lines.length))
    return Array.from({ length: height }, (_, line) =>
      widths.map((each, column) => padded(cells[column]?.[line] ?? '', each)),
    )
  })
}

/** The cells of a line with the space between them, and none behind the last. */
export function joined(cells: readonly string[]): string {
  return cells.join(GAP).trimEnd()
}

/**
 * How wide standard output is; undefined where it is not a terminal, or one that does not say (0),
 * and nothing has to fit.
 */
export function outputWidth(): number | undefined {
  const { isTTY, columns } = process.stdout
  return isTTY === true && columns > 0 ? Math.max(20, columns) : undefined
}

/** Takes from the widest columns until all of them fit into `room`, or none can give any more. */
function narrowed(natural: readonly number[], room: number): readonly number[] {
  const widths = [...natural]
  let surplus = widths.reduce((sum, each) => sum + each, 0) - room
  while (surplus > 0) {
    const widest = Math.max(...widths)
    if (widest <= NARROWEST) break
    widths[widths.lastIndexOf(widest)] = widest - 1
    surplus--
  }
  return widths
}
