/**
 * Repositories that gittuf protects, in which people sign with SSH, and the verdicts of gittuf and
 * of nixsig on their branches. Two branches have rules, for themselves and for the files that are
 * called like them: `one` needs one of alice and bob, `two` both; no rule is about other branches.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { judgeRevision } from '../../src/expressions/judge-revision.ts'
import { openRepository } from '../../src/git/open-repository.ts'
import { exitCode } from '../../src/policy/exit-code.ts'
import { parsePolicy } from '../../src/policy/language/parse.ts'
import { repositoryIn, type TestRepository, testRepository } from './git.ts'
import { sidProgram } from './sid-tools.ts'

/** Alice and bob are listed, mallory is a stranger. Root and policy sign what gittuf keeps of rules. */
const KEYS = ['root', 'policy', 'alice', 'bob', 'mallory'] as const
export type Person = 'alice' | 'bob' | 'mallory'

export type Gittuf = ReturnType<typeof gittufRepositories>

/** Makes the keys and the first repository. Call `remove` at the end. */
export function gittufRepositories() {
  const dir = mkdtempSync('/tmp/nixsig-gittuf-')
  for (const name of KEYS)
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(dir, name)])
  const program = sidProgram('gittuf', dir)
  const run = (repository: string, args: readonly string[], by: Person = 'alice') => {
    const env = {
      PATH: process.env['PATH'],
      HOME: dir,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'user.signingKey',
      GIT_CONFIG_VALUE_0: join(dir, by),
    }
    return spawnSync(program, args, { cwd: repository, env, encoding: 'utf8' })
  }
  const runAs = (by: Person, { directory }: TestRepository, args: readonly string[]) => {
    const { status, stderr } = run(directory, args, by)
    assert.equal(status, 0, `gittuf ${args.join(' ')}: ${stderr}`)
  }
  /** Runs gittuf in a repository; alice signs its entries in the log. */
  const gittuf = (repository: TestRepository, ...args: readonly string[]) => runAs('alice', repository, args)
  const first = firstRepository(dir, gittuf)
  return {
    dir,
    gittuf,
    /** A repository as it is before anybody changed a file, with this branch checked out. */
    repository: (branch: string): TestRepository => {
      const directory = mkdtempSync(join(dir, 'repository-'))
      cpSync(first.directory, directory, { recursive: true })
      const repository = repositoryIn(directory)
      repository.git('checkout', '-q', '-B', branch)
      return repository
    },
    /** Adds an entry about a branch to gittuf's log, signed by somebody. */
    record: (repository: TestRepository, branch: string, by: Person) =>
      runAs(by, repository, ['rsl', 'record', '--local-only', branch]),
    /** Whether gittuf accepts all that its log has about a branch. */
    accepts: ({ directory }: TestRepository, branch: string): boolean => {
      const { status, stderr } = run(directory, ['verify-ref', branch])
      const isRefusal = status === 1 && stderr.includes('gittuf policy verification failed')
      assert.ok(status === 0 || isRefusal, `gittuf: ${status} ${stderr}`)
      return status === 0
    },
    /** The exit status of nixsig's verdict on a branch, by rules like gittuf's about these people. */
    status: (repository: TestRepository, branch: string, listed?: readonly Person[]) =>
      statusOf(dir, repository, branch, listed),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** Commits a file of this name, with a new text in it; unsigned if nobody signs. Returns its id. */
export function commitFile(
  { dir }: Pick<Gittuf, 'dir'>,
  { directory, git }: TestRepository,
  name: string,
  by?: Person,
): string {
  writeFileSync(join(directory, name), `${process.hrtime.bigint()}\n`)
  git('add', name)
  git('commit', '-q', '-m', 'a commit', ...(by === undefined ? [] : [`-S${join(dir, by)}`]))
  return git('rev-parse', 'HEAD')
}

/** The id by which gittuf names a key in its rules. */
export function keyId(dir: string, name: Person): string {
  return (
    execFileSync('ssh-keygen', ['-lf', join(dir, `${name}.pub`)], { encoding: 'utf8' }).split(' ')[1] ?? ''
  )
}

function firstRepository(
  dir: string,
  gittuf: (repository: TestRepository, ...args: readonly string[]) => void,
): TestRepository {
  const repository = testRepository(join(dir, 'first'), {
    'gpg.format': 'ssh',
    'user.signingKey': join(dir, 'alice'),
  })
  repository.git('commit', '-q', '-S', '--allow-empty', '-m', 'first')
  for (const branch of ['one', 'two']) repository.git('branch', branch)
  const policy = ['--signing-key', join(dir, 'policy')]
  const root = ['--signing-key', join(dir, 'root')]
  gittuf(repository, 'trust', 'init', ...root)
  gittuf(repository, 'trust', 'add-policy-key', ...root, '--policy-key', join(dir, 'policy.pub'))
  gittuf(repository, 'policy', 'init', ...policy)
  const people = ['alice', 'bob'] as const
  const keys = people.flatMap(name => ['--public-key', join(dir, `${name}.pub`)])
  gittuf(repository, 'policy', 'add-key', ...policy, ...keys)
  const authorized = people.flatMap(each => ['--authorize', keyId(dir, each)])
  for (const [name, threshold] of [
    ['one', '1'],
    ['two', '2'],
  ] as const) {
    const patterns = ['--rule-pattern', `git:refs/heads/${name}`, '--rule-pattern', `file:${name}*`]
    const rule = ['--rule-name', name, ...patterns, ...authorized, '--threshold', threshold]
    gittuf(repository, 'policy', 'add-rule', ...policy, ...rule)
  }
  gittuf(repository, 'policy', 'stage', '--local-only')
  gittuf(repository, 'policy', 'apply', '--local-only')
  return repository
}

async function statusOf(
  dir: string,
  { directory }: TestRepository,
  branch: string,
  listed: readonly Person[] = ['alice', 'bob'],
): Promise<number> {
  const members = JSON.stringify(listed)
  const keys = listed.map(
    name => `${name}.keys = ["${readFileSync(join(dir, `${name}.pub`), 'utf8').trim()}"]`,
  )
  const toml = `version = 1
mode = "enforce"
[principals]
${keys.join('\n')}
[groups]
one = { members = ${members}, threshold = 1 }
two = { members = ${members}, threshold = ${Math.min(2, listed.length)} }
[default]
require = { source = "refuse", derivation = "refuse", output = "refuse" }
[[inputs]]
url = "https://example.org/one"
require = "one"
[[inputs]]
url = "https://example.org/two"
require = "two"
`
  const certificate = () => new Uint8Array()
  const policy = parsePolicy({ toml, file: 'policy.toml', directory: dir, certificate })
  const repository = openRepository(directory)
  try {
    const commit = await repository.resolve(`refs/heads/${branch}`)
    const question = { repository, url: `https://example.org/${branch}`, commit }
    return exitCode((await judgeRevision(policy, question, Math.floor(Date.now() / 1000))).verdict)
  } finally {
    repository.close()
  }
}
