import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { FileError } from '../files/regular-file.ts'
import { printable } from '../primitives/printable.ts'
import { GIT_ENVIRONMENT, gitArguments, gitProgram } from './objects.ts'
import type { GitRevision } from './signature.ts'

const TIME_LIMIT = 30 * 60_000

/** Ways to fetch; git knows others that run programs. */
const PROTOCOLS = ['https', 'http', 'ssh', 'git', 'file']

/**
 * Lets `use` work with a repository: a directory of this machine as it is, or what a URL has of one revision, fetched
 * into a private directory that is removed afterwards. Throws FileError if there is neither.
 */
export async function withRepository<T>(
  place: string,
  revision: GitRevision,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  if (statSync(place, { throwIfNoEntry: false })?.isDirectory()) return use(place)
  if (!PROTOCOLS.some(protocol => place.startsWith(`${protocol}://`))) {
    throw new FileError(`${printable(place)} is neither a directory nor the URL of a git repository`)
  }
  const directory = mkdtempSync(join(tmpdir(), 'nixsig-git-'))
  try {
    await fetchInto(directory, place, revision)
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function fetchInto(directory: string, url: string, revision: GitRevision): Promise<void> {
  const wanted = 'tag' in revision ? `refs/tags/${revision.tag}:refs/tags/${revision.tag}` : revision.commit
  const allowed = ['protocol.allow=never', ...PROTOCOLS.map(protocol => `protocol.${protocol}.allow=always`)]
  const settings = allowed.flatMap(setting => ['-c', setting])
  // Whose keys ssh uses is the caller's business.
  const { HOME, SSH_AUTH_SOCK } = process.env
  const env = { ...GIT_ENVIRONMENT, ...(HOME && { HOME }), ...(SSH_AUTH_SOCK && { SSH_AUTH_SOCK }) }
  const options = { env, timeout: TIME_LIMIT, maxBuffer: 1024 * 1024 }
  const git = (...args: readonly string[]) =>
    promisify(execFile)(gitProgram(), [...settings, ...gitArguments(directory), ...args], options)
  try {
    await git('init', '--quiet', '--bare')
    await git('fetch', '--quiet', '--no-tags', '--depth', '1', '--end-of-options', url, wanted)
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr || (error as Error).message)
    throw new FileError(`cannot fetch from ${printable(url)}: ${printable(reason.trim(), 300)}`)
  }
}
