import { NAME } from '../../formats/lists/document-fields.ts'
import type { RevokedTarget } from '../../formats/lists/listed.ts'
import { printTimestamp } from '../../formats/timestamp.ts'
import { readDocument, writeDocument } from '../../lists/keep/draft.ts'
import { isKey } from '../../policy/language/keys.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { keysOfArgument, keyTextOf } from '../key-argument.ts'
import { instantOption, LIST_ARGUMENT, listDirectory, TEAM_OPTION } from '../list-arguments.ts'

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
  const revocation = {
    target: targetOf(what),
    date: instantOption('--date', date) ?? Math.floor(Date.now() / 1000),
    reason,
  }
  writeDocument(directory, team, { ...document, revocations: [...document.revocations, revocation] })
  const since = printTimestamp(revocation.date)
  terminal.print(`${terminal.good('revoked')} ${printable(what)} from ${since} on; next: nixsig list sign`)
  return 0
}

function targetOf(what: string): RevokedTarget {
  const fingerprint = what
    .replace(/^openpgp:/, '')
    .replaceAll(' ', '')
    .toUpperCase()
  if (/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(fingerprint)) return { openpgp: fingerprint }
  if (!isKey(what) && NAME.test(what)) return { principal: what }
  const [key] = keysOfArgument(what)
  return key?.kind === 'openpgp' ? { openpgp: key.fingerprint } : { key: keyTextOf(what) }
}
