/** Why a store could not be asked, in words that say what to do. */
import { printable } from '../../../primitives/printable.ts'

const LIMIT = 300

interface Hint {
  readonly sign: RegExp
  readonly next: string
}

const HINTS: readonly Hint[] = [
  {
    sign: /Host key verification failed|host key is known/,
    next: "add the host's key to known_hosts of the user who runs the gate, or to the address as base64-ssh-public-host-key",
  },
  {
    sign: /Permission denied \(/,
    next: 'let the key of the user who runs the gate in there, or name another as ssh-key',
  },
  {
    sign: /Identity file .* not accessible|Load key .*: (?:No such file|Permission denied)/,
    next: "let the gate's service read this key",
  },
  { sign: /nix-daemon: (?:command )?not found/, next: 'name the program there as remote-program' },
]

/** A message of this kind, escaped already, with what to do next where that is known. */
export function storeWords(message: string): string {
  const text = message.replace(/(?:\s|\\u\{[ad]\})+/g, ' ')
  const next = HINTS.find(({ sign }) => sign.test(text))?.next
  const cut = text.length > LIMIT ? `${text.slice(0, LIMIT)}…` : text
  return next === undefined ? cut : `${cut}; next: ${next}`
}

/** Why there is no store; escaped. */
export function noStore(database: string): string {
  return `there is no Nix store: ${printable(database)} is not there`
}
