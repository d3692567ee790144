import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { holderOf, standingOf } from '../../policy/key-standing.ts'
import { word } from '../../policy/words.ts'
import { printable } from '../../primitives/printable.ts'
import { openStore, type Store } from '../../store/store-client.ts'
import { keysInForce } from '../attest/checked-signature.ts'
import type { Invocation } from '../command.ts'
import { keysOfArgument } from '../key-argument.ts'
import { readPolicy } from '../policy-argument.ts'
import { UsageError } from '../usage-error.ts'
import { checkSource } from './check.ts'
import type { CheckedSource } from './checked-source.ts'
import { assertAbout, givenRevisions, givenSignatures } from './given.ts'
import { acceptNewKeys } from './new-keys.ts'
import type { Source } from './sources.ts'

/** What the caller said about signatures and keys, as it was written. */
export interface CheckOptions {
  readonly signature: readonly string[]
  readonly checksums: readonly string[]
  readonly git: readonly string[]
  readonly developerKeys: readonly string[]
  /** Directory of attestations, in which signatures may lie already. */
  readonly out: string
  /** Ask nothing. */
  readonly yes: boolean
}

/**
 * Checks every source with the keys of the trusted list and those that were named, and asks about each key that is new
 * here. Throws UsageError for options that are about no source.
 */
export async function checkAll(
  sources: readonly Source[],
  options: CheckOptions,
  { places, terminal }: Invocation,
): Promise<readonly CheckedSource[]> {
  const given = givenSignatures(options.signature, options.checksums)
  const revisions = givenRevisions(options.git)
  assertAbout(
    sources.map(({ path }) => path),
    given,
    revisions,
  )
  const { listed, named } = keysOf(options, places.policy)
  const { directory, empty, remove } = scratch()
  let store: Promise<Store> | undefined
  const workplace = {
    directory,
    store: () => {
      store ??= openStore()
      return store
    },
  }
  try {
    const checking = { keys: [...listed, ...named], given, revisions, directories: [options.out], workplace }
    const checked: CheckedSource[] = []
    for (const source of sources) {
      terminal.progress(`checking ${printable(source.path.name)}`)
      checked.push(await checkSource(source, checking))
      // Who fetched a large source has no use for it once it was hashed and checked.
      empty()
    }
    return await acceptNewKeys(checked, listed, options)
  } finally {
    await store?.then(open => open.close()).catch(() => undefined)
    remove()
  }
}

/** A private directory, which goes with the program as well, if somebody ends it. */
function scratch() {
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-handoff-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  const leave = (signal: NodeJS.Signals) => {
    remove()
    process.exit(128 + constants.signals[signal])
  }
  process.once('SIGINT', leave).once('SIGTERM', leave)
  return {
    directory,
    empty: () => {
      for (const name of readdirSync(directory))
        rmSync(join(directory, name), { recursive: true, force: true })
    },
    remove: () => {
      process.off('SIGINT', leave).off('SIGTERM', leave)
      remove()
    },
  }
}

/**
 * The keys of the trusted list that are in force, and those that were named beside them. Throws UsageError for one
 * that the list has and does not let count: to name it does not bring it back.
 */
function keysOf({ developerKeys }: CheckOptions, policyFile: string) {
  const named = developerKeys.flatMap(keysOfArgument)
  // A packager's machine needs no policy where all keys are named.
  const isNeeded = named.length === 0 || existsSync(policyFile)
  if (!isNeeded) return { listed: [], named }
  const policy = readPolicy(policyFile, true)
  const now = Math.floor(Date.now() / 1000)
  for (const key of named) {
    const holder = holderOf(policy, key.identity)
    const standing = holder && standingOf(policy, holder, now).code
    if (holder === undefined || standing === 'valid') continue
    const whose = `${word(key.label)} is a key of ${word(holder.principal.name)}`
    throw new UsageError(
      `${whose}, which your policy says is ${standing}: it does not count, whoever names it`,
    )
  }
  return {
    listed: keysInForce(policy, now),
    named: named.filter(({ identity }) => !holderOf(policy, identity)),
  }
}
