import { resolve } from 'node:path'
import type { InputVerdict } from '../../expressions/lock/input-verdict.ts'
import { verifyLock } from '../../expressions/lock/verify-lock.ts'
import { parsePin } from '../../formats/locks/pin-argument.ts'
import { command, type Invocation } from '../command.ts'
import { mostSevere, type Status } from '../exit-status.ts'
import { LOCK_OPTIONS, minorOfNix, noteOtherWriters, repositoryPlaces } from '../lock-arguments.ts'
import { inputLine } from '../lock-json.ts'
import { inputStatus, sayInputs, sayPassed } from '../lock-table.ts'
import { saying } from '../option-value.ts'
import { readPolicy } from '../policy-argument.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  readonly directory: string | undefined
  readonly url: string | undefined
  readonly pin: readonly string[]
  readonly repo: readonly string[]
  readonly 'inputs-only': boolean
  readonly 'allow-dirty': boolean
  readonly 'allow-untracked': boolean
  readonly json: boolean
  readonly sarif: boolean
}

/**
 * `nixsig lock verify [DIR]`: whether everything that a lock pins is what the right people signed.
 */
export const lockVerify = command({
  arguments: {
    directory: {
      count: 'at most one',
      text: 'A directory with flake.lock, npins/sources.json or nix/sources.json (niv); by default the one here',
    },
  },
  options: {
    pin: {
      kind: 'values',
      value: 'PIN',
      text: 'What an expression pins besides: URL@COMMIT, URL@COMMIT#sha256-… or URL#sha256-… (an archive)',
    },
    ...LOCK_OPTIONS,
    url: {
      kind: 'value',
      value: 'URL',
      text: 'The URL by which [[inputs]] of the policy names the tree around the lock (by default file:// and its directory)',
    },
    'inputs-only': { kind: 'flag', text: 'Do not judge the tree around the lock, only what the lock pins' },
    'allow-dirty': { kind: 'flag', text: 'Accept a work tree that is not its commit' },
    'allow-untracked': {
      kind: 'flag',
      text: 'Accept files that the commit lacks, which count where npins or niv pin something',
    },
    json: { kind: 'flag', text: 'Print one JSON object a line for each input' },
    sarif: { kind: 'flag', text: 'Print the findings in SARIF 2.1.0, for code scanning' },
  },
  examples: [
    ['lock verify', 'The flake here: its commit, its work tree, and every input'],
    ['lock verify --inputs-only', 'Before a commit of the lock, as a hook of git'],
    ['lock verify --pin https://example.org/lib.git@COMMIT#HASH', 'What fetchGit in an expression pins'],
  ],
  reads: ['policy', 'state'],
  ownPolicy: 'first',
  run: verifyLocks,
})

async function verifyLocks(
  options: Options,
  { places, terminal }: Invocation<'policy' | 'state'>,
): Promise<Status> {
  if (options.json && options.sarif) throw new UsageError('--json and --sarif: give one of them')
  const pins = options.pin.map(text => saying('--pin', () => parsePin(text)))
  // Whoever names pins and no directory asks about these alone.
  const isAboutPins = pins.length > 0 && options.directory === undefined
  const tree = {
    url: options.url,
    allowDirty: options['allow-dirty'],
    allowUntracked: options['allow-untracked'],
  }
  const told = (verdict: InputVerdict, of: number) =>
    terminal.progress(`judged ${verdict.input} of ${of} inputs`)
  const minor = await minorOfNix()
  const verdicts = await verifyLock({
    policy: readPolicy(places.policy, true, places.state),
    now: Math.floor(Date.now() / 1000),
    places: repositoryPlaces(options.repo, places),
    pins,
    usesAll: true,
    told,
    ...(minor === undefined ? {} : { minor }),
    ...(isAboutPins ? {} : { directory: resolve(options.directory ?? '.') }),
    ...(isAboutPins || options['inputs-only'] ? {} : { self: tree }),
  })
  if (!isAboutPins) noteOtherWriters(terminal, resolve(options.directory ?? '.'))
  if (options.sarif) {
    const { sarifOf } = await import('../lock-sarif.ts')
    terminal.print(sarifOf(verdicts))
  } else if (options.json) {
    for (const verdict of verdicts) terminal.print(inputLine(verdict))
  } else {
    sayInputs(terminal, verdicts)
    sayPassed(terminal, verdicts)
  }
  return mostSevere(verdicts.map(inputStatus))
}
