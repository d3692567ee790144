/** `nixsig setup` and `nixsig unsetup`: enables nixsig on this machine, and undoes that. */
import { printable } from '../../primitives/printable.ts'
import { FRONTS, type Front } from '../../setup/installation.ts'
import { leftovers } from '../../setup/leftovers.ts'
import { machinePlaces } from '../../setup/places.ts'
import type { Plan } from '../../setup/plan.ts'
import { askToAgree } from '../ask.ts'
import { command, type Invocation } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { ownDirectory } from '../own-directory.ts'
import { paged } from '../pager.ts'
import { advisoryNotes, assertOwnMachine, noteAll, printSteps, saySettled } from '../setup-words.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

const CAREFULLY = {
  'dry-run': { kind: 'flag', text: 'Show what would be done, and do nothing' },
  yes: { kind: 'flag', text: 'Do not ask for confirmation' },
} as const

interface SetupOptions {
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly without: readonly Front[]
  readonly older: boolean
}

/** `nixsig setup` */
export const setup = command({
  options: {
    ...CAREFULLY,
    without: { kind: 'values', value: 'PART', choices: FRONTS, text: 'Leave this part out' },
    older: { kind: 'flag', text: 'Even if this is an older version than the one that set the machine up' },
  },
  examples: [
    ['setup --dry-run', 'Look at every line first'],
    ['setup --without plugin', 'Without the store plugin, where Nix loads none'],
  ],
  run: setUpMachine,
})

async function setUpMachine(options: SetupOptions, { terminal }: Invocation): Promise<Status> {
  assertOwnMachine('setup')
  const without = frontsOf(options.without)
  const { setUp } = await import('../../setup/set-up.ts')
  const directory = ownDirectory()
  const older = options.older ? 'taken' : 'refused'
  let obstacles: readonly string[] = []
  const outcome = await setUp(machinePlaces(), { directory, without, older }, async plan => {
    obstacles = plan.obstacles
    if (obstacles.length > 0) return false
    const version = await nixVersionLine()
    await paged(terminal, out => showPlan(plan, version, out))
    if (options['dry-run']) return false
    return options.yes || askToAgree('Do this?')
  })
  switch (outcome.kind) {
    case 'nothing':
      terminal.print('nothing to do: nixsig is set up like this already')
      return 0
    case 'blocked':
      terminal.note(obstacles.map(obstacle => `nixsig: in the way: ${obstacle}`).join('\n'))
      terminal.note('nixsig: nothing was done')
      return 2
    case 'declined':
      terminal.note('nothing was done')
      return options['dry-run'] ? 0 : 2
    case 'failed':
      terminal.note(`nixsig: ${outcome.problem}`)
      terminal.note('nixsig: setup ended there; run it again when that is put right, or nixsig unsetup')
      return 2
    case 'done':
      await sayUnheeded(terminal)
      terminal.print(`${terminal.good('done')}; nixsig doctor tells whether every door is closed`)
      return saySettled(outcome.settled, terminal)
  }
}

/** That something is written does not mean that Nix heeds it. */
async function sayUnheeded(terminal: Terminal): Promise<void> {
  const { unheededIn } = await import('../../doctor/unheeded.ts')
  const found = await unheededIn(machinePlaces().included)
  for (const sentence of found) terminal.note(`nixsig: not in effect: ${sentence}`)
}

/** Each once, in the order of FRONTS. */
function frontsOf(without: readonly Front[]): readonly Front[] {
  const fronts = FRONTS.filter(front => without.includes(front))
  if (fronts.includes('hooks') && !fronts.includes('plugin')) {
    throw new UsageError(
      'without the hooks nobody says which builds may start, and the plugin refuses all: --without plugin as well',
    )
  }
  return fronts
}

/** Milliseconds for Nix to say its version. */
const VERSION_LIMIT = 10_000

/** What `nix --version` prints; undefined where there is no Nix that answers. */
async function nixVersionLine(): Promise<string | undefined> {
  const { runProgram } = await import('../../files/run.ts')
  const asked = await runProgram('nix', ['--version'], VERSION_LIMIT).catch(() => undefined)
  return asked?.status === 0 ? asked.stdout.split('\n', 1)[0] : undefined
}

function showPlan({ newKeys, steps, notes }: Plan, version: string | undefined, terminal: Terminal): void {
  for (const key of newKeys) terminal.print(terminal.strong(`make the ${key}'s key`))
  printSteps(steps, terminal)
  noteAll([...notes, ...advisoryNotes(version)], terminal)
}

interface UnsetupOptions {
  readonly 'dry-run': boolean
  readonly yes: boolean
  readonly purge: boolean
}

/** `nixsig unsetup`: Nix works as it did before setup. */
export const unsetup = command({
  options: {
    ...CAREFULLY,
    purge: { kind: 'flag', text: 'Delete policy, keys, ledger and quarantine as well, for good' },
  },
  examples: [['unsetup', 'Nix then judges nothing, and accepts what it accepted before']],
  run: leave,
})

async function leave(options: UnsetupOptions, { terminal }: Invocation): Promise<Status> {
  assertOwnMachine('unsetup')
  const places = machinePlaces()
  const { takeDown } = await import('../../setup/take-down.ts')
  const outcome = await takeDown(places, options.purge, async ({ steps, notes }) => {
    await paged(terminal, out => {
      printSteps(steps, out)
      if (options.purge)
        out.print(
          out.bad(
            `delete ${printable(places.policy)}, the passwords that setup took from nix.conf, and ${printable(places.state)}`,
          ),
        )
      noteAll([...notes, ...(options.purge ? leftovers(places, ownDirectory()) : [])], out)
    })
    if (options['dry-run']) return false
    return options.yes || askToAgree('Do this?')
  })
  switch (outcome.kind) {
    case 'nothing':
      terminal.print('nothing to do: setup has changed nothing here')
      return 0
    case 'declined':
      terminal.note('nothing was done')
      return options['dry-run'] ? 0 : 2
    case 'partly':
      terminal.note('nixsig: not everything could be restored; see above what is left to do')
      return 2
    case 'failed':
      terminal.note(`nixsig: ${outcome.problem}`)
      return 2
    case 'done':
      for (const directory of outcome.emptied)
        terminal.note(
          `nixsig: note: the empty directory ${printable(directory)} stays: it is a mount point (umount it, take it out of /etc/fstab, and rmdir it)`,
        )
      terminal.print(
        `${terminal.good('done')}; restart nix-daemon if it runs and systemd did not, and end a gate that you started`,
      )
      return 0
  }
}
