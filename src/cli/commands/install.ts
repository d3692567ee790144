/**
 * `nixsig install` and `nixsig upgrade`: programs in a directory of their version, switched whole.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { realPathOf } from '../../files/named-file.ts'
import { ArgumentError, FileError } from '../../files/regular-file.ts'
import { printable } from '../../primitives/printable.ts'
import type { Source, Switched, Wish } from '../../release/deploy.ts'
import { machinePlaces } from '../../setup/places.ts'
import { CURRENT, PREVIOUS, VERSIONS, versionIn } from '../../setup/versions.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { keysOfArgument } from '../key-argument.ts'
import { ownDirectory } from '../own-directory.ts'
import { assertOwnMachine } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

const COMMON = {
  'from-package': {
    kind: 'flag',
    text: "As a distribution's package does: no links in /usr/local, and no doctor at the end",
  },
  older: { kind: 'flag', text: 'Even if it is an older version than the one in force' },
} as const

interface CommonOptions {
  readonly 'from-package': boolean
  readonly older: boolean
}

const EPILOGUE = `Where nixsig is set up, the gate and nix-daemon are restarted, and the exit status is that of the doctor, which
runs at the end; 2 if something failed before. The version before stays: nixsig upgrade --rollback.`

/** `nixsig install`: the programs that this one lies among. */
export const install = command({
  options: COMMON,
  examples: [['install', 'As root, in an unpacked archive: ./nixsig install']],
  epilogue: EPILOGUE,
  run: (options: CommonOptions, invocation) =>
    bring(options, { directory: ownDirectory() }, 'install', invocation),
})

interface UpgradeOptions extends CommonOptions {
  readonly from: string | undefined
  readonly rollback: boolean
  readonly key: readonly string[]
  readonly unsigned: boolean
}

/** `nixsig upgrade`: those of an archive or a directory. */
export const upgrade = command({
  arguments: {
    from: {
      count: 'at most one',
      text: 'An archive, with SHA256SUMS and SHA256SUMS.sig beside it, or a directory that it was unpacked to as root',
    },
  },
  options: {
    rollback: { kind: 'flag', text: 'Go back to the version that was in force before' },
    key: {
      kind: 'values',
      value: 'KEY',
      text: 'A key that may have signed the archive, in place of those in release.keys',
    },
    unsigned: { kind: 'flag', text: 'Take an archive whoever made it' },
    ...COMMON,
  },
  examples: [
    ['upgrade nixsig-0.2.0-linux-x64.tar.gz', 'To a release, with SHA256SUMS and SHA256SUMS.sig beside it'],
    ['upgrade --rollback', 'Back, when the new version does not do'],
  ],
  epilogue: EPILOGUE,
  run: upgradeMachine,
})

async function upgradeMachine(options: UpgradeOptions, invocation: Invocation): Promise<Status> {
  const { from, rollback, key, unsigned } = options
  if (rollback === (from !== undefined))
    throw new UsageError('upgrade to what? Give an archive, a directory or --rollback')
  if (key.length > 0 && unsigned)
    throw new UsageError('--key names who signed it, and --unsigned asks nobody: give one')
  if (from === undefined) return bring(options, 'previous', 'upgrade', invocation)
  const path = realPathOf(from)
  const kind = statSync(path)
  if (kind.isDirectory()) {
    if (key.length > 0)
      throw new UsageError('a directory has no signature: upgrade with the archive that it was unpacked from')
    return bring(options, { directory: path }, 'upgrade', invocation)
  }
  if (!kind.isFile()) throw new ArgumentError(`${printable(path)} is neither an archive nor a directory`)
  const signers = unsigned ? 'unsigned' : { keys: await keysFor(key) }
  return bring(options, { archive: path, signers }, 'upgrade', invocation)
}

async function keysFor(named: readonly string[]) {
  if (named.length > 0) return named.flatMap(keysOfArgument)
  const { RELEASE_KEYS, releaseKeysIn } = await import('../../release/archive.ts')
  return ['/etc/nixsig', ownDirectory()].flatMap(directory => releaseKeysIn(join(directory, RELEASE_KEYS)))
}

async function bring(
  options: CommonOptions,
  source: Source | 'previous',
  name: string,
  { terminal }: Invocation,
): Promise<Status> {
  assertOwnMachine(name)
  const { linkPrograms, switchVersion } = await import('../../release/deploy.ts')
  const older: Wish['older'] = options.older ? 'taken' : 'refused'
  const switched = await switchVersion({ home: VERSIONS, places: machinePlaces(), source, older })
  saySwitched(switched, terminal)
  if (options['from-package']) noteOther(terminal)
  else {
    for (const link of linkPrograms(VERSIONS))
      terminal.note(`nixsig: note: ${printable(link)} is not nixsig's, and was left as it is`)
  }
  return putInForce(options, terminal)
}

/** Where a shell of root's looks before /usr/bin, to which a package links its program. */
const EARLIER = ['/usr/local/sbin/nixsig', '/usr/local/bin/nixsig']

function noteOther(terminal: Terminal): void {
  const other = EARLIER.find(file => existsSync(file))
  if (other === undefined || realpathSync.native(other).startsWith(`${VERSIONS}/`)) return
  const number = versionIn(dirname(realpathSync.native(other))) ?? 'another one'
  terminal.note(
    `nixsig: note: ${other} comes first in PATH, and is nixsig ${number}, not this one; next: rm ${other}`,
  )
}

function saySwitched({ version, before, signature }: Switched, terminal: Terminal): void {
  if (signature !== undefined) terminal.print(`the archive: ${signature}`)
  if (before?.name === version.name) {
    terminal.print(`nixsig ${version.name} is in force in ${VERSIONS}, as before`)
    return
  }
  const was = before === undefined ? '' : `, in place of ${before.name}`
  terminal.print(`${terminal.good('installed')} nixsig ${version.name} in ${version.directory}${was}`)
}

/** Has what runs use the version that was switched to. */
async function putInForce(options: CommonOptions, terminal: Terminal): Promise<Status> {
  const { lookAtFiles } = await import('../../setup/look.ts')
  const { record, hasSystemd } = lookAtFiles(machinePlaces())
  if (record === undefined) {
    terminal.print('nothing on this machine asks nixsig yet; next: nixsig setup --dry-run')
    return 0
  }
  const program = join(VERSIONS, CURRENT, 'nixsig')
  const without = record.without.flatMap(front => ['--without', front])
  const settled = run(program, ['setup', '--yes', ...without])
  if (settled !== 0) terminal.note('nixsig: setup of this version did not end well: see above')
  const problem = hasSystemd ? await restartAll(record.without.includes('gate')) : undefined
  if (!hasSystemd)
    terminal.note(
      'nixsig: note: restart the gate (nixsig serve) and nix-daemon yourself: they still run as they were started',
    )
  if (problem !== undefined) {
    terminal.note(
      `nixsig: nixsig ${versionIn(join(VERSIONS, CURRENT)) ?? ''} is installed, and does not come up: ${problem}
nixsig: journalctl -u nixsig says why; the way back: nixsig upgrade --rollback (if that fails: ${VERSIONS}/${PREVIOUS}/nixsig upgrade --rollback)`,
    )
    return 2
  }
  if (options['from-package']) return settled === 0 ? 0 : 2
  const examined = run(program, ['doctor'])
  return settled === 0 ? (examined === 0 ? 0 : examined === 1 ? 1 : 2) : 2
}

async function restartAll(isWithoutGate: boolean): Promise<string | undefined> {
  const { restartDaemon, startGate } = await import('../../setup/systemd.ts')
  return (isWithoutGate ? undefined : await startGate()) ?? (await restartDaemon())
}

/** Runs a command of the version in force, which says what it has to say; its exit status. */
function run(program: string, args: readonly string[]): number {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' })
  if (error !== undefined) throw new FileError(`${program} cannot be run: ${printable(error.message)}`)
  return status ?? 2
}
