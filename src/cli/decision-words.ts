/** How the message of a decision begins where it names what was refused, as sentences of verdicts do. */
const BEGINNINGS = ['refused ', 'would be refused ']
const STEP = '; next: nixsig explain '
/** A message that was cut has this many characters: line.ts. */
const CUT = 512
/** What stands for a path is longer than this. */
const STORE = '/nix/store/'

/**
 * The message of a decision for a line that begins with its path: without the path, and without the
 * step that names a path once more. Of a message that was cut, the path may be cut as well.
 */
export function withoutPath(message: string, path: string): string {
  if (!path.startsWith(STORE) || path === STORE) return message
  const begun = BEGINNINGS.find(words => message.startsWith(`${words}${path} `))
  const rest = begun === undefined ? message : message.slice(begun.length + path.length + 1)
  // `refused PATH (derivation) under rule "default": …`
  const said = begun === undefined ? rest : rest.replace(/^\(([a-z ]+)\)/, '$1')
  return withoutStep(said, path, message.length >= CUT)
    .split(path)
    .reduce((before, after) => before + (GOES_ON.test(after) ? path : 'this path') + after)
}

/** What follows where another path only begins like this one. */
const GOES_ON = /^(?:[0-9A-Za-z+_?=-]|\.[0-9A-Za-z])/

function withoutStep(text: string, path: string, isCut: boolean): string {
  const at = text.lastIndexOf(STEP)
  if (at < 0) return isCut ? withoutCutStep(text) : text
  const [before, named] = [text.slice(0, at), text.slice(at + STEP.length)]
  const isNamed = named === path || before.includes(`${named} `) || before.includes(`${named}:`)
  const isBeginning = isCut && path.startsWith(named)
  return isNamed || isBeginning ? before : text
}

/** `…; next: nixs` */
function withoutCutStep(text: string): string {
  const at = text.lastIndexOf('; ')
  return at >= 0 && STEP.startsWith(text.slice(at)) ? text.slice(0, at) : text
}
