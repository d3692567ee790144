/** A chain of evidence as lines of a tree, for a terminal. Pure. */
import stringWidth from 'string-width'
import { KIND_WORDS } from '../policy/words.ts'
import { counted } from '../primitives/counted.ts'
import type { ChainApproval, ChainNode } from './chain-node.ts'
import { approvalWords, approverWords, headWords, revisionWords, signatureWords } from './chain-words.ts'

/** How a tree is drawn. */
export interface TreeStyle {
  readonly lines: 'unicode' | 'ascii'
  /** Cells; undefined: as wide as its lines are. Words are never broken, so that paths stay whole. */
  readonly width: number | undefined
}

/** A line, and what hangs below it. */
interface Branch {
  readonly text: string
  readonly below: readonly Branch[]
}

interface Strokes {
  readonly branch: string
  readonly last: string
  readonly passing: string
  readonly none: string
}

const STROKES: Readonly<Record<TreeStyle['lines'], Strokes>> = {
  unicode: { branch: '├─ ', last: '└─ ', passing: '│  ', none: '   ' },
  ascii: { branch: '|- ', last: '`- ', passing: '|  ', none: '   ' },
}

/** No text gets narrower than this, however deep it hangs. */
const NARROWEST = 30

/**
 * The lines of a chain, which is about what was told just before: its first line is the path alone.
 * All texts in it are escaped already.
 */
export function treeLines(chain: ChainNode, style: TreeStyle): readonly string[] {
  const lines: string[] = []
  const { below } = branchOf({ ...chain, strays: [] }, new Set())
  draw({ text: `${KIND_WORDS[chain.kind]} ${chain.path}`, below }, { first: '', rest: '' }, style, lines)
  return lines
}

function draw(
  { text, below }: Branch,
  prefix: { readonly first: string; readonly rest: string },
  style: TreeStyle,
  lines: string[],
): void {
  const strokes = STROKES[style.lines]
  const under = below.length === 0 ? strokes.none : strokes.passing
  const room = style.width === undefined ? undefined : Math.max(NARROWEST, style.width - prefix.rest.length)
  const [first = '', ...more] = wrapAtSpaces(text, room, under.length)
  lines.push(prefix.first + first, ...more.map(line => prefix.rest + under + line))
  for (const [index, branch] of below.entries()) {
    const isLast = index === below.length - 1
    const next = {
      first: prefix.rest + (isLast ? strokes.last : strokes.branch),
      rest: prefix.rest + (isLast ? strokes.none : strokes.passing),
    }
    draw(branch, next, style, lines)
  }
}

/** Lines of at most `width` cells, as far as words allow; all but the first have `less` cells. */
function wrapAtSpaces(text: string, width: number | undefined, less: number): readonly string[] {
  if (width === undefined) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line === '' || stringWidth(longer) <= (lines.length === 0 ? width : width - less)) {
      line = longer
      continue
    }
    lines.push(line)
    line = word
  }
  return [...lines, line]
}

/** `above`: the approvals that were told above. */
function branchOf(node: ChainNode, above: ReadonlySet<string>): Branch {
  const { builtHere, signatures, strays, approvals, parts, left, isRepeated, kind } = node
  if (isRepeated) return { text: headWords(node), below: [] }
  const told = new Set([...above, ...approvals.map(approvalWords)])
  const isSigned = builtHere || signatures.length > 0 || approvals.some(({ isAsked }) => isAsked)
  return {
    text: headWords(node),
    below: [
      ...(builtHere
        ? [leaf(`${kind === 'output' ? 'built' : 'fetched'} by this machine, under its own hooks`)]
        : []),
      ...signatures.map(signature => leaf(signatureWords(signature))),
      ...(isSigned ? [] : [leaf('signed by nobody in the trusted list')]),
      ...strays.map(stray => leaf(`also found: ${stray}`)),
      ...more(left.signatures, 'signature'),
      ...approvals.map(approval => approvalBranch(approval, above)),
      ...more(left.approvals, 'approval'),
      ...parts.map(part => branchOf(part, told)),
      ...more(left.parts, kind === 'derivation' ? 'input' : 'derivation'),
    ],
  }
}

function approvalBranch(approval: ChainApproval, above: ReadonlySet<string>): Branch {
  const text = approvalWords(approval)
  if (above.has(text)) return leaf(`approved with that, by ${approverWords(approval)}`)
  const inputs = approval.inputs.map(input => leaf(`input ${input.name}: ${revisionWords(input)}`))
  return { text, below: [...inputs, ...more(approval.leftInputs, 'input')] }
}

function leaf(text: string): Branch {
  return { text, below: [] }
}

function more(count: number, noun: string): readonly Branch[] {
  return count === 0 ? [] : [leaf(`and ${counted(count, `more ${noun}`)}`)]
}
