import { TOP_ROLES } from '../../formats/lists/tuf-signed.ts'
import { rotate } from '../../lists/keep/edit.ts'
import { readKeepers, writeKeepers } from '../../lists/keep/keepers.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import {
  editing,
  keeperArgument,
  LIST_ARGUMENT,
  listDirectory,
  nextSign,
  numberOption,
  THRESHOLD_OPTION,
} from '../list-arguments.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly directory: string
  readonly roles: readonly string[]
  readonly add: readonly string[]
  readonly remove: readonly string[]
  readonly threshold: string | undefined
}

/** `nixsig list rotate DIRECTORY ROLE…` */
export const listRotate = command({
  arguments: {
    directory: LIST_ARGUMENT,
    roles: {
      count: 'one or more',
      text: 'root, targets, snapshot, timestamp, team-NAME; or all, for the first four',
    },
  },
  options: {
    add: {
      kind: 'values',
      value: 'NAME=KEY',
      text: 'Who signs from now on; NAME alone for somebody who signs already',
    },
    remove: { kind: 'values', value: 'NAME', text: 'Who does not sign any more' },
    threshold: THRESHOLD_OPTION,
  },
  examples: [
    [
      'list rotate list all --remove carol --add dave=dave.pub',
      'A keeper goes, or lost a key, and another comes',
    ],
    ['list rotate list snapshot timestamp --add server=server.pub', 'A machine renews timestamps by itself'],
  ],
  epilogue: 'A new root needs the signatures of enough old keepers and of enough new ones.',
  run: rotateRoles,
})

async function rotateRoles(options: Options, { terminal }: Invocation): Promise<Status> {
  const directory = listDirectory(options.directory)
  const threshold = numberOption('--threshold', options.threshold)
  if (options.add.length === 0 && options.remove.length === 0 && threshold === undefined)
    throw new UsageError('what is to change? (--add, --remove, --threshold)')
  let kept = readKeepers(directory)
  const before = kept
  const add = options.add.map(text => keeperArgument(text, before))
  const roles = options.roles.flatMap(role => (role === 'all' ? TOP_ROLES : [role]))
  for (const role of roles) {
    if (!before.roles.has(role)) throw new UsageError(`${printable(role)} is not a role of this list`)
    const now = kept
    kept = editing(() => rotate(now, role, { add, remove: options.remove, threshold }))
  }
  const rotated = kept
  editing(() => writeKeepers(directory, rotated))
  for (const role of roles) {
    const { keepers, threshold } = kept.roles.get(role) ?? { keepers: [], threshold: 0 }
    terminal.print(`${role}: ${threshold} of ${keepers.join(', ')}`)
  }
  terminal.print(`next: ${nextSign(options.directory)}, by enough of the old keepers and of the new ones`)
  return 0
}
