/** A command as help and parser find it. */
import type { Command } from '../command.ts'

/** Its name, its summary, and where the rest of it is. */
export interface Entry {
  /** One or two words, after `nixsig`. */
  readonly name: string
  /** One line. `(root)`: only root can run it. */
  readonly summary: string
  /** Not for people, so not in the help. */
  readonly isHidden?: true
  readonly load: () => Promise<Command>
}
