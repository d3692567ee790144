import { printable } from '../../primitives/printable.ts'

interface Known {
  /** What the policy calls it. */
  readonly name: string
  readonly url: string
}

/** The command with which this machine takes in a list that its policy has already. */
export function nextSubscribe({ name, url }: Known): string {
  return `nixsig trust subscribe ${printable(url)} --as ${name} --root FINGERPRINTS`
}
