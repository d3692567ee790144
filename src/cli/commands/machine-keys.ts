/** `nixsig machine-keys`: the keys of a machine and of its gate. */

import { jsonLine } from '../../explain/verdict-json.ts'
import { writeDurably } from '../../files/durable-file.ts'
import { readOwnedFile } from '../../files/owned-file.ts'
import { type NixPublicKey, parseNixPublicKey, printNixPublicKey } from '../../formats/nix/nix-key.ts'
import { printable } from '../../primitives/printable.ts'
import { type KeyOutcome, namedKey, settleKey } from '../../verifier/given-key.ts'
import type { OwnKey } from '../../verifier/machine-key.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

/** What a machine needs before its first Nix command, made where it is missing. */
export const machineKeys = command({
  options: {
    'machine-key': {
      kind: 'value',
      value: 'FILE',
      text: 'Secret key to start with, for attesting what was built here',
    },
    'gate-key': {
      kind: 'value',
      value: 'FILE',
      text: 'Secret key to start with, for signing what the gate lets in',
    },
    retired: {
      kind: 'values',
      value: 'NAME:BASE64',
      text: 'Public key that shall no longer be in use: the given key, or a new one, takes its place',
    },
    'nix-conf': {
      kind: 'value',
      value: 'FILE',
      text: "Write the line by which Nix trusts the gate's key to this file, which nix.conf includes",
    },
    json: JSON_OPTION,
  },
  examples: [
    ['machine-keys --nix-conf /var/lib/nixsig/nix.conf', 'At the first start of a machine, as NixOS does'],
    ['machine-keys --machine-key FILE --retired box-1:BASE64', 'Change the key of the machine'],
  ],
  reads: ['state'],
  run: makeMachineKeys,
})

interface Options {
  readonly 'machine-key': string | undefined
  readonly 'gate-key': string | undefined
  readonly retired: readonly string[]
  readonly 'nix-conf': string | undefined
  readonly json: boolean
}

const CONF_LIMIT = 64 * 1024

async function makeMachineKeys(options: Options, { places, terminal }: Invocation<'state'>): Promise<Status> {
  if (process.geteuid?.() !== 0)
    throw new UsageError(
      'only root can run nixsig machine-keys: the keys belong to the machine; next: ask who has root here',
    )
  const retired = options.retired.map(parseNixPublicKey)
  const settle = (which: OwnKey, file: string | undefined) => {
    const outcome = settleKey(places.state, which, { file, retired })
    tell(terminal, which, outcome, places.state)
    return { key: printNixPublicKey(outcome.key), change: outcome.change }
  }
  const machine = settle('machine', options['machine-key'])
  const gate = settle('gate', options['gate-key'])
  if (options['nix-conf'] !== undefined) writeConf(options['nix-conf'], gate.key)
  if (options.json) terminal.print(jsonLine({ machine, gate }))
  else terminal.print(`machine key  ${machine.key}\ngate key     ${gate.key}`)
  return 0
}

function tell(terminal: Terminal, which: OwnKey, outcome: KeyOutcome, state: string): void {
  const { key, change, before, instead } = outcome
  if (change === 'made') terminal.warn(`nixsig: ${madeWords(which, key, state)}`)
  if (before !== undefined) {
    terminal.warn(
      `nixsig: the ${which} key was changed from ${namedKey(before)}, which is retired, to ${namedKey(key)}`,
    )
  }
  if (instead === undefined) return
  terminal.warn(
    `nixsig: warning: the ${which} goes on with its key ${namedKey(key)}: ${instead.why}. Next: ${instead.next}`,
  )
}

/** A new key on a machine that had one is the first sign that its state was lost. */
function madeWords(which: OwnKey, key: NixPublicKey, state: string): string {
  const lost =
    which === 'machine'
      ? 'what it built before counts as unknown here: restore the directory from a backup, or go through what is there (nixsig verify --recursive /run/current-system)'
      : 'others who trust the former key need this one'
  return `${printable(state)} had no ${which} key, and has a new one now: ${namedKey(key)}. If this machine had a key before, its state was lost, and ${lost}`
}

/** Whoever reads the file while it is written finds the one before or this one whole. */
function writeConf(file: string, key: string): void {
  const text = `# Written by "nixsig machine-keys". What this key signed, the gate of this machine let in.\ntrusted-public-keys = ${key}\n`
  if (readOwnedFile(file, CONF_LIMIT)?.toString('utf8') === text) return
  writeDurably(file, text, { flush: true, mode: 0o644 })
}
