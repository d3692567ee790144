import { existsSync, realpathSync } from 'node:fs'
import { execa } from 'execa'
import { isDerivationPath, isStorePath, parseStorePath } from '../../formats/nix/store-path.ts'
import { printable } from '../../primitives/printable.ts'
import { PackagingError } from '../packaging-error.ts'

/** Milliseconds that an evaluation may take. */
const TIME_LIMIT = 30 * 60_000

/** Lines of Nix's own words that are passed on. */
const COMPLAINT_LIMIT = 40

/**
 * The derivations that are meant by targets: a .drv of the store as it is, all else as
 * nix-instantiate takes it, with `-A` for each attribute. Whole store paths, each once. Throws
 * PackagingError if the evaluation fails or gives no derivation.
 */
export async function derivationsOf(
  targets: readonly string[],
  attributes: readonly string[],
): Promise<readonly string[]> {
  const meant = targets.map(derivationIn)
  const given = meant.flatMap(path => path ?? [])
  const files = targets.filter((_, index) => meant[index] === undefined)
  if (given.length > 0 && files.length === 0 && attributes.length > 0) {
    throw new PackagingError('wrong-kind', '--attr chooses from an expression, which a .drv is not')
  }
  const wantsEvaluation = files.length > 0 || targets.length === 0
  const evaluated = wantsEvaluation ? await instantiate(files, attributes) : []
  return [...new Set([...given, ...evaluated])]
}

function isDerivation(target: string): boolean {
  return isStorePath(target) && isDerivationPath(parseStorePath(target))
}

/** The derivation that a target is or, as `nix-instantiate --add-root` makes them, a link to. */
function derivationIn(target: string): string | undefined {
  if (isDerivation(target)) return target
  const path = existsSync(target) ? realpathSync(target) : ''
  return isDerivation(path) ? path : undefined
}

async function instantiate(
  files: readonly string[],
  attributes: readonly string[],
): Promise<readonly string[]> {
  if (files.length === 0 && !existsSync('default.nix')) {
    throw new PackagingError('no-derivation', 'which derivation? There is no default.nix here')
  }
  for (const file of files) {
    if (!existsSync(file) && !isLookup(file)) throw new PackagingError('no-derivation', whyAbsent(file))
  }
  const args = [...attributes.flatMap(attribute => ['-A', attribute]), ...files.map(asPath)]
  const evaluation = await execa('nix-instantiate', args, {
    reject: false,
    stdin: 'ignore',
    timeout: TIME_LIMIT,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (evaluation.failed) {
    const complaint = evaluation.stderr || evaluation.shortMessage || 'it said nothing'
    const lines = complaint.trim().split('\n').slice(0, COMPLAINT_LIMIT)
    throw new PackagingError(
      'evaluation',
      `nix-instantiate: ${lines.map(line => printable(line)).join('\n')}`,
    )
  }
  const paths = evaluation.stdout.split('\n').map(line => line.replace(/![\w,-]+$/, ''))
  const derivations = paths.filter(isDerivation)
  if (derivations.length === 0)
    throw new PackagingError('no-derivation', 'nix-instantiate gave no derivation')
  return derivations
}

/** What Nix looks up in its own path, like `<nixpkgs>`. */
function isLookup(target: string): boolean {
  return /^<[\w.+-]+(?:\/[\w.+-]+)*>$/.test(target)
}

function whyAbsent(target: string): string {
  const flake = /^([^#]*)#(.+)$/.test(target)
    ? ' (of a flake, give what `nix eval --raw …drvPath` prints)'
    : ''
  return `there is no ${printable(target)}${flake}`
}

/** A file's name is never taken for an option or for something to be looked up. */
function asPath(file: string): string {
  return file.startsWith('/') || isLookup(file) ? file : `./${file}`
}
