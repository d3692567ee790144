import { readSeenClaims, seenConflictPaths, withdrawSeenClaims } from '../../ledger/seen-conflicts.ts'
import { when } from '../../policy/words.ts'
import { command, type Invocation, JSON_LINES_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { storePathOf } from '../store-argument.ts'
import { jsonLine } from '../verdict-json.ts'

/**
 * `nixsig conflicts list`: what builders said that contradicted a verdict, until root withdraws it.
 */
export const list = command({
  options: { json: JSON_LINES_OPTION },
  examples: [['conflicts list', 'Who contradicted whom: each counts as evidence until it is withdrawn']],
  reads: ['state'],
  run: printAll,
})

async function printAll(
  { json }: { readonly json: boolean },
  { places, terminal }: Invocation<'state'>,
): Promise<Status> {
  for (const path of seenConflictPaths(places.state)) {
    if (json) {
      terminal.print(jsonLine({ path, claims: readSeenClaims(places.state, path) }))
      continue
    }
    terminal.print(path)
    for (const { key, narHash, seen, origin } of readSeenClaims(places.state, path)) {
      terminal.print(`  sha256:${narHash} by ${key}, seen ${when(seen)} in ${origin}`)
    }
  }
  return 0
}

/** `nixsig conflicts withdraw PATH…` */
export const withdraw = command({
  arguments: { paths: { count: 'one or more', text: 'Store paths' } },
  options: { json: JSON_LINES_OPTION },
  examples: [['conflicts withdraw PATH', 'Once it is known who was wrong']],
  reads: ['state'],
  run: withdrawAll,
})

async function withdrawAll(
  { paths, json }: { readonly paths: readonly string[]; readonly json: boolean },
  { places, terminal }: Invocation<'state'>,
): Promise<Status> {
  for (const path of paths.map(storePathOf)) {
    const isGone = withdrawSeenClaims(places.state, path)
    if (json) terminal.print(jsonLine({ path, withdrawn: isGone }))
    else terminal.print(isGone ? `${terminal.good('withdrawn')} ${path}` : `nothing was seen of ${path}`)
  }
  return 0
}
