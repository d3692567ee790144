/**
 * Runs Nix's evaluator so that it can read nothing but the trees that it is given. Each setting
 * closes a way out that is a test by name (test/e2e/approve-escapes.test.ts):
 *
 *     pure-eval                    no files outside the store and of the store only what is given; no
 *                                  time, environment, NIX_PATH, storePath; fetchers only with a hash
 *     restrict-eval, allowed-uris  no fetching, even with a hash, except from these addresses
 *     experimental-features        empty: getFlake and fetchTree, which are content with a revision,
 *                                  and fetchClosure do not exist
 *     allow-import-from-derivation no contents that were only just built
 *     allow-unsafe-native-code…    no exec and importNative
 *     PATH                         empty: fetchGit of an old Nix, which heeds no allowed-uris, finds
 *                                  no git
 *     http_proxy …                 a closed port, unless addresses are allowed
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { findProgram } from '../../files/programs.ts'
import { makeScratch, removeScratch } from '../../files/scratch.ts'
import { isDerivationPath, isStorePath, parseStorePath } from '../../formats/nix/store-path.ts'
import { printable } from '../../primitives/printable.ts'
import { ExpressionError } from '../expression-error.ts'
import { minorOf } from '../nix-minor.ts'

/** Milliseconds that an evaluation may take. */
const TIME_LIMIT = 30 * 60_000
const OUTPUT_LIMIT = 64 * 1024 * 1024
/** Lines of Nix's own words that are passed on. */
const COMPLAINT_LIMIT = 40

const CLOSED = 'http://127.0.0.1:9'
const NOWHERE = '/homeless-shelter'

/** What an evaluation may do besides reading what it is given. */
export interface Permissions {
  /** Prefixes of addresses from which expressions may fetch what they give a hash of. */
  readonly uris: readonly string[]
  readonly importFromDerivation: boolean
}

/** Nothing. */
export const NO_PERMISSIONS: Permissions = { uris: [], importFromDerivation: false }

/** The evaluator: its version and what it evaluates for. */
export interface Evaluator {
  /** `2.26.3`. */
  readonly version: string
  /** `x86_64-linux`. */
  readonly system: string
  /** The minor version of Nix 2 as which it fetches (nix-minor.ts); absent: not known. */
  readonly minor?: number
}

/** Asks the Nix on this machine. `system`: in place of its own. Rejects with ExpressionError. */
export async function findEvaluator(system: string | undefined): Promise<Evaluator> {
  const said = await runNix('nix-instantiate', ['--version'])
  const version = /(\d[\w.+-]*)\s*$/.exec(said)?.[1]
  if (version === undefined) throw new ExpressionError('evaluation', 'nix-instantiate has no version')
  const minor = minorOf(said)
  const about = { version, ...(minor === undefined ? {} : { minor }) }
  if (system !== undefined) return { ...about, system }
  const text = await runNix('nix-instantiate', ['--eval', '--expr', 'builtins.currentSystem'])
  const [, own] = /^"([\w-]+)"\s*$/.exec(text) ?? []
  if (own === undefined) throw new ExpressionError('evaluation', `Nix has no system: ${printable(text, 100)}`)
  return { ...about, system: own }
}

/**
 * Instantiates an expression. Returns the derivations, each once. Rejects with ExpressionError if
 * the evaluation fails or gives no derivation. A function gets `system` if it takes one.
 */
export async function instantiate(
  expression: string,
  attributes: readonly string[],
  { system }: Evaluator,
  permissions: Permissions,
): Promise<readonly string[]> {
  const settings: Readonly<Record<string, string>> = {
    'pure-eval': 'true',
    'restrict-eval': 'true',
    'allowed-uris': permissions.uris.join(' '),
    'experimental-features': '',
    'allow-import-from-derivation': String(permissions.importFromDerivation),
    'allow-unsafe-native-code-during-evaluation': 'false',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['--option', name, value])
  const chosen = attributes.flatMap(attribute => ['-A', attribute])
  const args = [...options, '--argstr', 'system', system, ...chosen, '--expr', expression]
  const output = await runNix('nix-instantiate', args, permissions)
  const paths = output.split('\n').map(line => line.replace(/![\w,-]+$/, ''))
  const derivations = paths.filter(path => isStorePath(path) && isDerivationPath(parseStorePath(path)))
  if (derivations.length > 0) return [...new Set(derivations)]
  throw new ExpressionError('evaluation', 'the evaluation gave no derivation')
}

/** Adds a directory to the store, under its own name; returns its store path. */
export async function addToStore(directory: string): Promise<string> {
  const [path = ''] = (await runNix('nix-store', ['--add', directory])).split('\n')
  return path
}

async function runNix(
  name: 'nix-instantiate' | 'nix-store',
  args: readonly string[],
  { uris, importFromDerivation }: Permissions = NO_PERMISSIONS,
): Promise<string> {
  const program = findProgram(name)
  if (program === undefined)
    throw new ExpressionError('evaluation', `there is no program ${name} on this system`)
  // Caches of other evaluations are not read, and none is left behind.
  const scratch = makeScratch('evaluator')
  const proxy = uris.length > 0 ? {} : { http_proxy: CLOSED, https_proxy: CLOSED, all_proxy: CLOSED }
  const builds = importFromDerivation ? { NIX_USER_CONF_FILES: join(homedir(), '.config/nix/nix.conf') } : {}
  const { NIX_REMOTE } = process.env
  try {
    const run = await execa(program, args, {
      cwd: '/',
      extendEnv: false,
      env: {
        PATH: NOWHERE,
        HOME: NOWHERE,
        XDG_CACHE_HOME: scratch,
        XDG_CONFIG_HOME: scratch,
        XDG_DATA_HOME: scratch,
        XDG_STATE_HOME: scratch,
        ...(NIX_REMOTE === 'daemon' ? { NIX_REMOTE } : {}),
        ...proxy,
        ...builds,
      },
      reject: false,
      stdin: 'ignore',
      timeout: TIME_LIMIT,
      maxBuffer: OUTPUT_LIMIT,
    })
    if (!run.failed) return run.stdout
    const complaint = run.stderr || run.shortMessage || 'it said nothing'
    const lines = complaint.trim().split('\n').slice(0, COMPLAINT_LIMIT)
    throw new ExpressionError('evaluation', `${name}: ${lines.map(line => printable(line)).join('\n')}`)
  } finally {
    removeScratch(scratch)
  }
}
