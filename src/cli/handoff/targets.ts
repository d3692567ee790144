import { existsSync } from 'node:fs'
import { execa } from 'execa'
import { isDerivationPath, isStorePath, parseStorePath } from '../../formats/store-path.ts'
import { printable } from '../../primitives/printable.ts'
import { UsageError } from '../usage-error.ts'

/** Milliseconds that an evaluation may take. */
const TIME_LIMIT = 30 * 60_000

/**
 * The derivations that are meant by targets: a .drv of the store as it is, all else as nix-instantiate takes it, with
 * `-A` for each attribute. Whole store paths, each once. Throws UsageError where evaluation fails or gives none.
 */
export async function derivationsOf(
  targets: readonly string[],
  attributes: readonly string[],
): Promise<readonly string[]> {
  const given = targets.filter(isDerivation)
  const files = targets.filter(target => !isDerivation(target))
  if (given.length > 0 && files.length === 0 && attributes.length > 0) {
    throw new UsageError('--attr chooses from an expression, and a .drv is none')
  }
  const wantsEvaluation = files.length > 0 || targets.length === 0
  const evaluated = wantsEvaluation ? await instantiate(files, attributes) : []
  return [...new Set([...given, ...evaluated])]
}

function isDerivation(target: string): boolean {
  return isStorePath(target) && isDerivationPath(parseStorePath(target))
}

async function instantiate(
  files: readonly string[],
  attributes: readonly string[],
): Promise<readonly string[]> {
  if (files.length === 0 && !existsSync('default.nix')) {
    throw new UsageError('which derivation? There is no default.nix here')
  }
  for (const file of files) {
    if (!existsSync(file)) throw new UsageError(`there is no ${printable(file)}`)
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
    throw new UsageError(`nix-instantiate: ${printable(complaint.trim(), 2000)}`)
  }
  const paths = evaluation.stdout.split('\n').map(line => line.replace(/![\w,-]+$/, ''))
  const derivations = paths.filter(isDerivation)
  if (derivations.length === 0) throw new UsageError('nix-instantiate gave no derivation')
  return derivations
}

/** A file's name is never taken for an option or for something to be looked up. */
function asPath(file: string): string {
  return file.startsWith('/') ? file : `./${file}`
}
