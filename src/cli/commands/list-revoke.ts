import { existsSync } from 'node:fs'
import type { ListDocument, RevokedTarget } from '../../formats/lists/listed.ts'
import { NAME } from '../../formats/lists/names.ts'
import { printTimestamp } from '../../formats/timestamp.ts'
import { readDocument, writeDocument } from '../../lists/keep/draft.ts'
import { isKey } from '../../policy/language/keys.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { keysOfArgument, keyTextOf } from '../key-argument.ts'
import {
  editing,
  instantOption,
  LIST_ARGUMENT,
  listDirectory,
  nextSign,
  TEAM_OPTION,
} from '../list-arguments.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly directory: string
  readonly what: string
  readonly reason: string
  readonly date: string | undefined
  readonly team: string | undefined
}

/** `nixsig list revoke DIRECTORY WHAT` */
export const listRevoke = command({
  arguments: {
    directory: LIST_ARGUMENT,
    what: { count: 'one', text: 'A principal, a fingerprint of OpenPGP, a key or its file' },
  },
  options: {
    reason: { kind: 'value', value: 'TEXT', required: true, text: 'Why, for those who use the list' },
    date: { kind: 'value', value: 'DATE', text: 'From when it does not count; by default now' },
    team: TEAM_OPTION,
  },
  examples: [
    ["list revoke list guillem --reason 'laptop stolen' --date 2026-05-01", 'All keys of a principal'],
  ],
  run: revoke,
})

async function revoke(
  { directory: argument, what, reason, date, team }: Options,
  { terminal }: Invocation,
): Promise<Status> {
  const directory = listDirectory(argument)
  const document = readDocument(directory, team)
  const target = targetOf(what, document)
  const revocation = {
    target,
    date: instantOption('--date', date) ?? Math.floor(Date.now() / 1000),
    reason,
  }
  editing(() =>
    writeDocument(directory, team, { ...document, revocations: [...document.revocations, revocation] }),
  )
  const since = printTimestamp(revocation.date)
  terminal.print(
    `${terminal.good('revoked')} ${printable(what)} from ${since} on; next: ${nextSign(argument)}`,
  )
  return 0
}

/**
 * A principal of the list, a fingerprint, or a key. A file that has a key may be called like a
 * principal that the list does not have. Throws UsageError for a text that is none of these: it would
 * revoke nothing.
 */
function targetOf(what: string, { principals }: ListDocument): RevokedTarget {
  if (principals.has(what)) return { principal: what }
  const fingerprint = what
    .replace(/^openpgp:/, '')
    .replaceAll(' ', '')
    .toUpperCase()
  if (/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(fingerprint)) return { openpgp: fingerprint }
  if (!isKey(what) && NAME.test(what) && !existsSync(what))
    throw new UsageError(
      `the list has no principal ${printable(what)}, and no file has this name, so nothing was changed; next: name a principal of it, a key, or the file of one`,
    )
  const [key] = keysOfArgument(what)
  return key?.kind === 'openpgp' ? { openpgp: key.fingerprint } : { key: keyTextOf(what) }
}
