/** The lines in which two texts differ. Pure. */
import type { ShownLine } from './describe.ts'

/** Cells of the table of common lines; beyond that only the common beginning and end are found. */
const CELLS = 4_000_000

/** All lines of both texts in order: removed, added, or the same in both. */
export function lineDiff(before: string, after: string): readonly ShownLine[] {
  const [a, b] = [linesOf(before), linesOf(after)]
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ]
}

/** The lines around changes: `context` of those that are the same before and after each. */
export function hunks(lines: readonly ShownLine[], context: number): readonly ShownLine[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some(({ mark }) => mark !== ' '),
  )
  return lines.flatMap((line, index) => {
    if (near[index]) return [line]
    return near[index - 1] ? [{ mark: ' ', text: '…' } as const] : []
  })
}

/** By the longest common subsequence. */
function middle(a: readonly string[], b: readonly string[]): readonly ShownLine[] {
  if (a.length * b.length > CELLS) return [...a.map(removed), ...b.map(added)]
  const width = b.length + 1
  const common = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number) => common[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: ShownLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [one, other] = [a[i], b[j]]
    if (one !== undefined && one === other) {
      lines.push(same(one))
      i++
      j++
    } else if (one !== undefined && (other === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(one))
      i++
    } else if (other !== undefined) {
      lines.push(added(other))
      j++
    }
  }
  return lines
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

function same(text: string): ShownLine {
  return { mark: ' ', text }
}

function removed(text: string): ShownLine {
  return { mark: '-', text }
}

function added(text: string): ShownLine {
  return { mark: '+', text }
}
