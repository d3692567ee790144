import { lstatSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { printable } from '../primitives/printable.ts'
import type { MachineFacts } from './facts.ts'
import { interpreterOf } from './installation.ts'
import { learn } from './learn.ts'
import { lookAtLedger } from './ledger-facts.ts'
import { lookAtTree, ownProblem, protectionProblem, type Tree } from './protection.ts'

const TIMEOUT = 10_000

/** Inspects the store, the state directory and the installation. */
export async function lookAtMachine(state: string, installation: string): Promise<MachineFacts> {
  const storeProblems = await learn(lookAtStore, TIMEOUT)
  const tree = await learn(() => lookAtState(state), TIMEOUT)
  const bundleProblems = await learn(() => lookAtBundle(installation), TIMEOUT)
  const newestFile = await learn(() => {
    const built = Math.floor(statSync(join(installation, 'nixsig')).mtimeMs / 1000)
    return Math.max(built, 'problem' in tree ? 0 : tree.value.newest)
  }, TIMEOUT)
  const stateProblems = 'problem' in tree ? tree : { value: tree.value.problems }
  const ledger = await learn(() => lookAtLedger(state), TIMEOUT)
  return { ledger, storeProblems, stateProblems, bundleProblems, newestFile }
}

const DATABASE = '/nix/var/nix/db'

/**
 * The store directory itself may be writable by the build users' group, which cannot change what is
 * there (sticky).
 */
function lookAtStore(): readonly string[] {
  const isBuildersOnly = (mode: number) => (mode & 0o1002) === 0o1000
  const problems = ['/nix', '/nix/store', '/nix/var', '/nix/var/nix', DATABASE, `${DATABASE}/db.sqlite`].map(
    path => {
      const { uid, mode } = lstatSync(path)
      const seen = path === '/nix/store' && isBuildersOnly(mode) ? mode & ~0o020 : mode
      return ownProblem(path, { uid, mode: seen })
    },
  )
  return problems.filter(problem => problem !== undefined)
}

const SECRETS = ['gate.secret', 'machine.secret']

function lookAtState(state: string): Tree {
  // Below `content` are refused outputs, with the modes that they had in the store.
  const tree = lookAtTree(
    state,
    path => basename(path) === 'content' && dirname(dirname(path)) === join(state, 'quarantine'),
  )
  const readable = SECRETS.map(name => join(state, name)).filter(file => {
    const status = lstatSync(file, { throwIfNoEntry: false })
    return status !== undefined && (status.mode & 0o077) !== 0
  })
  const problems = readable.map(
    file => `${printable(file)} can be read by others (chmod 600 ${printable(file)})`,
  )
  return { ...tree, problems: [...problems, ...tree.problems] }
}

/** All files of the installation, and the program that runs them. */
function lookAtBundle(installation: string): readonly string[] {
  const node = interpreterOf(installation)
  const problem =
    node === undefined ? 'node is not in a place where the hooks look for it' : protectionProblem(node)
  return [...(problem === undefined ? [] : [problem]), ...lookAtTree(installation).problems]
}
