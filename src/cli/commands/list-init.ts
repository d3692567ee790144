import { mkdirSync } from 'node:fs'
import { FileError } from '../../files/regular-file.ts'
import { emptyList } from '../../formats/lists/listed.ts'
import { readWithin } from '../../lists/keep/directory.ts'
import { writeDocument } from '../../lists/keep/draft.ts'
import { firstKeepers } from '../../lists/keep/edit.ts'
import { KEEPERS_FILE, writeKeepers } from '../../lists/keep/keepers.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import {
  editing,
  KEEPER_OPTION,
  keeperArgument,
  LIST_ARGUMENT,
  listDirectory,
  nextAdd,
  nextSign,
  numberOption,
  THRESHOLD_OPTION,
} from '../list-arguments.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly directory: string
  readonly name: string
  readonly about: string | undefined
  readonly says: 'vouched' | 'extracted'
  readonly keeper: readonly string[]
  readonly threshold: string | undefined
}

/** `nixsig list init DIRECTORY` */
export const listInit = command({
  arguments: { directory: LIST_ARGUMENT },
  options: {
    name: { kind: 'value', value: 'NAME', required: true, text: 'What the list calls itself' },
    about: { kind: 'value', value: 'TEXT', text: 'What it is about' },
    says: {
      kind: 'value',
      value: 'WORD',
      choices: ['vouched', 'extracted'],
      fallback: 'vouched',
      text: 'Whether its keepers vouch for its keys, or a program collected them',
    },
    keeper: { ...KEEPER_OPTION, required: true },
    threshold: THRESHOLD_OPTION,
  },
  examples: [
    [
      'list init list --name example --keeper alice=alice.pub --keeper bob=bob.pub --keeper carol=carol.pub --threshold 2',
      'A list that is kept by three, two of whom have to agree',
    ],
  ],
  epilogue:
    'All keepers sign for every role. Two of three are needed for root and targets if --threshold is 2, and one for snapshot and timestamp; nixsig list rotate changes that. Without --threshold all are needed.',
  run: init,
})

async function init(options: Options, { terminal }: Invocation): Promise<Status> {
  const people = options.keeper.map(text => keeperArgument(text, undefined))
  if (new Set(people.map(({ name }) => name)).size < people.length)
    throw new UsageError('--keeper names somebody twice')
  const threshold = numberOption('--threshold', options.threshold) ?? people.length
  if (threshold > people.length)
    throw new UsageError(`--threshold: ${threshold} of ${people.length} can never sign`)
  mkdirSync(options.directory, { recursive: true, mode: 0o755 })
  const directory = listDirectory(options.directory)
  if (readWithin(directory, KEEPERS_FILE, 1024 * 1024) !== undefined)
    throw new FileError(
      `there is a list in ${printable(directory)} already; next: name another directory, or ${nextAdd(options.directory)}`,
    )
  const { name, about, says } = options
  editing(() =>
    writeDocument(directory, undefined, {
      ...emptyList(name, says),
      ...(about !== undefined && { about }),
    }),
  )
  writeKeepers(directory, firstKeepers(people, threshold))
  terminal.print(
    `${terminal.good('made')} ${printable(directory)}: ${threshold} of ${people.length} keepers have to sign`,
  )
  terminal.print(`next: ${nextAdd(options.directory)}, then each keeper: ${nextSign(options.directory)}`)
  return 0
}
