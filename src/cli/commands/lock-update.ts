import { resolve } from 'node:path'
import { jsonLine, verdictJson } from '../../explain/verdict-json.ts'
import { DEPTH } from '../../expressions/lock/search-branch.ts'
import { type Update, updateInput } from '../../expressions/lock/update-input.ts'
import { exitCode } from '../../policy/exit-code.ts'
import { grounds } from '../../policy/wording.ts'
import { printable } from '../../primitives/printable.ts'
import { command, type Invocation, JSON_OPTION } from '../command.ts'
import type { Status } from '../exit-status.ts'
import { LOCK_OPTIONS, minorOfNix, repositoryPlaces } from '../lock-arguments.ts'
import { readPolicy } from '../policy-argument.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'

const DEPTH_LIMIT = 100_000

interface Options {
  readonly input: string
  readonly directory: string | undefined
  readonly repo: readonly string[]
  readonly depth: string
  readonly 'allow-older': boolean
  readonly json: boolean
}

/** `nixsig lock update INPUT [DIR]`: to the newest commit that enough people signed. */
export const lockUpdate = command({
  arguments: {
    input: { count: 'one', text: 'An input of the flake, such as nixpkgs, or home-manager/nixpkgs' },
    directory: { count: 'at most one', text: 'The directory with flake.lock; by default the one here' },
  },
  options: {
    ...LOCK_OPTIONS,
    depth: {
      kind: 'value',
      value: 'COUNT',
      fallback: String(DEPTH),
      text: 'The most commits of the branch that are fetched and looked at',
    },
    'allow-older': { kind: 'flag', text: 'Also move to a commit that does not come after the locked one' },
    json: JSON_OPTION,
  },
  examples: [
    ['lock update nixpkgs', 'Along the branch that flake.nix names, or the one the server has checked out'],
  ],
  reads: ['policy', 'state'],
  ownPolicy: 'first',
  run: update,
})

async function update(
  options: Options,
  { places, terminal }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  const depth = Number(options.depth)
  if (!/^[1-9]\d{0,5}$/.test(options.depth) || depth > DEPTH_LIMIT) {
    throw new UsageError(`--depth must be a number from 1 to ${DEPTH_LIMIT}`)
  }
  const updated = await updateInput({
    policy: readPolicy(places.policy, true, places.state),
    now: Math.floor(Date.now() / 1000),
    places: repositoryPlaces(options.repo, places),
    directory: resolve(options.directory ?? '.'),
    input: options.input,
    depth,
    allowOlder: options['allow-older'],
    minor: await neededMinor(),
  })
  if (!options.json) return sayUpdate(terminal, printable(options.input, 100), updated)
  const status = statusOf(updated)
  terminal.print(jsonLine({ input: options.input, status, ...updateJson(updated) }))
  return status
}

function sayUpdate(terminal: Terminal, input: string, updated: Update): Status {
  if (updated.kind === 'none') {
    const { newest, looked } = updated
    terminal.print(
      `${terminal.bad('not moved')} ${input}: none of ${looked} commits meets the rule; the newest:`,
    )
    terminal.print(grounds(newest.verdict))
    return statusOf(updated)
  }
  const { from, found } = updated
  const signers = [...new Set(found.signatures.map(({ principal }) => printable(principal)))]
  const by = signers.length === 0 ? 'nobody, as nothing is required' : signers.join(', ')
  const what = {
    moved: `${from || 'nothing'} -> ${found.commit}`,
    mended: `stays at ${found.commit}; its hash, time or count in the lock was wrong, and is now right`,
    unchanged: `stays at ${found.commit}`,
  }[updated.kind]
  terminal.print(`${terminal.good(updated.kind)} ${input}: ${what}`)
  terminal.print(`  signed by ${by}`)
  if (updated.isUnknownOrder) {
    terminal.note(
      'whether it comes after the locked commit is not in the history that was looked at (--depth)',
    )
  }
  return 0
}

function statusOf(updated: Update): Status {
  if (updated.kind !== 'none') return 0
  const status = exitCode(updated.newest.verdict)
  return status === 0 ? 20 : status
}

function updateJson(updated: Update): object {
  if (updated.kind === 'none') {
    const { newest, looked } = updated
    return { outcome: 'none', looked, newest: newest.commit, findings: verdictJson(newest.verdict).findings }
  }
  const { kind, from, found, isUnknownOrder } = updated
  const signers = [...new Set(found.signatures.map(({ principal }) => principal))]
  return { outcome: kind, from: from || null, commit: found.commit, signers, orderKnown: !isUnknownOrder }
}

/** What is hashed depends on the Nix that evaluates. */
async function neededMinor(): Promise<number> {
  const minor = await minorOfNix()
  if (minor !== undefined) return minor
  throw new UsageError(
    '"nix --version" does not say which version of Nix 2 this is, on which depends what is hashed; next: put nix into PATH',
  )
}
