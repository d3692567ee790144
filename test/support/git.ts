/** Git repositories with known contents, in a directory of the test. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

export interface TestRepository {
  readonly directory: string
  /** Runs git in it without any user configuration; returns its output, trimmed. */
  git(...args: readonly string[]): string
}

/** An empty repository; `settings` are written to its configuration. */
export function testRepository(
  directory: string,
  settings: Readonly<Record<string, string>> = {},
): TestRepository {
  mkdirSync(directory, { recursive: true })
  const repository = repositoryIn(directory)
  repository.git('init', '--quiet', '--initial-branch=main')
  const all = { 'user.name': 'Dev', 'user.email': 'dev@example.org', 'commit.gpgSign': 'false', ...settings }
  for (const [name, value] of Object.entries(all)) repository.git('config', name, value)
  return repository
}

/** A repository that is already there. */
export function repositoryIn(directory: string): TestRepository {
  const env = {
    PATH: process.env['PATH'],
    HOME: directory,
    GNUPGHOME: process.env['GNUPGHOME'],
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_DATE: '2024-01-02T03:04:05Z',
    GIT_COMMITTER_DATE: '2024-01-02T03:04:05Z',
  }
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', directory, ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  return { directory, git }
}
